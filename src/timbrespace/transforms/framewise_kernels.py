"""Compiled inner loops of live synthesis. Frames begin ``hop`` samples apart, the first at 0."""

from __future__ import annotations

import numpy as np
from numba import njit

RELAXED = {"contract", "reassoc", "nsz", "arcp"}


@njit(
    "void(float32[::1], float32[::1], int64, float32, int64, float32[::1], float32[::1], float32[::1])",
    fastmath=RELAXED,
    cache=True,
    nogil=True,
    error_model="numpy",
)
def complete(frame, window, hop, floor, before, pending, weight, out):
    """Add a windowed ``frame`` to ``pending`` and its square to ``weight``; move ``hop`` samples on to ``out``.

    The samples moved are divided by their weight, at least ``floor``; the first ``before`` of them are 0.
    """
    size = window.size
    for i in range(size):
        pending[i] += frame[i] * window[i]
    for i in range(size):
        weight[i] += window[i] * window[i]
    for i in range(hop):
        out[i] = pending[i] / max(weight[i], floor)
    out[: min(max(before, 0), hop)] = np.float32(0.0)
    for held in (pending, weight):
        for i in range(size - hop):
            held[i] = held[i + hop]
        held[size - hop :] = np.float32(0.0)


@njit(
    "void(float32[:, ::1], float32[::1], int64, float32[::1], float32[::1])",
    fastmath=RELAXED,
    cache=True,
    nogil=True,
)
def overlap(frames, window, hop, past, wave):
    """``wave`` = ``past`` (of the length of one frame) plus the windowed ``frames`` (frame, time)."""
    size = window.size
    wave[:size] = past
    wave[size:] = 0.0
    for t in range(frames.shape[0]):
        source = frames[t]
        target = wave[t * hop : t * hop + size]
        for i in range(size):
            target[i] += source[i] * window[i]


@njit(
    "void(float32[::1], float32[::1], int64, float32[:, ::1])",
    fastmath=RELAXED,
    cache=True,
    nogil=True,
)
def cut(wave, window, hop, frames):
    """Windowed ``frames`` (frame, time) of ``wave``."""
    size = window.size
    for t in range(frames.shape[0]):
        source = wave[t * hop : t * hop + size]
        target = frames[t]
        for i in range(size):
            target[i] = source[i] * window[i]
