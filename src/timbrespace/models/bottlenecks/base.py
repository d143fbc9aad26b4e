"""A bottleneck turns an encoder's statistics into latents and says what that costs."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from timbrespace.core.component import Component
from timbrespace.core.shapes import Statistics
from timbrespace.models.encoding import Level
from timbrespace.models.priors.base import Prior


class Bottleneck(Component, nn.Module):
    """Statistics (batch, n_statistics, step) to a level of latents."""

    latent_dim: int

    @property
    @abstractmethod
    def n_statistics(self) -> int:
        """Channels the encoder must give."""

    @abstractmethod
    def forward(self, statistics: Statistics, *, generator: torch.Generator | None = None) -> Level:
        """Latents; drawn from the posterior with ``generator``, its mean without."""

    @abstractmethod
    def losses(self, level: Level, prior: Prior, *, generator: torch.Generator) -> dict[str, Tensor]:
        """Named, unweighted regularisers: scalars, batch means of per-example sums."""

    def provides(self) -> dict[str, Any]:
        return {"latent_dim": self.latent_dim, "n_statistics": self.n_statistics}
