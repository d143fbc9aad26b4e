"""A weight that rises again and again."""

from __future__ import annotations

from typing import Annotated

from timbrespace.core.knob import Knob
from timbrespace.training.schedules.base import Schedule, Unit


class Cyclical(Schedule):
    """Periods of ``length``: linear from ``start`` to ``end`` over the first ``rise`` share, then constant.

    After ``cycles`` periods (0 for ever) the weight stays at ``end``. (Fu et al., "Cyclical Annealing
    Schedule", 2019, https://arxiv.org/abs/1903.10145.)
    """

    def __init__(
        self,
        *,
        start: Annotated[float, Knob(0.0, 1e6)] = 0.0,
        end: Annotated[float, Knob(0.0, 1e6)] = 1.0,
        length: Annotated[float, Knob(1e-9, 1e9)] = 1000.0,
        rise: Annotated[float, Knob(1e-6, 1.0)] = 0.5,
        cycles: Annotated[int, Knob(0, 1_000_000)] = 4,
        unit: Unit = "steps",
    ) -> None:
        self.start, self.end, self.length = start, end, length
        self.rise, self.cycles, self.unit = rise, cycles, unit

    @property
    def final(self) -> float:
        return self.end

    def value(self, step: int, *, steps_per_epoch: float) -> float:
        periods = (step if self.unit == "steps" else step / steps_per_epoch) / self.length
        if self.cycles and periods >= self.cycles:
            return self.end
        return self.start + (self.end - self.start) * min(1.0, (periods % 1.0) / self.rise)
