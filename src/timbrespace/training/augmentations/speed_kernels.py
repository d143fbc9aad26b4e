"""Reading a sound at another speed, compiled."""

from __future__ import annotations

from numba import njit


@njit("void(float32[:, :, ::1], float64[::1], float64[::1], float32[:, :, ::1])", cache=True, nogil=True)
def read_at_speed(wave, start, speed, out):
    """Fill ``out`` (batch, channel, shorter) with ``wave`` (batch, channel, time) read from ``start`` (batch,) in
    steps of ``speed`` (batch,), by Catmull-Rom interpolation. Every place read lies in [1, time - 2).
    """
    n_batch, n_channels, n_samples = out.shape
    last = wave.shape[2] - 3
    for b in range(n_batch):
        for c in range(n_channels):
            x = wave[b, c]
            y = out[b, c]
            for n in range(n_samples):
                place = start[b] + n * speed[b]
                whole = min(max(int(place), 1), last)
                u = place - whole
                p, q, r, s = x[whole - 1], x[whole], x[whole + 1], x[whole + 2]
                y[n] = q + 0.5 * u * (r - p + u * (2.0 * p - 5.0 * q + 4.0 * r - s + u * (3.0 * (q - r) + s - p)))
