"""The last minute of what was heard, always kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class History:
    """The last ``capacity`` frames of a sound (frame, channel)."""

    def __init__(self, capacity: int, *, channels: int) -> None:
        self._frames = np.zeros((capacity, channels), np.float32)
        self.total = 0

    def add(self, frames: Array) -> None:
        """Append frames (frame, channel)."""
        capacity = len(self._frames)
        kept = frames[-capacity:]
        first = (self.total + len(frames) - len(kept)) % capacity
        until_end = min(len(kept), capacity - first)
        self._frames[first : first + until_end] = kept[:until_end]
        self._frames[: len(kept) - until_end] = kept[until_end:]
        self.total += len(frames)

    def last(self, n: int) -> Array:
        """The last ``n`` frames, or as many as there are (frame, channel)."""
        capacity = len(self._frames)
        n = max(0, min(n, self.total, capacity))
        at = (self.total - n + np.arange(n)) % capacity
        return self._frames[at]
