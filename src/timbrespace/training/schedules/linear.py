"""A weight that rises (or falls) in a straight line, then stays."""

from __future__ import annotations

from typing import Annotated

from timbrespace.core.knob import Knob
from timbrespace.training.schedules.base import Schedule, Unit


class Linear(Schedule):
    """``weight = start + (end - start) min(1, t / length)`` with t in steps or epochs.

    The warm-up of Bowman et al., "Generating Sentences from a Continuous Space", 2016
    (https://arxiv.org/abs/1511.06349): the encoder learns to be read before it pays for being precise.
    """

    def __init__(
        self,
        *,
        start: Annotated[float, Knob(0.0, 1e6)] = 0.0,
        end: Annotated[float, Knob(0.0, 1e6)] = 1.0,
        length: Annotated[float, Knob(1e-9, 1e9)] = 300.0,
        unit: Unit = "steps",
    ) -> None:
        self.start, self.end, self.length, self.unit = start, end, length, unit

    @property
    def final(self) -> float:
        return self.end

    def value(self, step: int, *, steps_per_epoch: float) -> float:
        time = step if self.unit == "steps" else step / steps_per_epoch
        return self.start + (self.end - self.start) * min(1.0, time / self.length)
