"""Compiled inner loops of grains: windowed pieces of a source added to a sound.

No reordering of sums is allowed, and positions are computed from a grain's own age, so that a grain rendered in pieces
has the samples of one rendered whole. Inner loops run over slices, whose plain indices become vector code.
"""

from __future__ import annotations

import numpy as np
from numba import njit

CHUNK = 32
"""Samples over which positions are single precision: within 1e-5 of a sample for rates up to 4."""
ONE = 1 << 32
"""One sample in fixed-point positions."""


@njit(
    "void(float32[::1], float32[::1], int64[::1], int64[::1], float32[::1], float32[::1])",
    cache=True,
    nogil=True,
)
def overlap_add(out, source, positions, onsets, gains, window):
    """``out[onset + k] += gain window[k] source[position + k]`` for every grain; what lies outside is left out."""
    for i in range(onsets.size):
        onset, position, gain = onsets[i], positions[i], gains[i]
        first = max(0, -onset, -position)
        last = min(window.size, out.size - onset, source.size - position)
        if first < last:
            y, x, w = out[onset + first : onset + last], source[position + first :], window[first:last]
            x = x[: y.size]
            for k in range(y.size):
                y[k] += x[k] * w[k] * gain


@njit(
    "void(float32[::1], float32[::1], float64[::1], int64[::1], float32[::1], float64[::1], float32[::1])",
    cache=True,
    nogil=True,
)
def overlap_add_at_rates(out, source, positions, onsets, gains, rates, window):
    """The same at any rate: grain i reads at ``position + k rate``, interpolated linearly between samples.

    Grains that would reach outside ``out`` or ``source``, or read backwards, are left out whole.
    """
    shares, wholes = np.empty(CHUNK, np.float32), np.empty(CHUNK, np.uint32)
    size = window.size
    for i in range(onsets.size):
        onset, position, rate, gain = onsets[i], positions[i], rates[i], gains[i]
        inside = 0 <= onset <= out.size - size and position >= 0 and rate >= 0
        if not (inside and position + size * rate < source.size - 1):
            continue
        for start in range(0, size, CHUNK):
            at = position + start * rate
            whole = np.int64(at)
            n = min(CHUNK, size - start)
            y, w, x = out[onset + start : onset + start + n], window[start : start + n], source[whole:]
            base, step = np.float32(at - whole), np.float32(rate)
            for k in range(n):
                there = base + np.float32(np.int32(k)) * step
                j = np.int32(there)
                shares[k] = there - np.float32(j)
                wholes[k] = j
            for k in range(n):
                j = wholes[k]
                y[k] += (x[j] + (x[j + np.uint32(1)] - x[j]) * shares[k]) * w[k] * gain


@njit(
    "void(float32[:, ::1], int64, int64, float32[:, ::1], float32[::1], int64, int64, float32, float32)",
    cache=True,
    nogil=True,
)
def add_plain(out, at, count, table, window, start, age, left, right):
    """``count`` samples of a grain from its ``age`` on, added to ``out`` (2, time) from ``at`` on.

    They are read from ``table`` (channel, time) at ``start + age + k``, as they are; a single channel goes to both
    sides.
    """
    w = window[age : age + count]
    for side in range(2):
        gain = left if side == 0 else right
        y, x = out[side, at : at + count], table[side if table.shape[0] > 1 else 0, start + age :]
        x = x[:count]
        for k in range(count):
            y[k] += x[k] * w[k] * gain


@njit(
    "void(float32[:, ::1], int64, int64, float32[:, ::1], float32[::1], int64, int64, int64, float32, float32)",
    cache=True,
    nogil=True,
)
def add_transposed(out, at, count, table, window, start, step, age, left, right):
    """The same read at ``start + (age + k) step / ONE``, interpolated by cubic Hermite polynomials of four samples.

    The table has one sample before and three after all that is read. Tangents are central differences (Catmull and
    Rom 1974); a whole position gives the sample itself.
    """
    shares, wholes = np.empty(CHUNK, np.float32), np.empty(CHUNK, np.uint32)
    half, more = np.float32(0.5), np.float32(1.5)
    rate = np.float32(step / ONE)
    done = 0
    while done < count:
        inside = (age + done) % CHUNK  # chunks are those of the grain, wherever blocks are cut
        n = min(CHUNK - inside, count - done)
        there = (age + done - inside) * step
        base = np.float32((there & (ONE - 1)) / ONE)
        for k in range(n):
            position = base + np.float32(np.int32(inside + k)) * rate
            j = np.int32(position)
            shares[k] = position - np.float32(j)
            wholes[k] = j
        w = window[age + done : age + done + n]
        for channel in range(table.shape[0]):
            x = table[channel, start - 1 + (there >> 32) :]
            y = out[channel, at + done : at + done + n]
            other = out[1 - channel, at + done : at + done + n]
            gain = left if channel == 0 else right
            beside = right if table.shape[0] == 1 else np.float32(0.0)
            for k in range(n):
                j, f = wholes[k], shares[k]
                a, b, c, d = x[j], x[j + np.uint32(1)], x[j + np.uint32(2)], x[j + np.uint32(3)]
                slope = half * (c - a)
                cube = more * (b - c) + half * (d - a)
                value = (((cube * f + (a - b + slope - cube)) * f + slope) * f + b) * w[k]
                y[k] += value * gain
                other[k] += value * beside
        done += n
