"""Progress in the terminal: a bar with the time left, or plain lines where there is no terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO

from torch import nn

from timbrespace.training.trainer import Evaluation, StepReport

Words = Callable[[float], str]
"""How the score of an evaluation is told."""


class Console:
    """Tells on standard error how a training goes."""

    def __init__(self, total_steps: int, first_step: int, *, words: Words, stream: TextIO | None = None) -> None:
        from rich.console import Console as RichConsole
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self.stream = stream or sys.stderr
        self.total_steps = total_steps
        self.words = words
        self.score: float | None = None
        self.told_at = 0.0
        self.bar: Progress | None = None
        if self.stream.isatty():
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                TimeElapsedColumn(),
                TextColumn("{task.fields[left]}"),
            )
            self.bar = Progress(*columns, console=RichConsole(file=self.stream))
            self.task = self.bar.add_task("training", total=total_steps, completed=first_step, left="")
            self.bar.start()

    def on_step(self, report: StepReport, seconds_left: float) -> None:
        done = report.step + 1
        if self.bar is not None:
            self.bar.update(
                self.task, completed=done, description=self._words(done), left=f"{clock(seconds_left)} left"
            )
        elif time.monotonic() - self.told_at > 10 or done == self.total_steps:
            self.told_at = time.monotonic()
            print(f"{self._words(done)}, {clock(seconds_left)} left", file=self.stream, flush=True)

    def on_evaluation(self, step: int, evaluation: Evaluation, model: nn.Module) -> None:
        self.score = evaluation.score

    def on_message(self, text: str) -> None:
        if self.bar is not None:
            self.bar.console.print(text)
        else:
            print(text, file=self.stream, flush=True)

    def close(self) -> None:
        """Take the bar away."""
        if self.bar is not None:
            self.bar.stop()

    def _words(self, done: int) -> str:
        known = "" if self.score is None else f", {self.words(self.score)}"
        return f"step {done:,} of {self.total_steps:,}{known}"


def clock(seconds: float) -> str:
    """Seconds as m:ss, or h:mm:ss from an hour on."""
    whole = max(0, round(seconds))
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"
