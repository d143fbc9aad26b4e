"""The compiled inner loop of playing a sound table, sample by sample."""

from __future__ import annotations

import numpy as np
from numba import njit

MOST_READS = 16
"""Reads that can sound at once."""
FRACTION_BITS = 40
"""Of the fixed-point phase."""
ONE = 1 << FRACTION_BITS
PHASE, READS = 0, 1
"""What the whole numbers of a state are: the phase, and how many reads there are (-1 before the first)."""


@njit(
    "void(float32[:, ::1], float64[::1], float64[::1], int64, float64,"
    " int64[::1], int64[::1], float64[::1], int64[::1], float32[:, ::1])",
    cache=True,
    nogil=True,
    error_model="numpy",
)
def play(table, frequency, start, crossfade, sample_rate, numbers, ages, starts, fades, out):
    """``out`` (channel, time) from a table (channel, sample); the definition stands at ``render_table``."""
    size = table.shape[1]
    for n in range(out.shape[1]):
        f, s = frequency[n], start[n]
        f = min(max(f, 0.0), sample_rate / 2) if np.isfinite(f) else 0.0
        phase = numbers[PHASE] + np.int64(np.floor(f / sample_rate * ONE + 0.5))
        if phase >= ONE or numbers[READS] < 0:
            s = s - np.floor(s / size) * size if np.isfinite(s) else 0.0
            reads = max(numbers[READS], 0)
            if reads == MOST_READS:
                reads -= 1
                for i in range(reads):
                    ages[i], starts[i], fades[i] = ages[i + 1], starts[i + 1], fades[i + 1]
            period = min(max(np.floor(sample_rate / max(f, 1e-9)), 1.0), float(ONE))
            ages[reads], starts[reads] = 0, s if s < size else 0.0
            fades[reads] = min(np.int64(period), max(crossfade, 0))
            numbers[READS] = reads + 1
        numbers[PHASE] = phase & (ONE - 1)
        first = 0
        for i in range(numbers[READS] - 1, 0, -1):
            if ages[i] >= fades[i]:  # whoever is fully there hides those before
                first = i
                break
        if first > 0:
            numbers[READS] -= first
            for i in range(numbers[READS]):
                ages[i], starts[i], fades[i] = ages[i + first], starts[i + first], fades[i + first]
        for channel in range(out.shape[0]):
            y = 0.0
            for i in range(numbers[READS]):
                whole = np.floor(starts[i])
                near = (np.int64(whole) + ages[i]) % size
                far = near + 1 if near + 1 < size else 0
                x = np.float64(table[channel, near])
                x += (starts[i] - whole) * (np.float64(table[channel, far]) - x)
                w = 1.0
                if ages[i] < fades[i]:
                    w = np.sin(np.pi / 2 * (ages[i] + 1) / (fades[i] + 1)) ** 2
                y = (1.0 - w) * y + w * x
            out[channel, n] = y
        for i in range(numbers[READS]):
            ages[i] += 1
