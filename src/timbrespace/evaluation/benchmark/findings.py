"""What a benchmark found: expectations beside what happened, effects by family, correlations, all with intervals."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from timbrespace.core.seeds import numpy_generator
from timbrespace.evaluation.benchmark.columns import COSTS
from timbrespace.evaluation.benchmark.design import Grid
from timbrespace.evaluation.benchmark.expectations import Claim, Dated, on_record
from timbrespace.evaluation.benchmark.results import Results
from timbrespace.evaluation.benchmark.statistics import (
    LEVEL,
    Interval,
    crossed_interval,
    holm,
    mean_interval,
    rank_correlation,
)

Verdict = Literal["held", "did not hold", "not decided"]
Where = Literal["both", "opposite", "stronger", "neither decided"]
MOST_LEVELS = 12


@dataclass(frozen=True)
class Judgement:
    """A claim on one data set beside what happened.

    ``difference`` is that of ``variant`` minus ``factor`` times ``against`` (for ``"same"``: minus ``against``);
    ``adjusted_p`` is its p-value by Holm's procedure over all claims of this benchmark. A verdict is given only if
    the interval supports it and the adjusted p-value is below 5 %.
    """

    expectation: Dated
    data: str
    verdict: Verdict
    variant: Interval
    against: Interval
    difference: Interval
    adjusted_p: float


@dataclass(frozen=True)
class Effect:
    """What going from level ``start`` to ``end`` of an axis does to a measure, within one family or in two.

    ``first`` and ``second`` are the effects in the two families, ``difference`` the first minus the second; all are
    means over the pairs of variants that differ in nothing else, of which ``pairs`` exist in both families.
    ``where`` says of which family the effect is, in words in :meth:`sentence`.
    """

    data: str
    measure: str
    axis: str
    start: str
    end: str
    families: tuple[str, str]
    first: Interval
    second: Interval
    difference: Interval
    pairs: int
    adjusted_p: tuple[float, float, float]

    @property
    def _supported(self) -> tuple[int, int, int]:
        intervals = (self.first, self.second, self.difference)
        signs = [i.sign if p < 1 - LEVEL else 0 for i, p in zip(intervals, self.adjusted_p, strict=True)]
        return signs[0], signs[1], signs[2]

    @property
    def where(self) -> Where:
        """``"stronger"``: decided in one family alone, and so is the difference between the families.

        That there is no effect in the other family is not said: what is not decided may be there, only smaller.
        """
        first, second, difference = self._supported
        if first and second:
            return "both" if first == second else "opposite"
        if (first or second) and difference == (first or -second):
            return "stronger"
        return "neither decided"

    def sentence(self) -> str:
        """The effect in words; what is not supported is said to be not decided."""
        first, second, difference = self._supported
        what = f"{self.axis} {self.end} instead of {self.start}"
        verb = {1: "raises", -1: "lowers", 0: "does not demonstrably change"}
        a, b = self.families
        if self.where == "both":
            more = "" if not difference else f", more in {a if difference == first else b}"
            return f"{what} {verb[first]} {self.measure} in {a} and in {b}{more}"
        if self.where == "opposite":
            return f"{what} {verb[first]} {self.measure} in {a} and {verb[second]} it in {b}"
        inside, other = (a, b) if first else (b, a)
        if self.where == "stronger":
            than = f"more than in {other}, where none is decided"
            return f"{what} {verb[first or second]} {self.measure} in {inside}, {than}"
        if first or second:
            return f"{what} {verb[first or second]} {self.measure} in {inside}; in {other} it is not decided"
        return f"{what}: no effect on {self.measure} is decided in {a} or {b}"


@dataclass(frozen=True)
class Correlation:
    """Spearman's correlation of two measures across the variants of one data set."""

    data: str
    x: str
    y: str
    value: Interval
    adjusted_p: float

    @property
    def supported(self) -> bool:
        """Whether the interval leaves 0 out, with all correlations of the benchmark in mind."""
        return self.value.sign != 0 and self.adjusted_p < 1 - LEVEL


def judge(results: Results) -> list[Judgement]:
    """Every claim on record, withdrawn ones too, on every data set.

    One about a variant that the grid no longer has is not decided, and counts among the others.
    """
    drafts = [_draft(results, dated, data) for dated in on_record(results.out) for data in results.data]
    adjusted = holm([p for _, p in drafts])
    return [
        Judgement(*fields, adjusted_p=p) if p < 1 - LEVEL else _undecided(fields, p)
        for (fields, _), p in zip(drafts, adjusted, strict=True)
    ]


Fields = tuple[Dated, str, Verdict, Interval, Interval, Interval]


def _undecided(fields: Fields, p: float) -> Judgement:
    dated, data, _, variant, against, difference = fields
    return Judgement(dated, data, "not decided", variant, against, difference, p)


def _draft(results: Results, dated: Dated, data: str) -> tuple[Fields, float]:
    """A judgement before it is known how many others there are, and its p-value."""
    claim = dated.claim
    variant, against = (results.interval(claim.about, data, v) for v in (claim.variant, claim.against))
    if claim.direction == "same":
        verdict, p = _same(results, claim, data)
        return (dated, data, verdict, variant, against, _difference(results, claim, data, 1.0)), p
    difference = _difference(results, claim, data, claim.factor)
    expected = 1 if claim.direction == "higher" else -1
    verdicts: dict[int, Verdict] = {expected: "held", -expected: "did not hold", 0: "not decided"}
    return (dated, data, verdicts[difference.sign], variant, against, difference), difference.p_value


def _same(results: Results, claim: Claim, data: str) -> tuple[Verdict, float]:
    """Two one-sided tests: not above ``factor`` times, and not below the ``factor``-th part.

    Schuirmann 1987 (https://doi.org/10.1007/BF01068419), here at the two-sided level of the interval: the stricter.
    """
    upper = _difference(results, claim, data, claim.factor)
    lower = _difference(results, claim, data, 1 / claim.factor)
    if upper.sign < 0 and lower.sign > 0:
        return "held", max(upper.p_value, lower.p_value)
    broken = [side.p_value for side, sign in ((upper, 1), (lower, -1)) if side.sign == sign]
    if broken:
        return "did not hold", min(broken)
    return "not decided", 1.0


def _difference(results: Results, claim: Claim, data: str, factor: float) -> Interval:
    return results.difference(claim.about, data, claim.variant, claim.against, factor=factor)


def effects(results: Results, measures: Sequence[str] | None = None) -> list[Effect]:
    """The effect of every axis on every measure, compared between the grid's families.

    On each axis the levels are compared with the first. P-values are adjusted over all effects on one measure and
    data set. Nothing if the grid names no families.
    """
    families = results.grid.families
    found: list[Effect] = []
    if families is None:
        return found
    chosen = [m for m in (results.grid.measures if measures is None else measures) if m not in COSTS]
    contrasts = list(_contrasts(results.grid, families.axis, families.levels))
    for data, measure in itertools.product(results.data, chosen):
        drafts = []
        for axis, start, end, pair in contrasts:
            pairs = _matched(results.grid, families.axis, pair, axis, (start, end))
            first, second = (_mean_effect(results, measure, data, [p[k] for p in pairs]) for k in (0, 1))
            if first.shape != second.shape:  # examples are known in one family only
                first, second = (f if f.ndim == 1 else f.mean(axis=1) for f in (first, second))
            intervals = tuple(_over_seeds(values) for values in (first, second, first - second))
            if intervals[2].n:
                drafts.append((axis, start, end, pair, intervals, len(pairs)))
        p = holm([interval.p_value for draft in drafts for interval in draft[4]])
        for k, (axis, start, end, pair, (a, b, c), n) in enumerate(drafts):
            adjusted = (p[3 * k], p[3 * k + 1], p[3 * k + 2])
            found.append(Effect(data, measure, axis, start, end, pair, a, b, c, n, adjusted))
    return found


def correlations(
    results: Results, pairs: Sequence[tuple[str, str]] = (("mmd_prior", "frechet_prior"),), *, seed: int = 0
) -> list[Correlation]:
    """Rank correlations of pairs of measures across variants on every data set; p-values adjusted over all of them.

    Variants of a grid share parts and are no independent draws from anything: read the intervals as those of grids
    like this one.
    """
    drafts = []
    for data, (x, y) in itertools.product(results.data, pairs):
        tables = [np.stack([results.values(m, data, v.name) for v in results.grid.variants]) for m in (x, y)]
        generator = numpy_generator(seed, "correlation", data, x, y)
        drafts.append((data, x, y, rank_correlation(tables[0], tables[1], generator=generator)))
    adjusted = holm([value.p_value for *_, value in drafts])
    return [Correlation(*draft, adjusted_p=p) for draft, p in zip(drafts, adjusted, strict=True)]


def _contrasts(grid: Grid, family: str, levels: Sequence[str]) -> Iterator[tuple[str, str, str, tuple[str, str]]]:
    """(axis, first level, another level, two families) for which variants exist in both families."""
    for axis, names in grid.axes.items():
        if axis == family:
            continue
        for end, pair in itertools.product(names[1:MOST_LEVELS], itertools.combinations(levels, 2)):
            if _matched(grid, family, pair, axis, (names[0], end)):
                yield axis, names[0], end, pair


Pair = tuple[str, str]


def _matched(grid: Grid, family: str, families: Pair, axis: str, levels: Pair) -> list[tuple[Pair, Pair]]:
    """((start, end) in the first family, the same in the second) for every setting of the other axes."""
    by_factors = {frozenset(v.factors.items()): v.name for v in grid.variants}
    found = []
    for variant in grid.variants:
        if variant.factors.get(family) != families[0] or variant.factors.get(axis) != levels[0]:
            continue
        names = [
            by_factors.get(frozenset((variant.factors | {family: f, axis: level}).items()))
            for f in families
            for level in levels
        ]
        if all(name is not None for name in names):
            a, b, c, d = (str(name) for name in names)
            found.append(((a, b), (c, d)))
    return found


def _mean_effect(results: Results, measure: str, data: str, pairs: Sequence[Pair]) -> np.ndarray:
    """Mean over pairs of end - start by seed, and by test example where all know it; NaN where one is missing."""
    names = {name for pair in pairs for name in pair}
    examples = {name: results.examples(measure, data, name) for name in names}
    values = {name: table for name, table in examples.items() if table is not None}
    if len(values) < len(names) or len({table.shape for table in values.values()}) > 1:
        values = {name: results.values(measure, data, name) for name in names}
    return np.mean([values[end] - values[start] for start, end in pairs], axis=0)


def _over_seeds(values: np.ndarray) -> Interval:
    return mean_interval(values) if values.ndim == 1 else crossed_interval(values)
