"""The logistic prior."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from timbrespace.core.component import Wired
from timbrespace.core.knob import Knob
from timbrespace.core.shapes import Latents
from timbrespace.models.encoding import Level
from timbrespace.models.priors.base import Prior
from timbrespace.models.priors.mixtures import gaussian_entropy, posterior_draw


class Logistic(Prior):
    """Every latent is logistic: ``p(z) = e^(-z/s) / (s (1 + e^(-z/s))^2)``, with variance ``(pi s)^2 / 3``.

    Near zero it is like a Gaussian, but its tails fall only exponentially: a few far codes cost little. ``scale``
    ``None`` is ``sqrt(3) / pi``, for variance 1. The divergence is estimated from one draw of the posterior, with the
    entropy of the posterior in closed form.
    """

    factorises: ClassVar[bool] = True

    def __init__(self, *, latent_dim: Wired[int], scale: Annotated[float | None, Knob(1e-3, 1e3)] = None) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.scale = scale

    @property
    def variance(self) -> float:
        return (math.pi * self._scale) ** 2 / 3

    def sample(self, n: int, *, generator: torch.Generator) -> Float[Tensor, "n latent"]:
        # Clamped, since a draw of exactly 0 would be infinite.
        position = torch.rand(n, self.latent_dim, generator=generator, device=generator.device).clamp_min(1e-7)
        return self._scale * position.logit()

    def log_prob(self, z: Latents) -> Float[Tensor, "batch step"]:
        return self._log_density(z).sum(dim=1)

    def kl(self, level: Level, *, generator: torch.Generator) -> Float[Tensor, "batch part step"]:
        z = posterior_draw(level, generator=generator)
        return -gaussian_entropy(level) - self._log_density(z)

    def _log_density(self, z: Latents) -> Latents:
        u = z.abs() / self._scale  # even in z, and no exponential then overflows
        return -u - 2 * nn.functional.softplus(-u) - math.log(self._scale)

    @property
    def _scale(self) -> float:
        return math.sqrt(3) / math.pi if self.scale is None else self.scale
