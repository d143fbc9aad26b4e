"""How loud a grain is while it lasts."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

SHORTEST_ATTACK_S: Final = 0.001

Array = npt.NDArray[Any]


def envelope(length: int, *, shape: float, sample_rate: int) -> Array:
    """Weights (length,) from a percussive to a round grain.

    ``w(u) = sin²(pi/2 u / a)`` up to ``u = a``, then ``cos²(pi/2 (u - a) / (1 - a))^d``, with
    ``a = 0.02 + 0.48 shape`` and ``d = 4^(1 - shape)``; u runs from 0 to 1 in the middles of samples. At 1 it is
    Hann's window, at 0 a stroke that dies away. The rise lasts a millisecond at least, or half a grain shorter than
    two.
    """
    u = (np.arange(length) + 0.5) / length
    attack = max(0.02 + 0.48 * shape, min(0.5, SHORTEST_ATTACK_S * sample_rate / length))
    rise = np.sin(np.pi / 2 * np.minimum(u / attack, 1)) ** 2
    fall = np.cos(np.pi / 2 * np.maximum((u - attack) / (1 - attack), 0)) ** (2 * 4 ** (1 - shape))
    return np.asarray(rise * fall, np.float32)
