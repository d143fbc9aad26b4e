"""Several listeners as one."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from timbrespace.training.trainer import Evaluation, Listener, StepReport


class Listeners:
    """Passes everything on to each of several listeners, in order."""

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self.listeners = tuple(listeners)

    def on_step(self, report: StepReport, seconds_left: float) -> None:
        for listener in self.listeners:
            listener.on_step(report, seconds_left)

    def on_evaluation(self, step: int, evaluation: Evaluation, model: nn.Module) -> None:
        for listener in self.listeners:
            listener.on_evaluation(step, evaluation, model)

    def on_message(self, text: str) -> None:
        for listener in self.listeners:
            listener.on_message(text)
