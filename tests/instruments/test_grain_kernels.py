"""Compiled grains are the formulas in NumPy, whole or in pieces, inside their arrays whatever is asked."""

from __future__ import annotations

import numpy as np
import pytest

from timbrespace.instruments.grain_kernels import (
    ONE,
    add_plain,
    add_transposed,
    overlap_add,
    overlap_add_at_rates,
)


def noise(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(n).astype(np.float32)


def hermite(table: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Catmull and Rom's spline through ``table`` in double precision."""
    x = table.astype(np.float64)
    j = np.floor(positions).astype(int)
    f = positions - j
    a, b, c, d = x[j - 1], x[j], x[j + 1], x[j + 2]
    return 0.5 * (2 * b + f * (c - a) + f**2 * (2 * a - 5 * b + 4 * c - d) + f**3 * (3 * (b - c) + d - a))


def test_overlap_add_is_the_sum_over_grains() -> None:
    generator = np.random.default_rng(1)
    source, window, n = noise(3000), np.hanning(512).astype(np.float32), 40
    positions, onsets = generator.integers(0, 2488, n), generator.integers(0, 3488, n)
    gains = generator.random(n).astype(np.float32)
    out = np.zeros(4000, np.float32)
    overlap_add(out, source, positions, onsets, gains, window)
    expected = np.zeros(4000)
    for p, o, g in zip(positions, onsets, gains, strict=True):
        expected[o : o + 512] += source[p : p + 512] * window * g
    np.testing.assert_allclose(out, expected, atol=1e-5)


@pytest.mark.parametrize(("position", "onset"), [(-5, 0), (95, 3), (0, -4), (0, 46), (-200, 0), (0, 60), (200, 10)])
def test_what_lies_outside_is_left_out(position: int, onset: int) -> None:
    source, window, out = noise(100), np.ones(10, np.float32), np.zeros(50, np.float32)
    overlap_add(out, source, np.array([position]), np.array([onset]), np.ones(1, np.float32), window)
    expected = np.zeros(50, np.float32)
    for k in range(10):
        if 0 <= onset + k < 50 and 0 <= position + k < 100:
            expected[onset + k] = source[position + k]
    np.testing.assert_array_equal(out, expected)


def test_other_rates_read_between_samples() -> None:
    generator = np.random.default_rng(2)
    source, window, n = noise(4000), np.hanning(500).astype(np.float32), 30
    positions, rates = generator.uniform(0, 1900, n), generator.uniform(0.25, 4.0, n)
    onsets, gains = generator.integers(0, 500, n), generator.random(n).astype(np.float32)
    out = np.zeros(1000, np.float32)
    overlap_add_at_rates(out, source, positions, onsets, gains, rates, window)
    expected = np.zeros(1000)
    for p, o, g, r in zip(positions, onsets, gains, rates, strict=True):
        expected[o : o + 500] += np.interp(p + r * np.arange(500), np.arange(4000), source) * window * g
    np.testing.assert_allclose(out, expected, atol=2e-4)


@pytest.mark.parametrize(
    ("position", "onset", "rate"), [(-0.5, 0, 1.0), (0.0, -1, 1.0), (0.0, 41, 1.0), (90.0, 0, 1.0), (50.0, 0, -1.0)]
)
def test_grains_that_reach_outside_are_left_out_whole(position: float, onset: int, rate: float) -> None:
    out = np.zeros(50, np.float32)
    one = np.ones(1, np.float32)
    window = np.ones(10, np.float32)
    overlap_add_at_rates(out, noise(100), np.array([position]), np.array([onset]), one, np.array([rate]), window)
    assert not out.any()


def transposed(table: np.ndarray, window: np.ndarray, step: int, *, start: int = 3) -> np.ndarray:
    """A whole grain, at both sides, with the gains 0.7 and 0.2."""
    out = np.zeros((2, len(window)), np.float32)
    add_transposed(out, 0, len(window), table, window, start, step, 0, 0.7, 0.2)
    return out


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [0.25, 0.7, 1.0, 1.4983, 4.0])
def test_transposed_grains_are_read_along_a_cubic(rate: float, channels: int) -> None:
    table, window, step = noise(4200).reshape(2, 2100)[:channels], np.hanning(500).astype(np.float32), round(rate * ONE)
    for side, gain in enumerate((0.7, 0.2)):
        expected = hermite(table[side % channels], 3 + np.arange(500) * (step / ONE)) * window * gain
        np.testing.assert_allclose(transposed(table, window, step)[side], expected, atol=3e-5)


def test_a_sine_is_transposed_into_a_sine() -> None:
    """What interpolation adds lies 68 dB below, at a twentieth of the rate."""
    table = np.sin(2 * np.pi * 0.05 * np.arange(5000)).astype(np.float32)[None]
    out = transposed(table, np.ones(3000, np.float32), round(1.37 * ONE), start=1)[0] / 0.7
    ideal = np.sin(2 * np.pi * 0.05 * (1 + np.arange(3000) * 1.37))
    assert np.sqrt(np.mean((out - ideal) ** 2)) < 10 ** (-68 / 20) * np.sqrt(0.5)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("step", [ONE, round(0.61 * ONE), round(3.9 * ONE)])
def test_pieces_are_the_whole_bit_for_bit(step: int, channels: int) -> None:
    table, window = noise(8400).reshape(2, 4200)[:channels], np.hanning(1000).astype(np.float32)

    def add(out: np.ndarray, age: int, n: int) -> None:
        if step == ONE:
            add_plain(out, 5 + age, n, table, window, 3, age, 0.7, 0.2)
        else:
            add_transposed(out, 5 + age, n, table, window, 3, step, age, 0.7, 0.2)

    whole = noise(2020, 5).reshape(2, 1010)
    pieces, before = whole.copy(), whole.copy()
    add(whole, 0, 1000)
    generator, age = np.random.default_rng(3), 0
    while age < 1000:
        n = min(int(generator.integers(1, 60)), 1000 - age)
        add(pieces, age, n)
        age += n
    np.testing.assert_array_equal(pieces, whole)
    np.testing.assert_array_equal(whole[:, :5], before[:, :5])
    np.testing.assert_array_equal(whole[:, 1005:], before[:, 1005:])
    assert not np.array_equal(whole[1, 5:1005], before[1, 5:1005])


def test_at_whole_positions_both_readings_are_the_same() -> None:
    table, window = noise(1100)[None], np.hanning(1000).astype(np.float32)
    plain = np.zeros((2, 1000), np.float32)
    add_plain(plain, 0, 1000, table, window, 3, 0, 0.7, 0.2)
    np.testing.assert_array_equal(plain, transposed(table, window, ONE))
