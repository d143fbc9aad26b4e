"""The uniform prior on a sphere."""

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

TOLERANCE = 1e-3
"""How far from the radius, relative to it, a vector may be and still count as on the sphere (rounding)."""


class Sphere(Prior):
    """Uniform on the sphere ``|z| = r``; its density is one over the area, ``Gamma(d/2) / (2 pi^(d/2) r^(d-1))``.

    ``radius`` ``None`` is ``sqrt(d)``: every latent then has variance 1, as with the normal prior, whose draws
    lie near that sphere when d is large. ``log_prob`` is with respect to the surface: minus the logarithm of
    the area on it, minus infinity off it.
    """

    support: ClassVar[str] = "sphere"

    def __init__(self, *, latent_dim: Wired[int], radius: Annotated[float | None, Knob(1e-3, 1e3)] = None) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.radius = radius

    @property
    def variance(self) -> float:
        return self._radius**2 / self.latent_dim

    def sample(self, n: int, *, generator: torch.Generator) -> Float[Tensor, "n latent"]:
        direction = torch.randn(n, self.latent_dim, generator=generator, device=generator.device)
        return self._radius * torch.nn.functional.normalize(direction, dim=1)

    def log_prob(self, z: Latents) -> Float[Tensor, "batch step"]:
        d = self.latent_dim
        log_area = math.log(2) + 0.5 * d * math.log(math.pi) - math.lgamma(0.5 * d) + (d - 1) * math.log(self._radius)
        on = (torch.linalg.vector_norm(z, dim=1) - self._radius).abs() <= TOLERANCE * self._radius
        return torch.where(on, -log_area, -math.inf).to(z.dtype)

    def kl(self, level: Level, *, generator: torch.Generator) -> Float[Tensor, "batch part step"]:
        raise ParameterError(
            "The KL divergence from a Gaussian posterior to the Sphere prior is infinite, since the surface has no"
            " volume; use the PowerSpherical bottleneck with it, or a deterministic Mmd or Adversarial one."
        )

    @property
    def _radius(self) -> float:
        return math.sqrt(self.latent_dim) if self.radius is None else self.radius
