"""A parameter a player can turn: its range, unit and scale, declared once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from timbrespace.core.errors import ParameterError

Scale = Literal["linear", "log"]


@dataclass(frozen=True)
class Knob:
    """Range, unit and scale of a parameter; sliders, OSC, MIDI, sampling and documentation derive from it.

    Written as ``Annotated[float, Knob(20, 20_000, "Hz", "log")]`` in a constructor, it also bounds the
    argument. A position ``p`` in [0, 1] maps to ``low + p (high - low)`` on the linear scale and to
    ``low (high / low)^p`` on the logarithmic one.

    >>> round(Knob(20.0, 20_000.0, "Hz", "log").value(0.5), 1)
    632.5
    """

    low: float
    high: float
    unit: str = ""
    scale: Scale = "linear"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ParameterError(f"A knob needs a finite low end below its high end, not {self.low} to {self.high}.")
        if self.scale == "log" and self.low <= 0:
            raise ParameterError(f"A logarithmic knob starts above zero, not at {self.low}; use 'linear'.")

    def value(self, position: float) -> float:
        """The parameter's value at ``position`` in [0, 1]; positions outside are clamped."""
        p = min(1.0, max(0.0, position))
        if self.scale == "log":
            return float(self.low * (self.high / self.low) ** p)
        return self.low + p * (self.high - self.low)

    def position(self, value: float) -> float:
        """The inverse of :meth:`value`, in [0, 1]."""
        v = self.clamp(value)
        if self.scale == "log":
            return math.log(v / self.low) / math.log(self.high / self.low)
        return (v - self.low) / (self.high - self.low)

    def clamp(self, value: float) -> float:
        """``value`` held inside the range; not-a-number becomes the low end."""
        return self.low if math.isnan(value) else min(self.high, max(self.low, value))

    def contains(self, value: float) -> bool:
        """Whether ``value`` lies inside the range, ends included."""
        return self.low <= value <= self.high

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        return f"{self.low:g} to {self.high:g}{unit}" + (", logarithmic" if self.scale == "log" else "")
