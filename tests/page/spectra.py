"""How different two pieces of sound are, as the ear would have it: levels in bands."""

from __future__ import annotations

import itertools

import numpy as np

from tests.page.browser import Wave

BANDS = 24
RANGE_DB = 60.0


def band_levels(wave: Wave, sample_rate: int) -> Wave:
    """Mean level in dB in 24 logarithmic bands from 50 Hz to half the rate; at most 60 dB below the loudest."""
    mono = wave.mean(axis=0)
    size = 2048
    frames = np.lib.stride_tricks.sliding_window_view(mono, size)[:: size // 2]
    power = np.mean(np.abs(np.fft.rfft(frames * np.hanning(size), axis=1)) ** 2, axis=0)
    edges = np.geomspace(50, sample_rate / 2, BANDS + 1) * size / sample_rate
    ends = np.maximum(np.round(edges).astype(int), np.arange(BANDS + 1) + 1)
    bands = np.array([power[a : max(b, a + 1)].mean() for a, b in itertools.pairwise(ends)])
    levels = 10 * np.log10(bands + 1e-12)
    held: Wave = np.maximum(levels, levels.max() - RANGE_DB)
    return held


def distance(first: Wave, second: Wave, sample_rate: int) -> float:
    """Mean difference of the band levels in dB."""
    return float(np.mean(np.abs(band_levels(first, sample_rate) - band_levels(second, sample_rate))))
