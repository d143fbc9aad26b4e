"""When grains begin: evenly, at random, or anything between."""

from __future__ import annotations

import math


class GrainClock:
    """Counts down to the next onset, on samples.

    Time is measured in mean intervals, ``sample_rate / density`` samples each, so that a change of density acts at once
    on the wait that is under way. What an onset comes late by rounding up to a whole sample is taken off the next wait:
    the mean density is exact. All that is counted between two changes are whole samples, so that waiting in pieces is
    waiting at once.
    """

    def __init__(self, sample_rate: int, *, density: float) -> None:
        self._sample_rate = sample_rate
        self._density = density
        self._left = 0.0
        self._passed = 0

    def begin(self) -> None:
        """Have an onset now."""
        self._left, self._passed = 0.0, 0

    def until(self) -> int:
        """Samples until the next onset."""
        whole = math.ceil(self._left * self._sample_rate / self._density - 1e-6)
        return max(0, whole - self._passed)

    def wait(self, samples: int) -> None:
        """Let ``samples`` pass."""
        self._passed += samples

    def turn(self, density: float) -> None:
        """Go on with another number of grains a second."""
        self._left -= self._gone()
        self._passed = 0
        self._density = density

    def strike(self, share: float) -> None:
        """The onset is now; the next one comes after ``share`` mean intervals, at least one sample."""
        late = self._gone() - self._left
        self._left = max(share - late, self._density / self._sample_rate)
        self._passed = 0

    def _gone(self) -> float:
        return self._passed * self._density / self._sample_rate


def interval(jitter: float, exponential: float) -> float:
    """The next wait in mean intervals, ``(1 - jitter) + jitter E`` with E drawn from the unit exponential.

    Its mean is 1 and its standard deviation ``jitter``: at 0 onsets are periodic, at 1 a Poisson process.
    """
    return 1 - jitter + jitter * exponential
