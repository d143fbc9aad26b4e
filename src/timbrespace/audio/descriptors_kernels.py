"""Compiled inner loops of the descriptors: one pass over each frame's spectrum.

Spectra are frame-major, real and imaginary parts interleaved: row t holds re(0), im(0), re(1), im(1), ...
"""

from __future__ import annotations

import numpy as np
from numba import njit

# Everything but the assumption that no NaN and no infinity occurs.
RELAXED = {"contract", "reassoc", "nsz", "arcp"}


@njit("UniTuple(float64, 2)(float32[::1], int64, int64, int64)", cache=True, nogil=True)
def _extremes_db(magnitude, first, stop, count):
    """``10 log10`` of the means of the ``count`` largest and smallest magnitudes from first to stop."""
    low = np.full(count, np.inf, np.float32)
    high = np.full(count, np.float32(-1.0), np.float32)
    for k in range(first, stop):
        value = magnitude[k]
        if value < low[-1]:
            i = count - 1
            while i > 0 and low[i - 1] > value:
                low[i] = low[i - 1]
                i -= 1
            low[i] = value
        if value > high[-1]:
            i = count - 1
            while i > 0 and high[i - 1] < value:
                high[i] = high[i - 1]
                i -= 1
            high[i] = value
    return 10.0 * np.log10(max(high.mean(), 1e-10)), 10.0 * np.log10(max(low.mean(), 1e-10))


@njit("float64(float32[::1])", fastmath=RELAXED, cache=True, nogil=True)
def _flatness(power):
    """Geometric over arithmetic mean; sixteen factors share a logarithm, which double precision holds."""
    total = 0.0
    for k in range(power.size):
        total += power[k]
    logs = 0.0
    for start in range(0, power.size, 16):
        product = 1.0
        for k in range(start, min(start + 16, power.size)):
            product *= np.float64(power[k])
        logs += np.log(product)
    return np.exp(logs / power.size) * power.size / total


@njit("void(float32[::1], float32[::1], float32[::1])", fastmath=RELAXED, cache=True, nogil=True)
def _magnitude(spectrum, magnitude, power):
    """Magnitudes, and powers of at least 1e-10."""
    for k in range(magnitude.size):
        a = spectrum[2 * k]
        b = spectrum[2 * k + 1]
        square = a * a + b * b
        magnitude[k] = np.sqrt(square)
        power[k] = max(square, np.float32(1e-10))


@njit("UniTuple(float64, 3)(float32[::1], float64[::1])", fastmath=RELAXED, cache=True, nogil=True)
def _moments(magnitude, frequencies):
    """The sum of magnitudes, their mean frequency and their standard deviation about it."""
    total = 0.0
    first = 0.0
    for k in range(magnitude.size):
        total += magnitude[k]
        first += frequencies[k] * magnitude[k]
    centre = first / max(total, 1e-30)
    second = 0.0
    for k in range(magnitude.size):
        second += (frequencies[k] - centre) ** 2 * magnitude[k]
    return total, centre, np.sqrt(second / max(total, 1e-30))


@njit(
    "void(float32[:, ::1], float64[::1], int64[:, ::1], int64[::1], float32[:, :], float64[:, :, :])",
    cache=True,
    nogil=True,
)
def describe(spectrum, frequencies, bands, counts, out, extremes):
    """Centroid, bandwidth, flatness, rolloff of each frame as rows of ``out``, and the peak and the valley of each
    band (peak or valley, band, frame) in dB; frames of zeros have NaN.
    """
    magnitude = np.empty(frequencies.size, np.float32)
    power = np.empty(frequencies.size, np.float32)
    for t in range(spectrum.shape[0]):
        _magnitude(spectrum[t], magnitude, power)
        for b in range(counts.size):
            extremes[0, b, t], extremes[1, b, t] = _extremes_db(magnitude, bands[b, 0], bands[b, 1], counts[b])
        total, centre, width = _moments(magnitude, frequencies)
        if not total > 0.0:
            out[:, t] = np.nan
            continue
        reached = 0.0
        k = -1
        while reached < 0.85 * total and k < frequencies.size - 1:
            k += 1
            reached += magnitude[k]
        out[0, t] = centre
        out[1, t] = width
        out[2, t] = _flatness(power)
        out[3, t] = frequencies[k]
