"""Onsets are periodic or Poisson, keep their mean, and answer to a turn of the knob at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from timbrespace.instruments.grain_clock import GrainClock, interval


def onsets(clock: GrainClock, count: int, share: Callable[[], float], *, piece: int = 10**6) -> np.ndarray:
    """Samples at which grains begin, waited for in pieces."""
    clock.begin()
    now, found = 0, []
    while len(found) < count:
        if clock.until() == 0:
            found.append(now)
            clock.strike(share())
        n = min(piece, clock.until())
        clock.wait(n)
        now += n
    return np.array(found)


@pytest.mark.parametrize("density", [0.5, 20.0, 33.3, 200.0])
def test_without_jitter_onsets_are_periodic(density: float) -> None:
    found = onsets(GrainClock(44_100, density=density), 200, lambda: interval(0.0, 7.0))
    np.testing.assert_array_equal(found, np.ceil(np.arange(200) * 44_100 / density - 1e-4))


def test_full_jitter_is_a_poisson_process() -> None:
    """Waits have the mean and the deviation of an exponential, and its median, log 2 of its mean."""
    generator = np.random.default_rng(0)
    found = onsets(GrainClock(44_100, density=50.0), 20_000, lambda: interval(1.0, generator.exponential()))
    waits = np.diff(found) * 50 / 44_100
    assert waits.mean() == pytest.approx(1, abs=0.02)
    assert waits.std() == pytest.approx(1, abs=0.03)
    assert np.median(waits) == pytest.approx(np.log(2), abs=0.02)


def test_jitter_is_the_deviation_of_waits() -> None:
    generator = np.random.default_rng(0)
    found = onsets(GrainClock(44_100, density=50.0), 20_000, lambda: interval(0.4, generator.exponential()))
    waits = np.diff(found) * 50 / 44_100
    assert waits.mean() == pytest.approx(1, abs=0.01)
    assert waits.std() == pytest.approx(0.4, abs=0.02)


def test_waiting_in_pieces_is_waiting_at_once() -> None:
    found = [
        onsets(
            GrainClock(44_100, density=170.0),
            500,
            iter(np.random.default_rng(4).exponential(size=500)).__next__,
            piece=p,
        )
        for p in (1, 17, 10**6)
    ]
    np.testing.assert_array_equal(found[0], found[2])
    np.testing.assert_array_equal(found[1], found[2])


def test_another_density_shortens_the_wait_that_is_under_way() -> None:
    clock = GrainClock(1000, density=1.0)
    clock.begin()
    clock.strike(1.0)
    clock.wait(500)
    clock.turn(10.0)
    assert clock.until() == 50
    clock.turn(0.5)
    assert clock.until() == 1000


def test_no_two_grains_begin_at_one_sample() -> None:
    found = onsets(GrainClock(1000, density=200.0), 300, lambda: 0.001)
    np.testing.assert_array_equal(np.diff(found), 1)
