"""A weight as a function of training time."""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal

from timbrespace.core.component import Component

Unit = Literal["steps", "epochs"]


class Schedule(Component):
    """The weight of one loss term over training (beta, for the KL term)."""

    @property
    @abstractmethod
    def final(self) -> float:
        """The weight that the schedule leads to, or comes back to."""

    @abstractmethod
    def value(self, step: int, *, steps_per_epoch: float) -> float:
        """The weight at ``step`` (from 0); ``steps_per_epoch`` converts schedules counted in epochs."""
