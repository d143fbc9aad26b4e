"""The design of a benchmark: which variants are trained, what is expected, what is compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from timbrespace.core.errors import ParameterError, RecipeError, did_you_mean
from timbrespace.datasets.known import known_data
from timbrespace.evaluation.benchmark.expectations import Claim
from timbrespace.evaluation.benchmark.variants import Variant, leaves
from timbrespace.training.plan import Plan


@dataclass(frozen=True)
class Families:
    """The two or more levels of one axis between which effects are compared."""

    axis: str
    levels: tuple[str, ...]


@dataclass(frozen=True)
class Grid:
    """What a grid file says; ``variants`` are complete recipes, ``axes`` the names of levels by axis, in order."""

    name: str
    title: str
    seeds: int
    measures: tuple[str, ...]
    variants: tuple[Variant, ...]
    axes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    expectations: tuple[Claim, ...] = ()
    families: Families | None = None

    def variant(self, name: str) -> Variant:
        """The variant of that name; raises :class:`RecipeError`."""
        for variant in self.variants:
            if variant.name == name:
                return variant
        raise RecipeError(f"There is no variant {name!r}. {did_you_mean(name, [v.name for v in self.variants])}")

    def texts(self) -> dict[str, str]:
        """What is expected in words, by variant."""
        return {v.name: v.expectation for v in self.variants if v.expectation}


def check_parts(grid: Grid, sources: Mapping[str, str]) -> None:
    """Build every part of every variant once for every data set (``{label: path or name}``), without reading data.

    Raises :class:`RecipeError` that names the variant, its place in the grid and the reason.
    """
    for label, source in sources.items():
        for variant in grid.variants:
            plan = Plan(variant.name, variant.sections, known_data(source), 0, "cpu", 1)
            try:
                dataset = plan.dataset()
                plan.model(dataset, plan.transform(dataset))
            except ParameterError as error:
                raise RecipeError(
                    f"{grid.name}: variant '{variant.name}' on {label} cannot be built: {error}"
                ) from error


def differing_settings(grid: Grid) -> Iterator[tuple[str, str, Any]]:
    """Every setting in which variants differ, as (variant, dotted place, value)."""
    tables = {variant.name: dict(leaves(variant.sections)) for variant in grid.variants}
    places = sorted({place for table in tables.values() for place in table})
    for place in places:
        values = [table.get(place) for table in tables.values()]
        if any(value != values[0] for value in values):
            yield from ((name, place, table.get(place)) for name, table in tables.items())
