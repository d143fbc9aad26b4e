"""What is heard where sound is missing: the last value, fading, then silence, and no click when sound returns."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

HOLD_MS: Final = 20.0
RETURN_MS: Final = 5.0

Array = npt.NDArray[Any]


class Patch:
    """Fills up blocks (frame, channel) that came too short.

    What is missing begins with the last frame, faded by a raised cosine over 20 ms; the sound that follows is faded in
    over 5 ms. Blocks that are whole, with none missing before them, are left as they are.
    """

    def __init__(self, sample_rate: int, *, channels: int) -> None:
        self._hold = 0.5 * (1 + np.cos(np.linspace(0, np.pi, max(2, round(HOLD_MS / 1000 * sample_rate)))))
        self._return = 0.5 * (1 - np.cos(np.linspace(0, np.pi, max(2, round(RETURN_MS / 1000 * sample_rate)))))
        self._last = np.zeros(channels, np.float32)
        self._missing = 0  # frames filled in since sound was last there
        self._back = len(self._return)  # frames of the fade-in already given

    def fill(self, frames: Array, n: int) -> Array:
        """``frames`` made ``n`` long."""
        out = self._faded_in(frames)
        if len(out):
            self._last, self._missing = out[-1].copy(), 0
        lacking = n - len(out)
        if lacking <= 0:
            return out
        at = self._missing + np.arange(lacking)
        gains = np.where(at < len(self._hold), self._hold[np.minimum(at, len(self._hold) - 1)], 0.0)
        self._missing += lacking
        self._back = 0
        return np.concatenate([out, (gains[:, None] * self._last).astype(np.float32)])

    def _faded_in(self, frames: Array) -> Array:
        left = self._return[self._back : self._back + len(frames)]
        if len(left) == 0:
            return frames
        out = frames.copy()
        out[: len(left)] *= left[:, None].astype(np.float32)
        self._back += len(left)
        return out
