"""Compiled inner loops of phase gradient heap integration. Phases are in cycles, arrays are (frame, bin)."""

from __future__ import annotations

import numpy as np
from numba import njit

RELAXED = {"contract", "reassoc", "nsz", "arcp"}


@njit(
    "void(float32[:, ::1], float64, float64, float32[:, ::1], float32[:, ::1])",
    fastmath=RELAXED,
    cache=True,
    nogil=True,
    error_model="numpy",
)
def gradients(level, hop_share, width, along_time, along_frequency):
    """Phase advance per frame and per bin, in cycles, from the logarithm of the magnitude.

    ``hop_share`` is hop_length / n_fft and ``width`` is gamma / (hop_length n_fft): the second is the
    Gaussian's spread in units of the grid.
    """
    n_frames, n_bins = level.shape
    per_bin = np.float32(0.5 / (2.0 * np.pi * width))
    per_frame = np.float32(0.5 * width / (2.0 * np.pi))
    carrier = np.empty(n_bins, np.float32)
    for k in range(n_bins):
        turns = hop_share * k
        carrier[k] = turns - np.floor(turns)
    for t in range(n_frames):
        here = level[t]
        before = level[max(t - 1, 0)]
        after = level[min(t + 1, n_frames - 1)]
        one_sided = np.float32(2.0) if t == 0 or t == n_frames - 1 else np.float32(1.0)
        slope = per_frame * one_sided
        f = along_frequency[t]
        for k in range(n_bins):
            f[k] = np.float32(-0.5) - slope * (after[k] - before[k])
        g = along_time[t]
        g[0] = carrier[0]
        g[n_bins - 1] = carrier[n_bins - 1]
        for k in range(1, n_bins - 1):
            g[k] = carrier[k] + per_bin * (here[k + 1] - here[k - 1])


@njit(
    "void(int16[::1], int64, int64, float32[::1], float32[::1], float32[::1])",
    cache=True,
    nogil=True,
)
def integrate(rank, n_ranks, n_bins, along_time, along_frequency, phase):
    """Integrate the phase gradient from loud cells to quiet ones, in place; arrays are flattened (frame, bin).

    ``rank`` is each cell's level below the peak in ``n_ranks`` equal steps; a cell of rank ``n_ranks`` keeps the
    phase it came with. The queue is a stack per rank: since each cell enters once, two integers per cell hold it
    and both ends cost constant time, where a binary heap would cost log n.
    """
    n = rank.size
    half = np.float32(0.5)
    # Counting sort: the order in which islands are begun.
    begin = np.zeros(n_ranks + 2, np.int64)
    for i in range(n):
        begin[rank[i] + 1] += 1
    for r in range(n_ranks):
        begin[r + 1] += begin[r]
    audible = begin[n_ranks]
    order = np.empty(audible, np.int32)
    for i in range(n):
        r = rank[i]
        if r < n_ranks:
            order[begin[r]] = i
            begin[r] += 1
    done = np.zeros(n, np.uint8)
    head = np.full(n_ranks + 1, -1, np.int32)
    below = np.empty(n, np.int32)
    for seed in order:
        if done[seed]:
            continue
        done[seed] = 1
        phase[seed] = 0.0
        top = rank[seed]
        head[top] = seed
        below[seed] = -1
        waiting = 1
        while waiting > 0:
            while head[top] < 0:
                top += 1
            i = head[top]
            head[top] = below[i]
            waiting -= 1
            k = i % n_bins
            for side in range(4):
                if side == 0:
                    j = i - n_bins
                    if j < 0 or done[j] or rank[j] >= n_ranks:
                        continue
                    p = phase[i] - half * (along_time[i] + along_time[j])
                elif side == 1:
                    j = i + n_bins
                    if j >= n or done[j] or rank[j] >= n_ranks:
                        continue
                    p = phase[i] + half * (along_time[i] + along_time[j])
                elif side == 2:
                    j = i - 1
                    if k == 0 or done[j] or rank[j] >= n_ranks:
                        continue
                    p = phase[i] - half * (along_frequency[i] + along_frequency[j])
                else:
                    j = i + 1
                    if k == n_bins - 1 or done[j] or rank[j] >= n_ranks:
                        continue
                    p = phase[i] + half * (along_frequency[i] + along_frequency[j])
                done[j] = 1
                phase[j] = p - np.floor(p)
                r = rank[j]
                below[j] = head[r]
                head[r] = j
                waiting += 1
                if r < top:
                    top = r
