"""Compiled inner loop of real-time phase gradient heap integration. Phases are in cycles, arrays are (bin)."""

from __future__ import annotations

import numpy as np
from numba import njit

RELAXED = {"contract", "reassoc", "nsz", "arcp"}
RANKS = 1024
"""Steps of level in the queue, 0.13 dB each at the usual tolerance: the order of integration is exact to that."""


@njit("void(float32[::1], float32, float32[::1])", fastmath=RELAXED, cache=True, nogil=True)
def levels(magnitude, floor, out):
    """``out = log(max(magnitude, floor))``."""
    for k in range(out.size):
        out[k] = np.log(max(magnitude[k], floor))


@njit(
    "void(float32[:, ::1], int64, float32[::1], float32, float64, float64, float32[::1], float32[::1])",
    fastmath=RELAXED,
    cache=True,
    nogil=True,
    error_model="numpy",
)
def gradients(level, here, weights, rise, hop_share, width, along_time, along_frequency):
    """Phase advance per frame and per bin, in cycles, of row ``here`` of ``level`` (3 successive frames, bin).

    ``weights`` are those of the three rows in the difference in time, of which ``rise`` is taken where it is positive;
    ``hop_share`` and ``width`` are as in ``pghi_kernels.gradients``. A frame's energy lies within the frame: the phase
    falls by 0 to 1 cycle per bin.
    """
    n_bins = level.shape[1]
    per_bin = np.float32(0.5 / (2.0 * np.pi * width))
    per_frame = np.float32(width / (2.0 * np.pi))
    a = level[0]
    b = level[1]
    c = level[2]
    for k in range(n_bins):
        slope = weights[0] * a[k] + weights[1] * b[k] + weights[2] * c[k]
        slope = per_frame * (min(slope, np.float32(0.0)) + max(slope - rise, np.float32(0.0)))
        along_frequency[k] = np.float32(-0.5) - min(max(slope, np.float32(-0.5)), np.float32(0.5))
    row = level[here]
    for k in range(n_bins):
        turns = hop_share * k
        along_time[k] = turns - np.floor(turns)
    for k in range(1, n_bins - 1):
        along_time[k] += per_bin * (row[k + 1] - row[k - 1])


@njit(
    "void(float32[:, ::1], float32, float32[:, ::1], float32[::1], float32[::1], float32[::1])",
    cache=True,
    nogil=True,
)
def integrate(level, steps, along_time, along_frequency, phase_before, phase):
    """Phase of one frame from that of the frame before and from louder cells to quieter ones, in place.

    ``level`` and ``along_time`` hold the frame before and this one, ``steps`` is ranks per neper. A cell of rank
    ``RANKS`` or beyond keeps the phase it came with. The queue holds cells of both frames, one stack per rank: cell
    ``k`` of the frame before has number ``k``, of this frame ``n_bins + k``.
    """
    before = level[0]
    here = level[1]
    n = here.size
    half = np.float32(0.5)
    peak = here[0]
    for k in range(n):
        peak = max(peak, here[k], before[k])
    rank = np.empty(2 * n, np.int32)
    for k in range(n):
        rank[k] = min(np.int32((peak - before[k]) * steps), np.int32(RANKS))
        rank[n + k] = min(np.int32((peak - here[k]) * steps), np.int32(RANKS))
    head = np.full(RANKS + 1, -1, np.int32)
    below = np.empty(2 * n, np.int32)
    done = np.zeros(n, np.uint8)
    top = np.int32(RANKS)
    for k in range(n):
        if rank[k] < RANKS and rank[n + k] < RANKS:
            below[k] = head[rank[k]]
            head[rank[k]] = k
            top = min(top, rank[k])
    # Cells of this frame by rank: the order in which islands without a past are begun.
    count = np.zeros(RANKS + 2, np.int32)
    for k in range(n):
        count[rank[n + k] + 1] += 1
    for r in range(RANKS):
        count[r + 1] += count[r]
    audible = count[RANKS]
    order = np.empty(audible, np.int32)
    for k in range(n):
        r = rank[n + k]
        if r < RANKS:
            order[count[r]] = k
            count[r] += 1
    begun = 0
    while True:
        while top < RANKS and head[top] < 0:
            top += 1
        if top < RANKS:
            i = head[top]
            head[top] = below[i]
            if i < n:
                if done[i]:
                    continue
                p = phase_before[i] + half * (along_time[0, i] + along_time[1, i])
                done[i] = 1
                phase[i] = p - np.floor(p)
                r = rank[n + i]
                below[n + i] = head[r]
                head[r] = n + i
                top = min(top, r)
                continue
            k = i - n
        else:
            while begun < audible and done[order[begun]]:
                begun += 1
            if begun == audible:
                break
            k = order[begun]
            done[k] = 1
            phase[k] = np.float32(0.0)
        for side in range(2):
            j = k + 1 if side else k - 1
            if j < 0 or j >= n or done[j] or rank[n + j] >= RANKS:
                continue
            step = half * (along_frequency[k] + along_frequency[j])
            p = phase[k] + step if side else phase[k] - step
            done[j] = 1
            phase[j] = p - np.floor(p)
            r = rank[n + j]
            below[n + j] = head[r]
            head[r] = n + j
            top = min(top, r)
