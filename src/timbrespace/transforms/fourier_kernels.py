"""Compiled inner loops of the short-time Fourier transform: cut, overlap-add, magnitude, one Griffin-Lim step.

Spectra are frame-major, real and imaginary parts interleaved: row t holds re(0), im(0), re(1), im(1), ...
The loops run over contiguous slices, which is what lets LLVM vectorise them.
"""

from __future__ import annotations

import numpy as np
from numba import njit

# Everything but the assumption that no NaN and no infinity occurs: those must come out as they went in.
RELAXED = {"contract", "reassoc", "nsz", "arcp"}


@njit(
    "void(float32[::1], float32[::1], int64, int64, float32[:, ::1])",
    fastmath=RELAXED,
    cache=True,
    nogil=True,
    error_model="numpy",
)
def cut(wave, window, first, hop, frames):
    """Windowed frames ``first``, ``first + 1``, ... centred on multiples of ``hop``; zeros outside the wave."""
    size = window.size
    for t in range(frames.shape[0]):
        start = (first + t) * hop - size // 2
        frame = frames[t]
        low = min(max(0, -start), size)
        high = max(low, min(size, wave.size - start))
        frame[:low] = 0.0
        frame[high:] = 0.0
        source = wave[start + low : start + high]
        taper = window[low:high]
        target = frame[low:high]
        for i in range(source.size):
            target[i] = source[i] * taper[i]


@njit(
    "void(float32[:, ::1], float32[::1], int64, int64, float32[::1])",
    fastmath=RELAXED,
    cache=True,
    nogil=True,
    error_model="numpy",
)
def overlap_add(frames, window, first, hop, wave):
    """Add windowed frames to ``wave``, the inverse of :func:`cut` up to the sum of squared windows."""
    size = window.size
    for t in range(frames.shape[0]):
        start = (first + t) * hop - size // 2
        low = min(max(0, -start), size)
        high = max(low, min(size, wave.size - start))
        source = frames[t, low:high]
        taper = window[low:high]
        target = wave[start + low : start + high]
        for i in range(source.size):
            target[i] += source[i] * taper[i]


@njit("void(float32[:, ::1], int64, float32[:, ::1])", fastmath=RELAXED, cache=True, nogil=True)
def magnitudes(spectrum, first, out):
    """``out[bin, first + t] = |spectrum[t, bin]|``, eight frames at a time so that written lines are shared."""
    row = np.empty((8, out.shape[0]), np.float32)
    for t0 in range(0, spectrum.shape[0], 8):
        count = min(8, spectrum.shape[0] - t0)
        for t in range(count):
            source = spectrum[t0 + t]
            target = row[t]
            for k in range(target.size):
                a = source[2 * k]
                b = source[2 * k + 1]
                target[k] = np.sqrt(a * a + b * b)
        for k in range(out.shape[0]):
            for t in range(count):
                out[k, first + t0 + t] = row[t, k]


@njit(
    "void(float32[:, ::1], float32[:, ::1], float32[:, ::1], float32, float32[:, ::1])",
    fastmath=RELAXED,
    cache=True,
    nogil=True,
    error_model="numpy",
)
def fast_step(rebuilt, previous, magnitude, inertia, spectrum):
    """One step of fast Griffin-Lim after the projection on consistent spectra.

    ``t = rebuilt - inertia * previous`` (a positive multiple of the extrapolation), ``spectrum = magnitude t / |t|``,
    ``previous = rebuilt``.
    """
    for t in range(rebuilt.shape[0]):
        c = rebuilt[t]
        p = previous[t]
        m = magnitude[t]
        x = spectrum[t]
        for k in range(m.size):
            re = c[2 * k] - inertia * p[2 * k]
            im = c[2 * k + 1] - inertia * p[2 * k + 1]
            p[2 * k] = c[2 * k]
            p[2 * k + 1] = c[2 * k + 1]
            scale = m[k] / np.sqrt(re * re + im * im + np.float32(1e-30))
            x[2 * k] = re * scale
            x[2 * k + 1] = im * scale
