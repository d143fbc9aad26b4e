"""The diary of a run: ``metrics.jsonl`` and TensorBoard."""

from __future__ import annotations

import contextlib
import json
from abc import ABC, abstractmethod
from pathlib import Path
from typing import IO, Any

from torch import nn

from timbrespace.core.files import atomic_file
from timbrespace.models.base import Model
from timbrespace.pictures.figure import to_rgb
from timbrespace.pictures.space import bars
from timbrespace.training.board import Board
from timbrespace.training.trainer import Evaluation, StepReport

PICTURES = 5
"""How often in a run pictures and sounds go to TensorBoard: each time costs about a second."""


class Portrait(ABC):
    """What is drawn of a model now and then."""

    @abstractmethod
    def draw(self, board: Board, step: int, model: Model, *, first: bool) -> None:
        """Pictures and sounds of the model after ``step`` steps; ``first`` is true once per process."""


class Journal:
    """Writes losses every few steps, figures at each evaluation, and now and then a portrait. On resume,
    lines beyond the step it goes on from (and a last line cut by a crash) are dropped.
    """

    def __init__(
        self,
        folder: Path,
        *,
        resumed_step: int,
        portrait: Portrait | None,
        total_steps: int,
        evaluations: int,
        every: int = 20,
    ) -> None:
        self.folder, self.portrait = folder, portrait
        self.every = every
        self.picture_every = max(1, evaluations // PICTURES)
        self.total_steps, self.evaluations_seen = total_steps, 0
        folder.mkdir(parents=True, exist_ok=True)
        self.file = _continued(folder / "metrics.jsonl", resumed_step)
        self.board = Board(folder / "tensorboard", first_step=resumed_step)

    def on_step(self, report: StepReport, seconds_left: float) -> None:
        if report.step % self.every and not report.skipped:
            return
        self._write({"step": report.step, "skipped": report.skipped, "norm": report.norm, **report.losses})
        for name, value in report.losses.items():
            self.board.scalar(f"loss/{name}", value, report.step)
        self.board.scalar("gradient norm", report.norm, report.step)

    def on_evaluation(self, step: int, evaluation: Evaluation, model: nn.Module) -> None:
        self._write({"step": step, "evaluation": evaluation.figures, "unexplained_train": evaluation.train_score})
        self.board.scalar("unexplained/validation", evaluation.score, step)
        self.board.scalar("unexplained/train", evaluation.train_score, step)
        for name, value in evaluation.figures.items():
            self.board.scalar(f"validation/{name}", value, step)
        if isinstance(model, Model) and (self.evaluations_seen % self.picture_every == 0 or step >= self.total_steps):
            self._pictures(step, evaluation, model)
        self.evaluations_seen += 1

    def on_message(self, text: str) -> None:
        self._write({"message": text})

    def close(self) -> None:
        """Let go of both files."""
        with contextlib.suppress(OSError):  # every line was flushed; one the disk refused has been told
            self.file.close()
        self.board.close()

    def _pictures(self, step: int, evaluation: Evaluation, model: Model) -> None:
        kl = [v for k, v in sorted(evaluation.figures.items()) if k.startswith("kl_per_dimension/")]
        if kl:
            figure = bars(kl, xlabel="latent dimension", ylabel="KL, nats per step")
            self.board.image("KL per dimension", to_rgb(figure), step)
        if self.portrait is not None:
            self.portrait.draw(self.board, step, model, first=self.evaluations_seen == 0)

    def _write(self, line: dict[str, Any]) -> None:
        self.file.write(json.dumps(line, allow_nan=True) + "\n")
        self.file.flush()


def _continued(path: Path, resumed_step: int) -> IO[str]:
    """The diary, opened to go on after ``resumed_step`` steps, without what was written of later ones."""
    kept = []
    if path.exists() and resumed_step:
        for text in path.read_text(encoding="utf-8").splitlines():
            try:
                line = json.loads(text)
            except ValueError:  # cut by a crash
                continue
            # Steps are counted from 0, so step N itself comes after N steps; an evaluation at N came before it.
            if line.get("step", 0) < resumed_step + ("evaluation" in line):
                kept.append(text)
    with atomic_file(path) as partial:
        partial.write_text("".join(t + "\n" for t in kept), encoding="utf-8")
    return path.open("a", encoding="utf-8")
