"""Everything a training needs, built from its plan."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import nn

from timbrespace.codecs.bundle import RUN
from timbrespace.core.version import __version__
from timbrespace.datasets.base import Prepared
from timbrespace.models.base import Model
from timbrespace.training.checkpoints import Checkpoints
from timbrespace.training.console import Words
from timbrespace.training.examples import Examples
from timbrespace.training.journal import Portrait
from timbrespace.training.options import Training
from timbrespace.training.place import CHECKPOINTS
from timbrespace.training.plan import Plan
from timbrespace.training.state import State
from timbrespace.training.trainer import Evaluation

Evaluate = Callable[[nn.Module], Evaluation]
"""Judges a model during its training: figures on examples it learns from and on unseen ones."""


@dataclass
class Workshop(ABC):
    """The plan with its parts, for one sort of data."""

    folder: Path
    plan: Plan
    prepared: Prepared
    model: Model
    training: Training

    initial_examples: ClassVar[int]
    """Examples from which a model is initialised (PCA start, average picture, codebook)."""

    @property
    def run(self) -> Path:
        return self.folder / RUN

    @property
    def checkpoints(self) -> Checkpoints:
        return Checkpoints(self.run / CHECKPOINTS)

    @abstractmethod
    def fit(self) -> None:
        """Set what is learned from the data before the first step (the transform's normalisation)."""

    @abstractmethod
    def state(self) -> State:
        """The state of a training, on the device where the optimisers will find the parameters."""

    @abstractmethod
    def evaluator(self) -> Evaluate:
        """What judges the model on the way."""

    @abstractmethod
    def examples(self) -> Examples:
        """The batches of the training."""

    @abstractmethod
    def portrait(self) -> Portrait | None:
        """What is drawn of the model now and then."""

    @abstractmethod
    def words(self) -> Words:
        """How the console tells a score."""

    @abstractmethod
    def finish(self, state: State, *, best_step: int | None) -> None:
        """Judge the averaged weights and write the bundle."""


def training_facts(workshop: Workshop, state: State, *, best_step: int | None) -> dict[str, Any]:
    """What every ``recipe.json`` says of a training, whatever was learned."""
    plan, counters = workshop.plan, state.counters
    return {
        "timbrespace": __version__,
        "torch": torch.__version__,
        "data": {"path": plan.data, "fingerprint": plan.fingerprint, **workshop.prepared.summary()},
        "training": {
            "seed": plan.seed,
            "device": plan.device,
            "threads": plan.threads,
            "precision": plan.precision,
            "steps": plan.total_steps,
            "best_step": best_step,
            "skipped_steps": counters.skipped,
            "seconds": counters.seconds,
            "cpu_seconds": counters.cpu_seconds,
            "energy": counters.energy,
            "joules": counters.joules,
        },
    }
