"""Measures of groups of paths with intervals over paths, and the differences that these support."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from timbrespace.core.seeds import numpy_generator
from timbrespace.evaluation.benchmark.statistics import holm
from timbrespace.evaluation.comparison.heard import HeardPaths, RealSound
from timbrespace.latent.coverage import Ground, Visits

DRAWS = 400
LEVEL = 0.95


@dataclass(frozen=True)
class Measure:
    """A measure of a group: its name, title, which way is better, the most it can be, how it is written and defined."""

    name: str
    title: str
    better: str
    most: float
    digits: int
    formula: str


MEASURES = (
    Measure("precision", "precision", "higher", 1.0, 2, "share of the paths' points inside a ball of the data"),
    Measure("density", "density", "higher", math.inf, 2, "mean number of the data's balls around a point, over k = 5"),
    Measure("recall", "recall", "higher", 1.0, 2, "share of the data's points inside a ball of the paths"),
    Measure("coverage", "coverage", "higher", 1.0, 2, "share of the data's balls that are visited"),
    Measure(
        "outside",
        "outside",
        "lower",
        1.0,
        2,
        "share of points farther from the data than 99 % of the data are from other sounds",
    ),
    Measure("range", "range", "near 1", math.inf, 2, "5-95 % range of the paths over the data's, mean over axes"),
    Measure(
        "descriptor_coverage",
        "descriptors covered",
        "higher",
        1.0,
        2,
        "share of the real sound's deciles of each descriptor that hold 1 % of the paths' steps or more",
    ),
    Measure(
        "descriptor_overlap",
        "descriptors alike",
        "higher",
        1.0,
        2,
        "area shared by the histograms over these deciles, mean over descriptors",
    ),
    Measure(
        "frechet",
        "Fréchet",
        "lower",
        math.inf,
        1,
        "Fréchet distance of rendered to real sound; features: 12 principal components of means and deviations of 32"
        " mel bands over half seconds, in the real sound's deviations",
    ),
)
TITLES = {m.name: m for m in MEASURES}


@dataclass(frozen=True)
class Scored:
    """A measure's value, the ends of its 95 % interval, and the draws of the bootstrap that these come from."""

    value: float
    low: float
    high: float
    draws: np.ndarray


@dataclass(frozen=True)
class Difference:
    """A measure of one group, (model, paths), less that of another, with its interval and Holm-adjusted p-value."""

    measure: str
    what: tuple[str, str]
    against: tuple[str, str]
    value: float
    low: float
    high: float
    p_value: float

    @property
    def decided(self) -> bool:
        """Whether it is told apart from none, all differences of the comparison considered."""
        return self.p_value < 1 - LEVEL


def scored(
    ground: Ground, real: RealSound, visits: Visits, heard: HeardPaths, *, seed: int, draws: int = DRAWS
) -> dict[str, Scored]:
    """All measures of a group, with percentile intervals of a bootstrap that draws whole paths.

    The number of paths is the number of independent pieces; points of one path are not. Measures of a union (coverage,
    recall, descriptor_coverage) fall when paths are drawn twice, so that their percentiles would lie below their value:
    the draws are shifted by the mean shortfall (Efron & Tibshirani 1993, "An Introduction to the Bootstrap", 10.6), and
    the ends held within what a measure can be.
    The same ``seed`` draws the same paths in every model, which pairs them.
    """
    value = _together(ground, real, visits, heard, None)
    generator = numpy_generator(seed, "paths")
    n = len(visits.points)
    drawn = [_together(ground, real, visits, heard, generator.integers(0, n, n)) for _ in range(draws)]
    found = {}
    for name, at in value.items():
        values = np.array([d[name] for d in drawn])
        values = values + (at - np.nanmean(values))
        ends = np.nanquantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        low, high = np.clip(ends, 0.0, TITLES[name].most).tolist()
        found[name] = Scored(at, low, high, values)
    return found


def _together(
    ground: Ground, real: RealSound, visits: Visits, heard: HeardPaths, drawn: np.ndarray | None
) -> dict[str, float]:
    """The measures of places and of sound, of all paths or of those ``drawn`` by number."""
    return visits.scores(ground, drawn) | heard.scores(real, drawn)


def differences(
    table: Mapping[tuple[str, str], Mapping[str, Scored]], pairs: Sequence[tuple[tuple[str, str], tuple[str, str]]]
) -> list[Difference]:
    """Differences of the measures of pairs of (model, group), draw by draw, with Holm's correction over all."""
    rows = []
    for one, other in pairs:
        for measure in MEASURES:
            a, b = table[one][measure.name], table[other][measure.name]
            drawn = a.draws - b.draws
            low, high = np.nanquantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
            rows.append((measure.name, one, other, a.value - b.value, float(low), float(high), _p_value(drawn)))
    adjusted = holm([row[-1] for row in rows])
    return [
        Difference(name, one, other, value, low, high, p)
        for (name, one, other, value, low, high, _), p in zip(rows, adjusted, strict=True)
    ]


def _p_value(drawn: np.ndarray) -> float:
    """Two-sided, of no difference, from the draws' mean and deviation as of a normal distribution: their few hundred
    cannot tell the small values that the correction for many differences asks for.
    """
    from scipy.special import ndtr

    known = drawn[np.isfinite(drawn)]
    deviation = float(known.std(ddof=1)) if len(known) > 2 else float("nan")
    if not deviation > 0:
        return 1.0 if not len(known) or float(known.mean()) == 0 or not np.isfinite(deviation) else 0.0
    return float(2 * ndtr(-abs(float(known.mean())) / deviation))
