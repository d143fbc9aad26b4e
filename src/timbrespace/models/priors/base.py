"""A prior over latent vectors."""

from __future__ import annotations

from abc import abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor, nn

from timbrespace.core.component import Component
from timbrespace.core.shapes import Latents
from timbrespace.models.encoding import Level


class Prior(Component, nn.Module):
    """A distribution over single latent vectors, independent between steps."""

    latent_dim: int

    @abstractmethod
    def sample(self, n: int, *, generator: torch.Generator) -> Float[Tensor, "n latent"]:
        """``n`` latent vectors."""

    @abstractmethod
    def log_prob(self, z: Latents, *, posterior: Level | None = None) -> Float[Tensor, "batch step"]:
        """Log-density in nats of each vector; ``posterior`` is there for priors defined by one."""

    @abstractmethod
    def kl(self, level: Level, *, generator: torch.Generator) -> Float[Tensor, "batch part step"]:
        """KL(q || p) in nats of the level's Gaussian posterior: per latent where the prior factorises
        (``part`` = latent), in one part otherwise; closed form where there is one, else one Monte Carlo draw.
        """
