"""The compiled inner loops of UMAP: memberships of neighbours, and the descent."""

from __future__ import annotations

import numpy as np
from numba import njit

SHIFT, FIRST, BINS = 17, (127 - 30) << 6, 50 * 64
"""Bits of a float32 below its 64 bins to the octave; the first bin, at 2^-30; bins up to 2^20."""
LONGEST = np.float32(4.0)
"""No step is longer, in units of the learning rate."""
HALVINGS = 64
NEAR = 1e-5
LEAST_SIGMA = 1e-3


def bin_centres() -> np.ndarray:
    """The squared distance in the middle of every bin."""
    edges = (np.arange(BINS, dtype=np.int32) + FIRST) << SHIFT
    return edges.view(np.float32) * (1 + 0.5 / 64 / 1.5)


@njit("float32[:, ::1](float32[:, ::1], float32)", cache=True, nogil=True, error_model="numpy")
def memberships(distances, wanted):
    """``exp(-max(0, d - rho) / sigma)`` for neighbours in rising distance, sigma by bisection: one plus the row's
    sum is to be ``wanted`` + 1, as the point itself counts; rho is the first distance above zero.
    """
    n, count = distances.shape
    strength = np.empty((n, count), np.float32)
    mean_of_all = distances.mean()
    for i in range(n):
        row = distances[i]
        rho = np.float32(0.0)
        for j in range(count):
            if row[j] > 0:
                rho = row[j]
                break
        low, high, sigma = 0.0, np.inf, 1.0
        for _ in range(HALVINGS):
            total = 0.0
            for j in range(count):
                total += np.exp(-max(row[j] - rho, np.float32(0.0)) / sigma)
            if abs(total - wanted) < NEAR:
                break
            if total > wanted:
                high = sigma
                sigma = (low + high) / 2
            else:
                low = sigma
                sigma = sigma * 2 if high == np.inf else (low + high) / 2
        sigma = max(sigma, LEAST_SIGMA * (row.mean() if rho > 0 else mean_of_all), 1e-30)
        for j in range(count):
            strength[i, j] = np.exp(-max(row[j] - rho, np.float32(0.0)) / sigma)
    return strength


@njit(
    "void(float32[:, ::1], int32[::1], int32[::1], float32[::1], float32[::1], float32[::1], int64, int64, uint64)",
    cache=True,
    nogil=True,
    error_model="numpy",
)
def optimise(places, head, tail, every, pull, push, epochs, negatives, state):
    """Descend in place: pair e is pulled together every ``every[e]`` epochs, its head pushed from random points."""
    n = places.shape[0]
    due = every.copy()
    bits = np.empty(1, np.float32)
    as_int = bits.view(np.int32)
    for epoch in range(epochs):
        rate = np.float32(1.0) - np.float32(epoch) / np.float32(epochs)
        for e in range(head.size):
            if due[e] > epoch:
                continue
            due[e] += every[e]
            i, j = head[e], tail[e]
            x, y = places[i, 0], places[i, 1]
            dx, dy = x - places[j, 0], y - places[j, 1]
            bits[0] = dx * dx + dy * dy
            if bits[0] > 0:
                force = pull[min(max((as_int[0] >> SHIFT) - FIRST, 0), BINS - 1)]
                mx = rate * min(max(force * dx, -LONGEST), LONGEST)
                my = rate * min(max(force * dy, -LONGEST), LONGEST)
                x += mx
                y += my
                places[j, 0] -= mx
                places[j, 1] -= my
            for _ in range(negatives):
                state ^= state << np.uint64(13)
                state ^= state >> np.uint64(7)
                state ^= state << np.uint64(17)
                k = np.int64(((state >> np.uint64(32)) * np.uint64(n)) >> np.uint64(32))
                if k == i:
                    continue
                dx, dy = x - places[k, 0], y - places[k, 1]
                bits[0] = dx * dx + dy * dy
                if bits[0] > 0:
                    force = push[min(max((as_int[0] >> SHIFT) - FIRST, 0), BINS - 1)]
                    x += rate * min(max(force * dx, -LONGEST), LONGEST)
                    y += rate * min(max(force * dy, -LONGEST), LONGEST)
            places[i, 0] = x
            places[i, 1] = y
