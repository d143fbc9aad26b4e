"""Compiled inner loops of the mel filterbank, forward and back."""

from __future__ import annotations

import numpy as np
from numba import njit

# Everything but the assumption that no NaN and no infinity occurs: those must come out as they went in.
RELAXED = {"contract", "reassoc", "nsz", "arcp"}

LANES = 16
"""Frames worked on side by side: one vector register of 512 bits."""


@njit(
    "void(float32[:, ::1], float32[:, ::1], int64[::1], int64[::1], int64, float32[:, ::1])",
    fastmath=RELAXED,
    cache=True,
    nogil=True,
)
def mel_magnitudes(spectrum, weights, start, stop, first, out):
    """``out[m, first + t] = sum_k weights[m, k] |spectrum[t, k]|`` over the bins each band holds."""
    magnitude = np.empty(weights.shape[1], np.float32)
    for t in range(spectrum.shape[0]):
        row = spectrum[t]
        for k in range(magnitude.size):
            a = row[2 * k]
            b = row[2 * k + 1]
            magnitude[k] = np.sqrt(a * a + b * b)
        for m in range(out.shape[0]):
            x = magnitude[start[m] : stop[m]]
            w = weights[m, start[m] : stop[m]]
            total = np.float32(0.0)
            for i in range(x.size):
                total += x[i] * w[i]
            out[m, first + t] = total


@njit(
    "void(float32[:, ::1], int64[::1], float32[::1], float32[::1], float32[::1], float32[::1], int64, float32[:, ::1])",
    fastmath=RELAXED,
    cache=True,
    nogil=True,
    error_model="numpy",
)
def expectation_maximisation(mel, band, low, high, rows, columns, steps, out):
    """Multiplicative steps from mel (band, frame) to linear magnitude ``out`` (frame, bin); see ``magnitude.py``.

    Each pass over the bins multiplies by the last ratio and already sums the next prediction.
    """
    n_mels, n_frames = mel.shape
    n_bins = band.size
    tiny = np.float32(1e-30)
    given = np.zeros((n_mels + 1, LANES), np.float32)
    ratio = np.zeros((n_mels + 1, LANES), np.float32)
    predicted = np.zeros((n_mels + 1, LANES), np.float32)
    linear = np.empty((n_bins, LANES), np.float32)
    for t0 in range(0, n_frames, LANES):
        count = min(LANES, n_frames - t0)
        given[:] = 0.0
        linear[:] = 1.0
        for m in range(n_mels):
            for t in range(count):
                given[m, t] = mel[m, t0 + t]
            for t in range(LANES):
                ratio[m, t] = given[m, t] / rows[m]
        for step in range(steps + 1):
            predicted[:] = 0.0
            for k in range(n_bins):
                x = linear[k]
                below = ratio[band[k]]
                above = ratio[band[k] + 1]
                sum_below = predicted[band[k]]
                sum_above = predicted[band[k] + 1]
                a = low[k]
                b = high[k]
                c = np.float32(1.0) / columns[k] if columns[k] > 0.0 else np.float32(0.0)
                for t in range(LANES):
                    x[t] = x[t] * c * (a * below[t] + b * above[t])
                for t in range(LANES):
                    sum_below[t] += a * x[t]
                for t in range(LANES):
                    sum_above[t] += b * x[t]
            if step < steps:
                for m in range(n_mels):
                    for t in range(LANES):
                        ratio[m, t] = given[m, t] / (predicted[m, t] + tiny)
        for t in range(count):
            for k in range(n_bins):
                out[t0 + t, k] = linear[k, t]


@njit(
    "void(float32[::1], float32[:, ::1], int64[::1], int64[::1], float32[::1])",
    fastmath=RELAXED,
    cache=True,
    nogil=True,
)
def bands(magnitude, weights, start, stop, out):
    """The mel bands ``out`` (band) of the magnitude (bin) of one frame."""
    for m in range(out.size):
        x = magnitude[start[m] : stop[m]]
        w = weights[m, start[m] : stop[m]]
        total = np.float32(0.0)
        for i in range(x.size):
            total += x[i] * w[i]
        out[m] = total


@njit(
    "void(float32[::1], float32[:, ::1], int64[::1], int64[::1], int64[::1], float32[::1], float32[::1], float32[::1],"
    " float32[::1], int64, float32[::1])",
    fastmath=RELAXED,
    cache=True,
    nogil=True,
    error_model="numpy",
)
def expectation_maximisation_frame(mel, weights, start, stop, band, low, high, rows, columns, steps, out):
    """:func:`expectation_maximisation` of one frame, ``mel`` (band) to ``out`` (bin), side by side over the bins.

    Cells that fall below 1e-25 are zeros from there on: thirty shrinking steps would reach subnormal numbers.
    """
    n_mels = mel.size
    n_bins = out.size
    tiny = np.float32(1e-30)
    below = np.empty(n_bins, np.float32)
    above = np.empty(n_bins, np.float32)
    for k in range(n_bins):
        c = np.float32(1.0) / columns[k] if columns[k] > 0.0 else np.float32(0.0)
        below[k] = low[k] * c
        above[k] = high[k] * c
        out[k] = np.float32(1.0)
    ratio = np.zeros(n_mels + 1, np.float32)
    for m in range(n_mels):
        ratio[m] = mel[m] / rows[m]
    for step in range(steps + 1):
        for k in range(n_bins):
            x = out[k] * (below[k] * ratio[band[k]] + above[k] * ratio[band[k] + 1])
            out[k] = x if x > np.float32(1e-25) else np.float32(0.0)
        if step < steps:
            for m in range(n_mels):
                x = out[start[m] : stop[m]]
                w = weights[m, start[m] : stop[m]]
                total = tiny
                for i in range(x.size):
                    total += x[i] * w[i]
                ratio[m] = mel[m] / total


@njit(
    "void(float32[:, ::1], float32[:, ::1], float32[:, ::1], float32[:, ::1], float32[:, ::1], int64[::1], int64[::1],"
    " int64[::1], float32[::1], float32[::1], float32[::1], float32, float32[:, ::1])",
    fastmath=RELAXED,
    cache=True,
    nogil=True,
    error_model="numpy",
)
def joint_step(rebuilt, previous, anchor, mel, weights, start, stop, band, low, high, columns, inertia, spectrum):
    """One step of fast Griffin-Lim whose magnitude follows the rebuilt sound; see ``joint.py``.

    ``rebuilt``, ``previous`` and ``spectrum`` are (frame, 2 bins), ``anchor`` is (frame, bin), ``mel`` (frame, band).
    """
    n_bins = band.size
    n_mels = mel.shape[1]
    tiny = np.float32(1e-30)
    magnitude = np.empty(n_bins, np.float32)
    ratio = np.zeros(n_mels + 1, np.float32)
    for t in range(rebuilt.shape[0]):
        c = rebuilt[t]
        p = previous[t]
        x = spectrum[t]
        s = anchor[t]
        for k in range(n_bins):
            magnitude[k] = np.sqrt(c[2 * k] * c[2 * k] + c[2 * k + 1] * c[2 * k + 1])
        for m in range(n_mels):
            y = magnitude[start[m] : stop[m]]
            w = weights[m, start[m] : stop[m]]
            total = tiny
            for i in range(y.size):
                total += y[i] * w[i]
            ratio[m] = mel[t, m] / total
        for k in range(n_bins):
            magnitude[k] *= (low[k] * ratio[band[k]] + high[k] * ratio[band[k] + 1]) / (columns[k] + tiny)
        for k in range(n_bins):
            re = c[2 * k] - inertia * p[2 * k]
            im = c[2 * k + 1] - inertia * p[2 * k + 1]
            p[2 * k] = c[2 * k]
            p[2 * k + 1] = c[2 * k + 1]
            scale = np.sqrt(s[k] * magnitude[k]) / np.sqrt(re * re + im * im + tiny)
            x[2 * k] = re * scale
            x[2 * k + 1] = im * scale
