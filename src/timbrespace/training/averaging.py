"""The moving average of a model's weights."""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor, nn


class AveragedModel:
    """``average += (1 - decay) (weights - average)`` after each step; buffers are copied.

    Weights hardly move within a hundredth of what an average looks back, ``1 / (1 - decay)`` steps: where that is some
    steps, they are taken in one, with the decay of all.
    Early on the decay is ``(1 + t) / (10 + t)``, so that the random start is forgotten quickly.
    (Polyak & Juditsky 1992; the ramp as in Tensorflow's ExponentialMovingAverage.)
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.model = copy.deepcopy(model).requires_grad_(False).eval()
        # Listed once: walking through a module takes as long as the arithmetic of a small one.
        self._mine: list[Tensor] = list(self.model.parameters())
        self._theirs: list[Tensor] = list(model.parameters())
        self._buffers = list(zip(self.model.buffers(), model.buffers(), strict=True))

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Move towards the model's weights after step number ``step`` (from 0)."""
        decay = min(self.decay, (1 + step) / (10 + step))
        every = _stride(decay)
        if (step + 1) % every:
            return
        torch._foreach_lerp_(self._mine, self._theirs, 1 - decay**every)
        for mine, theirs in self._buffers:
            mine.copy_(theirs)


def _stride(decay: float) -> int:
    """Steps taken in one: a power of two, so that longer strides end where shorter ones do."""
    return 1 << max(0, math.floor(math.log2(0.01 / (1 - decay))))
