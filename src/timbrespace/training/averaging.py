"""The moving average of a model's weights."""

from __future__ import annotations

import copy

import torch
from torch import nn


class AveragedModel:
    """``average += (1 - decay) (weights - average)`` after each step; buffers are copied.

    Early on the decay is ``(1 + t) / (10 + t)``, so that the random start is forgotten quickly.
    (Polyak & Juditsky 1992; the ramp as in Tensorflow's ExponentialMovingAverage.)
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.model = copy.deepcopy(model).requires_grad_(False).eval()

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Move towards ``model`` after step number ``step`` (from 0)."""
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self.model.parameters()), list(model.parameters()), 1 - decay)
        for mine, theirs in zip(self.model.buffers(), model.buffers(), strict=True):
            mine.copy_(theirs)
