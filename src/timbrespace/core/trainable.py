"""All that the trainer knows of what it trains."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from timbrespace.core.batch import Batch


@runtime_checkable
class Trainable(Protocol):
    """Anything the trainer can train: auto-encoder, critic, flow, classifier.

    ``players`` names groups of parameters, one optimiser each, in the order they move (model, critic).
    ``losses`` gives named, **unweighted** terms, each the batch mean of a per-example sum (in nats where
    it is a likelihood); weights and warm-up are applied once, by the trainer. All randomness comes from
    ``generator``, which the trainer derives from (seed, step).
    """

    def players(self) -> dict[str, list[nn.Parameter]]:
        """Parameter groups by name, in the order they are optimised."""

    def initialise(self, batch: Batch, *, generator: torch.Generator) -> None:
        """Set what is best set from data (PCA start, k-means codebook), once, before the first step."""

    def losses(self, batch: Batch, player: str, *, step: int, generator: torch.Generator) -> dict[str, Tensor]:
        """Named scalar terms for one player's step."""

    def after_step(self, batch: Batch, *, generator: torch.Generator) -> None:
        """Called after all players moved: moving averages, restarts."""

    def monitor(self, batch: Batch) -> dict[str, Tensor]:
        """Deterministic figures of a batch for the log, each with the batch as first axis."""
