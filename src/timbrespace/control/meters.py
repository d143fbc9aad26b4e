"""How much of the time there is rendering takes."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Deadline:
    """Time to render a block as a share of the time it sounds: above 1 is too slow. Zeros before the first."""

    p50: float = 0.0
    p99: float = 0.0
    max: float = 0.0


class DeadlineMeter:
    """Shares over the last ``window`` blocks of ``period`` samples each.

    What is rendered in smaller pieces is gathered until a period is full, for the cost of rendering comes in whole
    periods: most pieces of a latent step are copies, and one decodes.
    """

    def __init__(self, period: int, *, sample_rate: int, window: int = 256) -> None:
        self._period = period
        self._sample_rate = sample_rate
        self._shares: deque[float] = deque(maxlen=window)
        self._samples = 0
        self._seconds = 0.0
        self._summary: Deadline | None = None

    def add(self, seconds: float, samples: int) -> None:
        """Note that ``samples`` took ``seconds``."""
        self._seconds += seconds
        self._samples += samples
        if self._samples >= self._period:
            self._summary = None
            self._shares.append(self._seconds * self._sample_rate / self._samples)
            self._samples, self._seconds = 0, 0.0

    def summary(self) -> Deadline:
        """Percentiles of what is in the window."""
        if self._shares and self._summary is None:
            p50, p99, highest = np.percentile(np.array(self._shares), (50, 99, 100))
            self._summary = Deadline(float(p50), float(p99), float(highest))
        return self._summary or Deadline()
