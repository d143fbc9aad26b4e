"""The design of a benchmark: which variants are trained, what is expected, what is compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from timbrespace.core.batch import Batch
from timbrespace.core.component import build
from timbrespace.core.errors import DataError, ParameterError, RecipeError, TrainingError, did_you_mean
from timbrespace.datasets.base import Dataset
from timbrespace.datasets.known import known_data
from timbrespace.evaluation.benchmark.expectations import Claim
from timbrespace.evaluation.benchmark.judge import pictures_of
from timbrespace.evaluation.benchmark.variants import Variant, leaves
from timbrespace.training.plan import Plan
from timbrespace.training.trainer import idle_weights, require_weights


@dataclass(frozen=True)
class Families:
    """The two or more levels of one axis between which effects are compared."""

    axis: str
    levels: tuple[str, ...]


@dataclass(frozen=True)
class Grid:
    """What a grid file says; ``variants`` are complete recipes, ``axes`` the names of levels by axis, in order.

    ``path`` is the file as it was given, for the command that runs it again.
    """

    name: str
    title: str
    seeds: int
    measures: tuple[str, ...]
    variants: tuple[Variant, ...]
    axes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    expectations: tuple[Claim, ...] = ()
    families: Families | None = None
    path: str = ""

    def variant(self, name: str) -> Variant:
        """The variant of that name; raises :class:`RecipeError`."""
        for variant in self.variants:
            if variant.name == name:
                return variant
        raise RecipeError(f"There is no variant {name!r}. {did_you_mean(name, [v.name for v in self.variants])}")

    def texts(self) -> dict[str, str]:
        """What is expected in words, by variant."""
        return {v.name: v.expectation for v in self.variants if v.expectation}


def check_parts(grid: Grid, sources: Mapping[str, str]) -> dict[str, list[str]]:
    """Build every part of every variant once for every data set (``{label: path or name}``), without reading data.

    One loss of every player on made-up pictures shows that each term has a weight. Returns the weights that have no
    term, by variant: no mistake, for variants share them. Raises :class:`RecipeError` that names the variant, its
    place in the grid and the reason.
    """
    idle: dict[str, list[str]] = {}
    for label, source in sources.items():
        for variant in grid.variants:
            plan = Plan(variant.name, variant.sections, known_data(source), 0, "cpu", 1)
            try:
                idle[variant.name] = _idle_weights(plan)
            except (ParameterError, TrainingError) as error:
                raise RecipeError(
                    f"{grid.name}: variant '{variant.name}' on {label} cannot be built: {error}"
                ) from error
    return {name: weights for name, weights in idle.items() if weights}


@torch.no_grad()
def _idle_weights(plan: Plan) -> list[str]:
    dataset, training = plan.dataset(), plan.training()
    model = plan.model(dataset, plan.transform(dataset))
    given = dataset.provides()
    if not {"n_channels", "n_features", "n_frames"} <= given.keys():
        kind = plan.sections["data"].get("kind", "these")
        raise ParameterError(f"{kind} data are sounds, and the benchmark compares models of pictures; take Images.")
    batch = Batch.of(torch.rand(2, given["n_channels"], given["n_features"], given["n_frames"]))
    terms: set[str] = set()
    for player in model.players():
        terms.update(model.losses(batch, player, step=0, generator=torch.Generator()))
    require_weights(sorted(terms), training)
    return idle_weights(terms, training)


def check_data(grid: Grid, sources: Mapping[str, str]) -> dict[str, str]:
    """Read every data set as every variant wants it, once each, and return the fingerprints of the pictures by label.

    Raises :class:`DataError` that names the variant for settings that the data cannot fulfil.
    """
    contents = {}
    for label, source in sources.items():
        path = known_data(source)
        known: list[dict[str, Any]] = []
        for variant in grid.variants:
            section = variant.sections["data"]
            if section in known:
                continue
            known.append(section)
            try:
                build(Dataset, section, wired={"path": path}).prepare()
            except DataError as error:
                raise DataError(
                    f"{grid.name}: variant '{variant.name}' on {label} cannot be trained: {error}"
                ) from error
        contents[label] = pictures_of(path).prepare().fingerprint
    return contents


def differing_settings(grid: Grid) -> Iterator[tuple[str, str, Any]]:
    """Every setting in which variants differ, as (variant, dotted place, value)."""
    tables = {variant.name: dict(leaves(variant.sections)) for variant in grid.variants}
    places = sorted({place for table in tables.values() for place in table})
    for place in places:
        values = [table.get(place) for table in tables.values()]
        if any(value != values[0] for value in values):
            yield from ((name, place, table.get(place)) for name, table in tables.items())
