"""A small real training: frames of moving partials, a narrow temporal network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from timbrespace.core.batch import Batch
from timbrespace.core.component import build
from timbrespace.core.seeds import torch_generator
from timbrespace.models import Model
from timbrespace.training.checkpoints import Checkpoints
from timbrespace.training.options import Training
from timbrespace.training.schedules import Constant, Linear
from timbrespace.training.state import State
from timbrespace.training.trainer import Evaluation, Trainer

FEATURES = 12


class Frames:
    """Batches of smooth random frames, by step; steps in ``poisoned`` hold NaN."""

    steps_per_epoch = 10.0

    def __init__(self, poisoned: range = range(0)) -> None:
        self.poisoned = poisoned

    def batch(self, step: int) -> Batch:
        noise = torch.randn(4, 1, FEATURES, 24, generator=torch_generator(5, "frames", step))
        frames = torch.nn.functional.avg_pool2d(noise, (3, 9), 1, padding=(1, 4)) * 3
        if step in self.poisoned:
            frames[0, 0, 0, 0] = float("nan")
        return Batch.of(frames)

    def sample(self, n_examples: int) -> Batch:
        return Batch.of(torch.cat([self.batch(10_000 + i).x for i in range(8)]))


def options(**settings: Any) -> Training:
    weights = {"reconstruction": Constant(), "kl": Linear(end=0.1, length=20)}
    return Training(**{"weights": weights, "warm_up": 5, "checkpoint_minutes": 0.0, **settings})


def model() -> Model:
    torch.manual_seed(0)
    table = {
        "network": {"kind": "TemporalConv", "width": 16, "depth": 1, "dropout": 0.1},
        "bottleneck": {"kind": "Gaussian", "latent_dim": 3},
        "prior": {"kind": "Normal"},
        "likelihood": {"kind": "Gaussian", "sigma": None},
    }
    return build(Model, table, wired={"n_features": FEATURES, "n_channels": 1})


def evaluate(model: torch.nn.Module) -> Evaluation:
    assert isinstance(model, Model)
    figures = model.monitor(Frames().batch(99_999))
    share = float(figures["squared_error"].sum() / figures["target_energy"].sum())
    return Evaluation(score=share, train_score=share, figures={})


def trainer(folder: Path, *, total_steps: int, batches: Frames | None = None, **extra: Any) -> Trainer:
    """A trainer that goes on from the folder's last checkpoint, if there is one."""
    settings = extra.pop("training", None) or options()
    batches = batches or Frames()
    state = State(model(), None, settings)
    checkpoints = Checkpoints(folder)
    if checkpoints.entries():
        entry, tensors = checkpoints.latest()
        state.restore(tensors, entry.state)
    else:
        state.model.initialise(batches.sample(8), generator=torch.Generator())  # type: ignore[operator]  # a Model
    return Trainer(
        state,
        settings,
        batches,
        checkpoints,
        total_steps=total_steps,
        seed=3,
        evaluations=4,
        evaluate=evaluate,
        **extra,
    )


def weights(trained: Trainer) -> dict[str, Tensor]:
    """All that must be equal for two trainings to be the same."""
    return trained.state.tensors()
