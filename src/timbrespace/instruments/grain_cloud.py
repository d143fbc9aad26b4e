"""The grains that sound at the same time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from timbrespace.instruments.grain_kernels import ONE, add_plain, add_transposed
from timbrespace.instruments.grain_tables import AFTER, BEFORE, Table

Array = npt.NDArray[Any]


@dataclass
class Grain:
    """A reading of ``table`` from sample ``start`` on at ``step / ONE`` samples per sample, weighted by ``window``.

    ``gains`` are those of the two channels, ``age`` the samples that were heard.
    """

    table: Table
    window: Array
    start: int
    step: int
    gains: tuple[float, float]
    age: int = 0

    @property
    def left(self) -> int:
        """Samples still to come."""
        return len(self.window) - self.age

    def add_to(self, out: Array, at: int, count: int) -> None:
        """Add the next samples to ``out`` (2, time) from ``at`` on, ``count`` or as many as there are."""
        n = min(count, self.left)
        self.table.reach(self.start + reach(self.age + n, self.step))
        start, sound = BEFORE + self.start, self.table.sound
        if self.step == ONE:
            add_plain(out, at, n, sound, self.window, start, self.age, *self.gains)
        else:
            add_transposed(out, at, n, sound, self.window, start, self.step, self.age, *self.gains)
        self.age += n


class Cloud:
    """Grains in the order in which they began; that order decides how sums are rounded."""

    def __init__(self) -> None:
        self._grains: list[Grain] = []

    def __len__(self) -> int:
        return len(self._grains)

    def add(self, grain: Grain) -> None:
        """Let a grain begin."""
        self._grains.append(grain)

    def clear(self) -> None:
        """Break all grains off."""
        self._grains.clear()

    def render(self, out: Array, at: int, count: int) -> None:
        """Add the next ``count`` samples to ``out`` (2, time), single precision, from ``at`` on."""
        for grain in self._grains:
            grain.add_to(out, at, count)
        self._grains = [grain for grain in self._grains if grain.left > 0]


def reach(samples: int, step: int) -> int:
    """How many samples of a table as many samples of a grain take, with what interpolation looks at."""
    return (samples * step >> 32) + AFTER


def fixed(rate: float) -> int:
    """A rate in fixed point."""
    return round(rate * ONE)


def panned(position: float, *, channels: int) -> tuple[float, float]:
    """Gains of the two sides for ``position`` from -1 (left) to 1.

    A single channel is laid between them with equal power, ``cos`` and ``sin`` of ``pi/4 (1 + position)``; of two
    channels the one that is turned away from gets softer.
    """
    if channels == 1:
        angle = math.pi / 4 * (1 + position)
        return math.cos(angle), math.sin(angle)
    return min(1.0, 1 - position), min(1.0, 1 + position)
