"""The uniform prior on a cube."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from timbrespace.core.component import Wired
from timbrespace.core.errors import ParameterError
from timbrespace.core.knob import Knob
from timbrespace.core.shapes import Latents
from timbrespace.models.encoding import Level
from timbrespace.models.priors.base import Prior


class Uniform(Prior):
    """Every latent is uniform between ``low`` and ``high``: ``p(z) = (high - low)^-d`` inside, 0 outside.

    The variance of each is ``(high - low)^2 / 12``.
    """

    support: ClassVar[str] = "region"

    factorises: ClassVar[bool] = True

    def __init__(
        self,
        *,
        latent_dim: Wired[int],
        low: Annotated[float, Knob(-1e3, 1e3)] = -1.0,
        high: Annotated[float, Knob(-1e3, 1e3)] = 1.0,
    ) -> None:
        super().__init__()
        if low >= high:
            raise ParameterError(f"Uniform's 'low' is {low} and its 'high' {high}; 'low' must be the smaller one.")
        self.latent_dim = latent_dim
        self.low = low
        self.high = high

    @property
    def variance(self) -> float:
        return (self.high - self.low) ** 2 / 12

    def sample(self, n: int, *, generator: torch.Generator) -> Float[Tensor, "n latent"]:
        position = torch.rand(n, self.latent_dim, generator=generator, device=generator.device)
        return self.low + (self.high - self.low) * position

    def log_prob(self, z: Latents) -> Float[Tensor, "batch step"]:
        inside = ((z >= self.low) & (z <= self.high)).all(dim=1)
        density = -self.latent_dim * math.log(self.high - self.low)
        return torch.where(inside, density, -math.inf).to(z.dtype)

    def kl(self, level: Level, *, generator: torch.Generator) -> Float[Tensor, "batch part step"]:
        raise ParameterError(
            "The KL divergence from a Gaussian posterior to the Uniform prior is infinite, since every Gaussian"
            " reaches outside its cube; use the Mmd or Adversarial bottleneck with it."
        )
