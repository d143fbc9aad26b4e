"""Variants of one recipe: what a grid's levels change, and how changes are merged into a recipe."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from timbrespace.core.component import Component, catalogue
from timbrespace.datasets.base import Dataset
from timbrespace.models.base import Model
from timbrespace.training.options import Training
from timbrespace.transforms.base import AudioTransform

Tables = dict[str, Any]
SECTION_FAMILIES: dict[str, type[Component]] = {
    "data": Dataset,
    "transform": AudioTransform,
    "model": Model,
    "training": Training,
}


@dataclass(frozen=True)
class Change:
    """Settings to merge into a recipe's tables, and dotted places to take out of it."""

    settings: Tables = field(default_factory=dict)
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class Level:
    """One choice on an axis."""

    name: str
    title: str
    change: Change
    expectation: str = ""


@dataclass(frozen=True)
class Axis:
    """Choices of which every variant of the product takes one."""

    name: str
    title: str
    levels: tuple[Level, ...]


@dataclass(frozen=True)
class Variant:
    """A complete recipe's tables under a name; ``factors`` says which level it is on each axis."""

    name: str
    title: str
    sections: Tables
    factors: dict[str, str] = field(default_factory=dict)
    expectation: str = ""


def product(base: Tables, axes: Sequence[Axis], skipped: Sequence[Mapping[str, Sequence[str]]]) -> Iterator[Variant]:
    """One variant per combination of levels; the axes' changes are merged in the order of the axes."""
    for levels in itertools.product(*(axis.levels for axis in axes)):
        factors = {axis.name: level.name for axis, level in zip(axes, levels, strict=True)}
        if not levels or any(all(factors[a] in names for a, names in s.items()) for s in skipped):
            continue
        sections = base
        for level in levels:
            sections = changed(sections, level.change)
        yield Variant(
            name="-".join(level.name for level in levels),
            title=", ".join(level.title for level in levels),
            sections=sections,
            factors=factors,
            expectation=" ".join(level.expectation for level in levels if level.expectation),
        )


def changed(sections: Tables, change: Change) -> Tables:
    """A copy of a recipe's tables with a change made to it; :class:`KeyError` for a ``without`` that is not there.

    Tables are merged key by key. Where a table names another ``kind`` than the one it meets, the part is replaced:
    of the old part's settings only those stay that the new kind takes as well (``latent_dim``, say).
    """
    result = copy.deepcopy(sections)
    for place in change.without:
        _remove(result, place)
    for section, table in change.settings.items():
        family = SECTION_FAMILIES.get(section)
        result[section] = _merged(result.get(section), table, family, many=False)
    return result


def leaves(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every setting below a table as (dotted place, value)."""
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _merged(old: Any, new: Any, family: type[Component] | None, *, many: bool) -> Any:
    """``many``: the table's values are parts of the family, by names of the user's."""
    if not isinstance(new, Mapping):
        return copy.deepcopy(new)
    result: Tables = dict(old) if isinstance(old, Mapping) else {}
    cls = None if many else _class(family, new.get("kind", result.get("kind")))
    if not many and "kind" in new and new["kind"] != result.get("kind", new["kind"]):
        result = {key: value for key, value in result.items() if cls is not None and key in cls.arguments()}
    for key, value in new.items():
        if many:
            result[key] = _merged(result.get(key), value, family, many=False)
        else:
            argument = cls.arguments().get(key) if cls is not None else None
            below = None if argument is None else argument.family or argument.item_family
            several = argument is not None and argument.family is None and argument.item_family is not None
            result[key] = _merged(result.get(key), value, below, many=several)
    return result


def _class(family: type[Component] | None, kind: object) -> type[Component] | None:
    if family is None:
        return None
    classes = catalogue(family)
    return next(iter(classes.values())) if kind is None and len(classes) == 1 else classes.get(str(kind))


def _remove(sections: Tables, place: str) -> None:
    *path, last = place.split(".")
    table: Any = sections
    for key in path:
        table = table[key] if isinstance(table, Mapping) else {}
    if not isinstance(table, dict) or last not in table:
        raise KeyError(place)
    del table[last]
