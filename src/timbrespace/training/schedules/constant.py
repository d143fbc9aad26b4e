"""A weight that does not change."""

from __future__ import annotations

from typing import Annotated

from timbrespace.core.knob import Knob
from timbrespace.training.schedules.base import Schedule


class Constant(Schedule):
    """The same ``weight`` at every step."""

    def __init__(self, *, weight: Annotated[float, Knob(0.0, 1e6)] = 1.0) -> None:
        self.weight = weight

    @property
    def final(self) -> float:
        return self.weight

    def value(self, step: int, *, steps_per_epoch: float) -> float:
        return self.weight
