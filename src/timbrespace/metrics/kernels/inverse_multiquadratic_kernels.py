"""The compiled inner loop of the inverse multiquadratic kernel."""

from __future__ import annotations

import numpy as np
from numba import njit

BLOCK = 64
"""Entries whose sums over the scales stay in the innermost cache."""


@njit(
    "void(float32[::1], float32[::1], float32[::1], float32[::1])",
    cache=True,
    nogil=True,
    error_model="numpy",
)
def value_and_slope(scales, u, value, slope):
    """``value = sum_s s / (s + u)`` and ``slope = -sum_s s / (s + u)²``."""
    for first in range(0, u.size, BLOCK):
        x = u[first : first + BLOCK]
        k = value[first : first + BLOCK]
        dk = slope[first : first + BLOCK]
        k[:] = np.float32(0.0)
        dk[:] = np.float32(0.0)
        for j in range(scales.size):
            s = scales[j]
            for i in range(x.size):
                inverse = np.float32(1.0) / (s + x[i])
                k[i] += s * inverse
                dk[i] -= s * inverse * inverse
