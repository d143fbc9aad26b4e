"""The standard normal prior."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from timbrespace.core.component import Wired
from timbrespace.core.errors import ParameterError
from timbrespace.core.shapes import Latents
from timbrespace.models.encoding import Level
from timbrespace.models.priors.base import Prior


class Normal(Prior):
    """``p(z) = N(0, I)``, with KL in closed form.

    For each latent, ``KL(N(m, v) || N(0, 1)) = (m^2 + v - log v - 1) / 2`` nats
    (Kingma & Welling 2013, appendix B).
    """

    factorises: ClassVar[bool] = True

    def __init__(self, *, latent_dim: Wired[int]) -> None:
        super().__init__()
        self.latent_dim = latent_dim

    @property
    def variance(self) -> float:
        return 1.0

    def sample(self, n: int, *, generator: torch.Generator) -> Float[Tensor, "n latent"]:
        return torch.randn(n, self.latent_dim, generator=generator, device=generator.device)

    def log_prob(self, z: Latents) -> Float[Tensor, "batch step"]:
        return -0.5 * (z.square() + math.log(2 * math.pi)).sum(dim=1)

    def kl(self, level: Level, *, generator: torch.Generator) -> Float[Tensor, "batch part step"]:
        if level.log_var is None:
            raise ParameterError("A KL divergence needs a posterior with a variance; use the Gaussian bottleneck.")
        return 0.5 * (level.mean.square() + level.log_var.exp() - level.log_var - 1)
