"""Click-free changes of level, the same whatever the blocks: every sample's gain follows from a counter."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Gate:
    """Opens and closes along a raised cosine of ``length`` samples, ``(1 - cos(pi k / length)) / 2``.

    Turned round half-way, it goes back the way it came.
    """

    def __init__(self, length: int) -> None:
        self._curve = 0.5 * (1 - np.cos(np.pi * np.arange(length + 1) / length))
        self._at = 0
        self.open = False

    @property
    def closed(self) -> bool:
        """Whether nothing comes through and nothing is about to."""
        return self._at == 0 and not self.open

    @property
    def silent(self) -> bool:
        """Whether nothing comes through now."""
        return self._at == 0

    def until_closed(self) -> int:
        """Samples until a gate on its way down lets nothing through; 0 for others."""
        return 0 if self.open else self._at

    def shut(self) -> None:
        """Be closed at once; only where it cannot be heard."""
        self._at, self.open = 0, False

    def throw_open(self) -> None:
        """Be open at once; only where nothing sounds."""
        self._at, self.open = len(self._curve) - 1, True

    def gains(self, n: int) -> Array:
        """The gains (n,) of the next samples."""
        steps = np.arange(1, n + 1)
        at = np.minimum(self._at + steps, len(self._curve) - 1) if self.open else np.maximum(self._at - steps, 0)
        if n:
            self._at = int(at[-1])
        return self._curve[at]


class Ramp:
    """A value that goes to its target on a straight line of ``length`` samples."""

    def __init__(self, value: float, length: int) -> None:
        self._from = self._to = value
        self._length = length
        self._at = length

    @property
    def value(self) -> float:
        """The last value given out."""
        return float(self._on_the_way(np.array([self._at]))[0])

    def go(self, target: float) -> None:
        """Set out for ``target`` from where the value is."""
        self._from, self._to, self._at = self.value, target, 0

    def values(self, n: int) -> Array:
        """The next n values (n,)."""
        at = np.minimum(self._at + np.arange(1, n + 1), self._length)
        if n:
            self._at = int(at[-1])
        return self._on_the_way(at)

    def _on_the_way(self, at: Array) -> Array:
        line = self._from + (self._to - self._from) * (at / self._length)
        return np.where(at == self._length, self._to, line)  # rounding must not keep it from arriving
