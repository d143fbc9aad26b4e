"""The sample loop of the output stage, compiled."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

# Where the counters lie in the integer state.
TIME, HEAD, COUNT, BELOW, MENDED, LIMITED = range(6)
N_COUNTERS = 6
# Where the numbers lie in the floating-point state.
GAIN, TOTAL = range(2)


@njit(
    "void(float32[:, ::1], float32[:, ::1], float64[::1], float64[:, ::1], float64[:, ::1], float64[::1],"
    " float64[::1], int64[::1], float64[::1], int64[::1])",
    cache=True,
    nogil=True,
)
def run(x, y, settings, dc, delay, gains, least, least_time, numbers, counters):
    """Fill ``y`` (channel, time) from ``x``, ``delay.shape[1] - 1`` samples later.

    ``settings`` = ceiling, highest magnitude let in, pole of the DC blocker, release per sample, fade-in
    samples. ``dc`` (channel, 2) holds the blocker's last input and output, ``delay`` (channel, window) the
    sound on its way, ``gains`` (window,) the released gains, ``least`` and ``least_time`` the queue of a
    sliding minimum. All state changes depend on one sample at a time, so any cut into blocks is the same.
    """
    ceiling, highest, pole, release, fade = settings[0], settings[1], settings[2], settings[3], settings[4]
    n_channels, n_samples = x.shape
    window = delay.shape[1]
    top = np.float32(ceiling)
    for n in range(n_samples):
        now = counters[TIME]
        slot = now % window
        ramp = 1.0 if now >= fade else now / fade
        peak = 0.0
        for c in range(n_channels):
            value = float(x[c, n])
            if not math.isfinite(value):
                value = 0.0
                counters[MENDED] += 1
            elif abs(value) > highest:
                value = math.copysign(highest, value)
                counters[MENDED] += 1
            value *= ramp
            blocked = 0.5 * (1.0 + pole) * (value - dc[c, 0]) + pole * dc[c, 1]
            if abs(blocked) < 1e-20:  # denormals would cost five times the time
                blocked = 0.0
            dc[c, 0] = value
            dc[c, 1] = blocked
            delay[c, slot] = blocked
            peak = max(peak, abs(blocked))

        wanted = ceiling / peak if peak > ceiling else 1.0
        # The queue holds rising gains; its head is the least of the last ``window`` samples.
        head, count = counters[HEAD], counters[COUNT]
        while count > 0 and least[(head + count - 1) % window] >= wanted:
            count -= 1
        if count > 0 and least_time[head] <= now - window:
            head = (head + 1) % window
            count -= 1
        least[(head + count) % window] = wanted
        least_time[(head + count) % window] = now
        counters[HEAD] = head
        counters[COUNT] = count + 1

        lowest = least[head]  # the last 0.001 dB of a release is taken in one step
        gain = numbers[GAIN]
        gain = lowest if lowest - gain < 1e-4 else gain + release * (lowest - gain)
        numbers[GAIN] = gain

        leaving = gains[slot]
        counters[BELOW] += (1 if gain < 1.0 else 0) - (1 if leaving < 1.0 else 0)
        numbers[TOTAL] += gain - leaving
        gains[slot] = gain
        if counters[BELOW] == 0:
            numbers[TOTAL] = float(window)  # rounding must not linger: sound below the ceiling stays as it is
        else:
            counters[LIMITED] += 1

        mean = numbers[TOTAL] / window
        oldest = (now + 1) % window
        for c in range(n_channels):
            out = np.float32(delay[c, oldest] * mean)
            y[c, n] = min(top, max(-top, out))
        counters[TIME] = now + 1
