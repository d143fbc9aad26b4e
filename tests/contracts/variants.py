"""Every member of a family, and every choice that its constructor offers."""

from __future__ import annotations

from typing import Any, Literal, TypeVar, get_args, get_origin

import torch

from tests.contracts.common import WIRED
from timbrespace.core.component import Argument, Component, build, catalogue

C = TypeVar("C", bound=Component)


def variants(family: type[Component], names: list[str]) -> list[dict[str, Any]]:
    """A table per member with its defaults, and one per other value of each switch, choice or optional argument."""
    found: list[dict[str, Any]] = []
    for name in names:
        found.append({"kind": name})
        for argument in catalogue(family)[name].arguments().values():
            others = [value for value in choices(argument) if value != argument.default]
            found += [{"kind": name, argument.name: value} for value in others]
    return found


def choices(argument: Argument) -> list[Any]:
    """The values of a switch or a choice, the members of another family, or "none given" where that is allowed."""
    if argument.required or argument.wired:
        return []
    if argument.family is not None:
        return [{"kind": kind} for kind in catalogue(argument.family)]
    if isinstance(argument.default, bool):
        return [True, False]
    hint = get_args(argument.annotation)[0] if hasattr(argument.annotation, "__metadata__") else argument.annotation
    if get_origin(hint) is Literal:
        return list(get_args(hint))
    return [None] if type(None) in get_args(hint) else []


def made(family: type[C], table: dict[str, Any], **wired: Any) -> C:
    """The member of a table, reproducibly initialised; ``wired`` takes the place of the usual sizes."""
    torch.manual_seed(0)
    return build(family, table, wired={**WIRED, **wired})


def spelled(table: dict[str, Any]) -> str:
    """A table as a test's name."""
    parts = [str(value["kind"]) if isinstance(value, dict) else str(value) for value in table.values()]
    return "-".join(parts)
