"""Gain and normalisation learned in one pass with bounded memory, from counts of levels."""

from __future__ import annotations

import numpy as np

LOW, HIGH, WIDTH = -28.0, 24.0, 0.02
"""Natural logarithm of the smallest and largest magnitude told apart (-243 and +208 dB), and the step (0.17 dB)."""

RANGE = float(np.log(1000.0))
"""Cells within 60 dB of their file's peak are heard; quieter ones do not decide the gain."""


class LevelCounts:
    """How often each magnitude occurs in each of ``n_features`` rows.

    From the counts follow quantiles and, for any gain g, the means and the deviation of ``log(1 + g x)``:
    one pass over the sounds, in any order, with the same result. A step of 0.02 nepers moves a mean by less
    than 2e-5.
    """

    def __init__(self, n_features: int) -> None:
        self.n_levels = round((HIGH - LOW) / WIDTH)
        self.rows = np.zeros((n_features, self.n_levels), np.int64)
        self.heard = np.zeros(self.n_levels, np.int64)
        centres = np.exp(LOW + WIDTH * (np.arange(self.n_levels) + 0.5))
        centres[0] = 0.0
        self.centres = centres
        self._file = np.zeros(self.n_levels, np.int64)

    def add(self, magnitude: np.ndarray) -> None:
        """Count a piece (feature, frame) of the present file."""
        with np.errstate(divide="ignore", invalid="ignore"):
            level = (np.log(np.nan_to_num(magnitude, nan=0.0)) - LOW) / WIDTH
        level = np.clip(level, 0, self.n_levels - 1).astype(np.int64)
        level += (np.arange(len(magnitude)) * self.n_levels)[:, None]
        counts = np.bincount(level.ravel(), minlength=self.rows.size).reshape(self.rows.shape)
        self.rows += counts
        self._file += counts.sum(axis=0)

    def end_file(self) -> None:
        """Close the present file: its cells near its peak join those that decide the gain."""
        used = np.flatnonzero(self._file[1:]) + 1
        if used.size:
            quietest = max(1, int(used[-1]) - round(RANGE / WIDTH))
            self.heard[quietest:] += self._file[quietest:]
        self._file[:] = 0

    @property
    def silent(self) -> bool:
        """Whether nothing but zeros was counted."""
        return not self.heard.any()

    def quantile(self, share: float) -> float:
        """The magnitude below which ``share`` of the heard cells of all files lie."""
        total = np.cumsum(self.heard)
        return float(self.centres[np.searchsorted(total, share * total[-1])])

    def statistics(self, gain: float) -> tuple[np.ndarray, float]:
        """Means (feature) of ``log(1 + gain x)`` and the one deviation of all cells about their row's mean."""
        value = np.log1p(gain * self.centres)
        cells = self.rows.sum(axis=1)
        mean = self.rows @ value / cells
        variance = (self.rows @ value**2 / cells - mean**2).mean()
        return mean.astype(np.float32), float(np.sqrt(max(variance, 0.0)))
