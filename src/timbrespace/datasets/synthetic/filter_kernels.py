"""The two recursions SciPy has no filter for: a swept resonant filter and a plucked string."""

from __future__ import annotations

import numba
import numpy as np

from timbrespace.datasets.synthetic.sound import Signal


@numba.njit("float64[::1](float64[::1], float64[::1], float64, int64)", cache=True)
def state_variable(x: Signal, g: Signal, damping: float, mode: int) -> Signal:
    """Zavalishin's state variable filter: ``g`` = tan(pi cutoff / rate) per sample; mode 0 low, 1 band, 2 high."""
    out = np.empty_like(x)
    one = 0.0
    two = 0.0
    for i in range(x.size):
        a = 1.0 / (1.0 + g[i] * (g[i] + damping))
        rest = x[i] - two
        band = a * (one + g[i] * rest)
        low = two + g[i] * band
        one = 2.0 * band - one
        two = 2.0 * low - two
        if mode == 0:
            out[i] = low
        elif mode == 1:
            out[i] = damping * band
        else:
            out[i] = x[i] - damping * band - low
    return out


@numba.njit("float64[::1](float64[::1], int64, float64, float64, float64)", cache=True)
def string_loop(excitation: Signal, delay: int, allpass: float, damping: float, gain: float) -> Signal:
    """A string: a delay of ``delay`` samples, a two-point average, a first-order all-pass, fed back."""
    out = np.zeros_like(excitation)
    before = 0.0
    after = 0.0
    for i in range(excitation.size):
        near = out[i - delay] if i >= delay else 0.0
        far = out[i - delay - 1] if i > delay else 0.0
        damped = gain * ((1.0 - damping) * near + damping * far)
        passed = allpass * (damped - after) + before
        before = damped
        after = passed
        out[i] = excitation[i] + passed
    return out
