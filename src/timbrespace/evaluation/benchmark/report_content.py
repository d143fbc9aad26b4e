"""What the report is made of: a benchmark's results with what the statistics say about them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from timbrespace.evaluation.benchmark.cells import PICTURES
from timbrespace.evaluation.benchmark.columns import MEASURES
from timbrespace.evaluation.benchmark.expectations import texts_on_record
from timbrespace.evaluation.benchmark.findings import Correlation, Effect, Judgement, correlations, effects, judge
from timbrespace.evaluation.benchmark.report_choice import Candidate, candidates
from timbrespace.evaluation.benchmark.results import Results
from timbrespace.evaluation.benchmark.statistics import Interval
from timbrespace.evaluation.benchmark.tables import marks
from timbrespace.evaluation.benchmark.variants import Variant

PRIOR_MEASURE, SAMPLE_MEASURE = "mmd_prior", "frechet_prior"
"""How far codes lie from the prior, and how far samples lie from the data: does one tell the other?"""
ELSEWHERE = (PRIOR_MEASURE, SAMPLE_MEASURE, "frechet_mixture", "reconstruction")
"""Measures that pictures are captioned with, in the table or not."""


@dataclass(frozen=True)
class Trained:
    """One finished training: its numbers, and the folder that holds its pictures."""

    variant: str
    data: str
    seed: int
    measures: Mapping[str, float | None]
    curve: Mapping[str, Sequence[float | None]]
    cost: Mapping[str, Any]
    kl_per_dimension: tuple[float, ...]
    folder: Path

    def pictures(self) -> dict[str, np.ndarray]:
        """The arrays of its pictures; empty where the file is missing or not whole."""
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            return dict(load_file(self.folder / PICTURES))
        except (OSError, SafetensorError):
            return {}


@dataclass(frozen=True)
class Failure:
    """A training that gave no result, and why."""

    variant: str
    data: str
    seed: int
    reason: str


@dataclass(frozen=True)
class Content:
    """Everything the page shows. ``summary`` is by (data, variant, measure), ``marks`` by (data, measure)."""

    title: str
    variants: Sequence[Variant]
    data: Sequence[str]
    seeds: Sequence[int]
    measures: Sequence[str]
    cells: Sequence[Trained]
    summary: Mapping[tuple[str, str, str], Interval]
    marks: Mapping[tuple[str, str], Mapping[str, str]]
    judgements: Sequence[Judgement] = ()
    texts: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    effects: Sequence[Effect] = ()
    correlations: Sequence[Correlation] = ()
    candidates: Sequence[Candidate] = ()
    failures: Sequence[Failure] = ()
    setting: Mapping[str, str] = field(default_factory=dict)
    command: str = ""

    def of(self, data: str, variant: str) -> list[Trained]:
        """The finished trainings of a variant on a data set, by seed."""
        found = [c for c in self.cells if c.data == data and c.variant == variant]
        return sorted(found, key=lambda cell: cell.seed)

    def title_of(self, variant: str) -> str:
        """A variant's title; of one that the grid no longer has, its name."""
        return next((v.title for v in self.variants if v.name == variant), variant)

    def why_missing(self, data: str, variant: str) -> str:
        """Why a variant has no result on a data set, in words."""
        reasons = {f.reason for f in self.failures if (f.data, f.variant) == (data, variant)}
        return f"Failed: {' '.join(sorted(reasons))}" if reasons else "Not trained yet."


def content_of(results: Results, *, setting: Mapping[str, str], command: str) -> Content:
    """Everything the page shows of a benchmark, computed from its results."""
    measures = [name for name in results.grid.measures if name in MEASURES]
    found = summary(results, dict.fromkeys([*measures, *ELSEWHERE]))
    return Content(
        title=results.grid.title,
        variants=results.grid.variants,
        data=results.data,
        seeds=range(results.seeds),
        measures=measures,
        cells=trained(results),
        summary=found,
        marks={(data, m): marks(results, m, data) for data in results.data for m in measures},
        judgements=judge(results),
        texts=texts_on_record(results.out),
        effects=effects(results, measures),
        correlations=correlations(results, ((PRIOR_MEASURE, SAMPLE_MEASURE),)),
        candidates=candidates(results),
        failures=failures(results),
        setting=setting,
        command=command,
    )


def trained(results: Results) -> list[Trained]:
    """All finished trainings of a benchmark."""
    found = []
    for data in results.data:
        for variant in results.grid.variants:
            for seed in range(results.seeds):
                result = results.result(data, variant.name, seed)
                if result is not None:
                    kl = tuple(float(x) for x in result.get("kl_per_dimension") or ())
                    told = result["measures"], result["curve"], result["cost"]
                    found.append(Trained(variant.name, data, seed, *told, kl, results.folder(data, variant.name, seed)))
    return found


def summary(results: Results, measures: Iterable[str]) -> dict[tuple[str, str, str], Interval]:
    """Mean and interval of every measure that has a value, by (data, variant, measure)."""
    keys = itertools.product(results.data, [v.name for v in results.grid.variants], measures)
    found = {(data, name, m): results.interval(m, data, name) for data, name, m in keys}
    return {key: interval for key, interval in found.items() if interval.n}


def failures(results: Results) -> list[Failure]:
    """The trainings that failed, with the reason."""
    found = []
    for key, reason in results.failed.items():
        data, variant, seed = key.split("/")
        found.append(Failure(variant, data, int(seed.removeprefix("seed-")), reason))
    return found
