from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from timbrespace.core.seeds import numpy_generator
from timbrespace.evaluation.benchmark.statistics import (
    Interval,
    crossed_interval,
    holm,
    mean_interval,
    paired_difference,
    rank_correlation,
)

TRIALS = 1500


def covers(draw: Callable[[np.random.Generator], Interval], truth: float, *, trials: int = TRIALS) -> float:
    """The share of draws whose interval holds the truth."""
    generator = numpy_generator(0, "coverage")
    found = [draw(generator) for _ in range(trials)]
    return float(np.mean([i.low <= truth <= i.high for i in found]))


def test_student_as_scipy_has_it() -> None:
    values = numpy_generator(1).standard_normal(5) + 1
    interval = mean_interval(values)
    expected = stats.ttest_1samp(values, 0.0)
    low, high = expected.confidence_interval(0.95)
    assert (interval.low, interval.high) == pytest.approx((low, high), rel=1e-9)
    assert interval.p_value == pytest.approx(expected.pvalue, rel=1e-6)
    assert interval.mean == pytest.approx(values.mean())
    assert mean_interval(values, level=0.8).half < interval.half


def test_what_a_single_seed_cannot_tell() -> None:
    assert mean_interval(np.array([3.0, np.nan])) == Interval(3.0, -np.inf, np.inf, 1.0, 1)
    none = mean_interval(np.array([np.nan]))
    assert (none.n, none.p_value, none.sign) == (0, 1.0, 0)
    one = crossed_interval(np.array([[1.0, 3.0], [np.nan, np.nan]]))
    assert (one.mean, one.n, one.high) == (2.0, 1, np.inf)
    assert crossed_interval(np.empty((3, 0))).n == 0


def test_seeds_that_agree_exactly() -> None:
    interval = mean_interval(np.array([2.0, 2.0, 2.0]))
    assert (interval.low, interval.high, interval.sign) == (2.0, 2.0, 1)
    assert interval.p_value < 1e-6
    zero = mean_interval(np.zeros(3))
    assert (zero.sign, zero.p_value) == (0, 1.0)


def test_the_sign_and_the_p_value_say_the_same() -> None:
    generator = numpy_generator(2)
    for _ in range(200):
        interval = mean_interval(generator.standard_normal(3) + generator.choice([-2.0, 0.0, 2.0]))
        assert (interval.p_value < 0.05) == (interval.sign != 0)
        assert interval.sign in (0, np.sign(interval.mean))


@pytest.mark.parametrize("seeds", [3, 5])
def test_coverage_over_seeds(seeds: int) -> None:
    assert 0.93 < covers(lambda g: mean_interval(g.standard_normal(seeds)), 0.0) < 0.97
    skewed = covers(lambda g: mean_interval(np.exp(0.2 * g.standard_normal(seeds))), float(np.exp(0.02)))
    assert 0.92 < skewed < 0.98


def test_a_percentile_bootstrap_of_three_seeds_would_not_do() -> None:
    def bootstrap(g: np.random.Generator) -> Interval:
        values = g.standard_normal(3)
        means = values[g.integers(0, 3, (400, 3))].mean(axis=1)
        return Interval(float(values.mean()), *np.quantile(means, [0.025, 0.975]).tolist(), 1.0, 3)

    assert covers(bootstrap, 0.0, trials=500) < 0.85


@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize(("of_seeds", "of_examples", "rest"), [(1, 0, 0.1), (0.3, 5, 2), (0.3, 1, 1), (0, 0, 1)])
def test_coverage_over_seeds_and_examples(seeds: int, of_seeds: float, of_examples: float, rest: float) -> None:
    m = 100

    def draw(g: np.random.Generator) -> Interval:
        values = of_seeds * g.standard_normal((seeds, 1)) + of_examples * g.standard_normal((1, m))
        return crossed_interval(values + rest * g.standard_normal((seeds, m)))

    assert 0.92 < covers(draw, 0.0, trials=500) < 0.99


def test_seeds_alone_would_forget_that_other_images_are_others() -> None:
    def draw(g: np.random.Generator) -> Interval:
        values = 0.1 * g.standard_normal((3, 1)) + 7 * g.standard_normal((1, 150))
        return mean_interval(values.mean(axis=1))

    assert covers(draw, 0.0, trials=500) < 0.7


def test_pairing_takes_away_what_seeds_share() -> None:
    generator = numpy_generator(3)
    shared = 10 * generator.standard_normal(3)
    a, b = shared + 1 + 0.01 * generator.standard_normal(3), shared
    assert paired_difference(a, b).sign == 1
    assert paired_difference(b, a).sign == -1
    assert paired_difference(a, generator.permutation(b) + 10 * generator.standard_normal(3)).sign == 0
    missing = np.array([a[0], np.nan, a[2]])
    assert paired_difference(missing, b).n == 2


def test_a_ratio_is_tested_without_a_division() -> None:
    b = np.array([1.0, 1.1, 0.9])
    a = 0.6 * b + np.array([0.001, -0.001, 0.0])
    assert paired_difference(a, b, factor=0.7).sign == -1
    assert paired_difference(a, b, factor=0.5).sign == 1
    assert paired_difference(a, b, factor=0.6).sign == 0
    examples = np.repeat(b[:, None], 5, 1) + np.arange(5.0)
    assert paired_difference(0.6 * examples, examples, factor=0.7).sign == -1


def test_paired_differences_cover() -> None:
    seeds = 3

    def draw(g: np.random.Generator) -> Interval:
        shared = 5 * g.standard_normal(seeds)
        return paired_difference(shared + 2 + g.standard_normal(seeds), shared + g.standard_normal(seeds))

    assert 0.93 < covers(draw, 2.0) < 0.97


def test_rank_correlation_is_spearmans() -> None:
    generator = numpy_generator(4)
    x = generator.standard_normal((12, 3))
    y = x + generator.standard_normal((12, 3))
    found = rank_correlation(x, y, generator=numpy_generator(0))
    assert found.mean == pytest.approx(stats.spearmanr(x.mean(1), y.mean(1)).statistic)
    assert found.low < found.mean < found.high
    assert found.n == 12
    assert rank_correlation(x, y, generator=numpy_generator(0)) == found
    assert rank_correlation(x, -y, generator=numpy_generator(0)).mean == pytest.approx(-found.mean)


def test_rank_correlation_with_what_is_missing() -> None:
    x = np.arange(12.0).reshape(6, 2)
    y = x.copy()
    y[5] = np.nan
    y[4, 0] = np.nan
    found = rank_correlation(x, y, generator=numpy_generator(0))
    assert (found.mean, found.n) == (pytest.approx(1.0), 5)
    assert found.sign == 1
    few = rank_correlation(x[:3], y[:3], generator=numpy_generator(0))
    assert (few.low, few.high, few.p_value) == (-1.0, 1.0, 1.0)
    same = rank_correlation(x, np.ones_like(x), generator=numpy_generator(0))
    assert np.isnan(same.mean)
    assert (same.low, same.high) == (-1.0, 1.0)


@pytest.mark.parametrize("rho", [0.0, 0.7])
def test_rank_correlations_cover(rho: float) -> None:
    def tables(g: np.random.Generator, variants: int) -> tuple[np.ndarray, np.ndarray]:
        z = g.standard_normal((2, variants))
        y = rho * z[0] + np.sqrt(1 - rho**2) * z[1]
        noise = 0.3 * g.standard_normal((2, variants, 3))
        return z[0][:, None] + noise[0], y[:, None] + noise[1]

    x, y = tables(numpy_generator(5), 100_000)
    truth = float(stats.spearmanr(x.mean(1), y.mean(1)).statistic)
    share = covers(lambda g: rank_correlation(*tables(g, 12), generator=g, draws=300), truth, trials=200)
    assert 0.9 < share <= 0.995


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_holm_keeps_false_findings_rare() -> None:
    generator = numpy_generator(6)
    false = [
        any(p < 0.05 for p in holm([mean_interval(generator.standard_normal(3)).p_value for _ in range(10)]))
        for _ in range(200)
    ]
    assert np.mean(false) < 0.1
