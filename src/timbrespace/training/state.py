"""Everything that moves during a training, and its way to tensors and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from timbrespace.core.errors import TrainingError
from timbrespace.core.trainable import Trainable
from timbrespace.training.averaging import AveragedModel
from timbrespace.training.options import Training


@dataclass
class Counters:
    """The scalars of a training's state, all in the checkpoint's manifest entry."""

    step: int = 0
    rate_factor: float = 1.0
    skipped: int = 0
    skipped_in_a_row: int = 0
    joules: float = 0.0
    energy: str = ""
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    curve: list[list[float]] = field(default_factory=list)
    """One row per evaluation: step, unexplained share in training, unexplained share on unseen sounds."""


class State:
    """Model, moving average, optimisers and counters."""

    def __init__(self, model: nn.Module, transform: nn.Module | None, training: Training) -> None:
        if not isinstance(model, Trainable):
            raise TrainingError(f"{type(model).__name__} cannot be trained: it lacks the methods of Trainable.")
        self.model, self.transform = model, transform
        self.averaged = AveragedModel(model, training.averaging)
        self.players = model.players()
        self.optimisers = {name: _optimiser(parameters, training) for name, parameters in self.players.items()}
        self.counters = Counters()

    def tensors(self) -> dict[str, Tensor]:
        """All tensors by name, as a checkpoint stores them."""
        named = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        named |= {f"averaged.{k}": v for k, v in self.averaged.model.state_dict().items()}
        if self.transform is not None:
            named |= {f"transform.{k}": v for k, v in self.transform.state_dict().items()}
        for player, optimiser in self.optimisers.items():
            for index, slots in optimiser.state_dict()["state"].items():
                named |= {f"optimiser.{player}.{index}.{slot}": tensor for slot, tensor in slots.items()}
        # Cloned, for safetensors refuses tensors that share memory, and the training goes on meanwhile.
        return {k: v.detach().clone() for k, v in named.items()}

    def fall_back(self) -> None:
        """Set the weights to their moving average and forget what the optimisers remember."""
        self.model.load_state_dict(self.averaged.model.state_dict())
        for optimiser in self.optimisers.values():
            optimiser.state.clear()

    def restore(self, tensors: Mapping[str, Tensor], counters: Mapping[str, Any] | None = None) -> None:
        """Set everything back to what :meth:`tensors` gave; counters only if given."""
        self.model.load_state_dict(_part(tensors, "model."))
        self.averaged.model.load_state_dict(_part(tensors, "averaged."))
        if self.transform is not None:
            self.transform.load_state_dict(_part(tensors, "transform."))
        for player, optimiser in self.optimisers.items():
            table = optimiser.state_dict()
            table["state"] = _slots(_part(tensors, f"optimiser.{player}."))
            optimiser.load_state_dict(table)
        if counters is not None:
            self.counters = Counters(**counters)


def _optimiser(parameters: list[nn.Parameter], training: Training) -> torch.optim.Optimizer:
    return torch.optim.AdamW(
        parameters, lr=training.learning_rate, betas=training.betas, weight_decay=training.weight_decay, fused=True
    )


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _slots(flat: Mapping[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    slots: dict[int, dict[str, Tensor]] = {}
    for name, tensor in flat.items():
        index, _, slot = name.partition(".")
        slots.setdefault(int(index), {})[slot] = tensor.clone()
    return slots
