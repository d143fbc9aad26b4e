"""Compiled inner loops of the pitch tracker: halving of the rate, frames, and the search for a period."""

from __future__ import annotations

import numpy as np
from numba import njit

RELAXED = {"contract", "reassoc", "nsz", "arcp"}

# A half-band low-pass: sinc(n / 2) under a Blackman window of 47 taps; every second tap but the middle is zero.
REACH = 23
_n = np.arange(1, REACH + 1, 2)
_taper = 0.42 + 0.5 * np.cos(np.pi * _n / (REACH + 1)) + 0.08 * np.cos(2 * np.pi * _n / (REACH + 1))
TAPS = (_taper * np.sin(np.pi * _n / 2) / (np.pi * _n)).astype(np.float32)
TAPS *= np.float32(0.25) / TAPS.sum()


@njit("float32[::1](float32[::1])", fastmath=RELAXED, cache=True, nogil=True)
def halved(wave):
    """Every second sample of the low-passed wave; sample k lies where sample 2 k lay."""
    out = np.empty((wave.size + 1) // 2, np.float32)
    padded = np.zeros(wave.size + 2 * REACH + 1, np.float32)
    padded[REACH : REACH + wave.size] = wave
    for k in range(out.size):
        middle = 2 * k + REACH
        total = np.float32(0.5) * padded[middle]
        for i in range(TAPS.size):
            total += TAPS[i] * (padded[middle - 2 * i - 1] + padded[middle + 2 * i + 1])
        out[k] = total
    return out


@njit("void(float32[::1], int64, float64, int64, float32[:, ::1], float32[:, ::1])", cache=True, nogil=True)
def cut(wave, first, hop, head, heads, wholes):
    """Frames whose first ``head`` samples are centred on multiples of ``hop``; and those samples alone, then zeros."""
    size = wholes.shape[1]
    for t in range(wholes.shape[0]):
        start = int(np.round((first + t) * hop)) - head // 2
        for i in range(size):
            at = start + i
            inside = 0 <= at < wave.size
            wholes[t, i] = wave[at] if inside else np.float32(0.0)
        heads[t, :head] = wholes[t, :head]
        heads[t, head:] = np.float32(0.0)


@njit("float64(float64[::1], int64)", cache=True, nogil=True)
def _vertex(d, at):
    """Where the parabola through three neighbours has its extremum."""
    if at < 1 or at >= d.size - 1:
        return float(at)
    curvature = d[at - 1] - 2.0 * d[at] + d[at + 1]
    if curvature <= 0.0:
        return float(at)
    return at + min(max(0.5 * (d[at - 1] - d[at + 1]) / curvature, -1.0), 1.0)


@njit("float64(float64[::1], int64)", cache=True, nogil=True)
def _refined(d, period):
    """The period to a fraction of a sample, from the dips at 1, 2, 4, ... times it."""
    found = _vertex(d, period)
    times = 1
    while 2 * times * found < 64.0 and 2 * times * found + 2.0 < d.size:
        times *= 2
        guess = int(np.round(times * found))
        best = guess
        for at in range(max(1, guess - 1), min(d.size - 1, guess + 2)):
            if d[at] < d[best]:
                best = at
        found = _vertex(d, best) / times
    return found


@njit("int64(float64[::1], float64[::1], int64, float64)", cache=True, nogil=True)
def _first_dip(d, normalised, shortest, threshold):
    """The least lag at the bottom of a dip below ``threshold``, or -1; normalises ``d`` on the way."""
    total = 0.0
    normalised[0] = 1.0
    for lag in range(1, d.size):
        total += d[lag]
        normalised[lag] = d[lag] * lag / total if total > 0.0 else 1.0
    lag = shortest
    while lag < d.size - 1:
        if normalised[lag] < threshold:
            while lag < d.size - 1 and normalised[lag + 1] <= normalised[lag]:
                lag += 1
            return lag if lag < d.size - 1 else -1
        lag += 1
    return -1


@njit("void(float32[:, ::1], float32[:, ::1], int64, float64[::1], float32[::1])", cache=True, nogil=True)
def periods(correlation, wholes, head, limits, f0):
    """``limits``: rate in Hz, shortest and longest lag, threshold. Writes f0 in Hz or NaN for each frame."""
    lags = int(limits[2]) + 1
    d = np.empty(lags, np.float64)
    normalised = np.empty(lags, np.float64)
    for t in range(wholes.shape[0]):
        whole = wholes[t]
        energy = 0.0
        for i in range(head):
            energy += np.float64(whole[i]) ** 2
        moved = energy
        for lag in range(lags):
            d[lag] = max(energy + moved - 2.0 * np.float64(correlation[t, lag]), 0.0)
            if lag < lags - 1:
                moved += np.float64(whole[lag + head]) ** 2 - np.float64(whole[lag]) ** 2
        d[0] = 0.0
        period = _first_dip(d, normalised, int(limits[1]), limits[3])
        f0[t] = limits[0] / _refined(d, period) if period > 0 and energy > 1e-9 * head else np.nan
