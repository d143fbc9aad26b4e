"""The hyperspherical auto-encoder's bottleneck."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor, nn

from timbrespace.core.errors import ParameterError
from timbrespace.core.knob import Knob
from timbrespace.core.shapes import Latents, Statistics
from timbrespace.models.bottlenecks.base import Bottleneck
from timbrespace.models.encoding import Level
from timbrespace.models.priors.base import Prior

LOG_CONCENTRATION_RANGE = (-7.0, 9.0)
"""From nearly uniform to draws that keep within a hundredth of the radius; beyond, single precision ends."""
PerVector = Float[Tensor, "batch step"]


@dataclass(frozen=True)
class SphericalLevel(Level):
    """A level on a sphere: ``mean`` is the posterior's direction times the radius.

    ``concentration`` (batch, step) is how narrow it is; there is no variance that would mean anything.
    """

    concentration: PerVector | None = None


class PowerSpherical(Bottleneck):
    """Latents on a sphere of radius r, with density ``q(z | x) ~ (1 + cos(angle between z and its direction))^k``.

    The last statistic is ``log(k / initial_concentration)``, the others are the direction. With ``a = (d-1)/2 + k``
    and ``b = (d-1)/2``, a draw is ``t = 2 Beta(a, b) - 1`` along the direction and uniform across it, and

    ``log N = (a+b) log 2 + b log pi + log Gamma(a) - log Gamma(a+b)``, ``q = (1 + cos)^k / (N r^(d-1))``,
    ``kl = k (log 2 + psi(a) - psi(a+b)) - log N + log(area of the unit sphere)``,

    the divergence to the uniform distribution on the sphere in nats, summed over steps: in closed form and without
    the Bessel functions and rejections of the von Mises-Fisher distribution (De Cao & Aziz, "The Power Spherical
    distribution", 2020, https://arxiv.org/abs/2006.04437; hyperspherical VAE: Davidson et al. 2018,
    https://arxiv.org/abs/1804.00891). The prior is Sphere with the same radius (``None``: ``sqrt(d)``); directions
    have no outside where a prior and codes could fail to meet.
    """

    def __init__(
        self,
        *,
        latent_dim: Annotated[int, Knob(2, 4096)] = 16,
        radius: Annotated[float | None, Knob(1e-3, 1e3)] = None,
        initial_concentration: Annotated[float, Knob(0.1, 1e4)] = 50.0,
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.radius = radius
        self.initial_concentration = initial_concentration

    @property
    def n_statistics(self) -> int:
        return self.latent_dim + 1

    def accept(self, prior: Prior | None) -> None:
        name = "no prior" if prior is None else type(prior).__name__
        if prior is None or prior.support != "sphere":
            raise ParameterError(
                f"A PowerSpherical bottleneck cannot have {name}: its codes lie on a sphere, and are compared with the"
                f" uniform distribution there; use the prior Sphere, or the Gaussian bottleneck."
            )
        if not math.isclose(prior.variance * self.latent_dim, self._radius**2, rel_tol=1e-6):
            raise ParameterError(
                f"A PowerSpherical bottleneck of radius {self._radius:g} cannot have the prior {name} of radius"
                f" {math.sqrt(prior.variance * self.latent_dim):g}; give both the same 'radius'."
            )

    def forward(self, statistics: Statistics, *, generator: torch.Generator | None = None) -> Level:
        direction = nn.functional.normalize(statistics[:, :-1], dim=1)
        log_concentration = statistics[:, -1] + math.log(self.initial_concentration)
        concentration = log_concentration.clamp(*LOG_CONCENTRATION_RANGE).exp()
        mean = self._radius * direction
        z = mean if generator is None else self._radius * _draw(direction, concentration, generator=generator)
        return SphericalLevel(z=z, mean=mean, concentration=concentration)

    def losses(self, level: Level, prior: Prior | None, *, generator: torch.Generator) -> dict[str, Tensor]:
        return {"kl": self.divergence(level).sum(dim=1).mean().to(level.z.dtype)}

    def divergence(self, level: Level) -> PerVector:
        """In double precision, to the uniform distribution on the sphere."""
        k = _concentration(level)
        d, (a, b) = self.latent_dim, _shape(k, self.latent_dim)
        log_area = math.log(2) + 0.5 * d * math.log(math.pi) - math.lgamma(0.5 * d)
        return k * (math.log(2) + torch.digamma(a) - torch.digamma(a + b)) - _log_constant(a, b) + log_area

    def log_posterior(self, z: Latents, level: Level) -> PerVector:
        """With respect to the area of the sphere; ``z`` must lie on it."""
        k, d = _concentration(level), self.latent_dim
        cosine = (z.double() * level.mean.double()).sum(dim=1) / self._radius**2
        log_density = k * torch.log1p(cosine.clamp(-1 + 1e-12, 1.0)) - _log_constant(*_shape(k, d))
        return (log_density - (d - 1) * math.log(self._radius)).to(z.dtype)

    @property
    def _radius(self) -> float:
        return math.sqrt(self.latent_dim) if self.radius is None else self.radius


def _concentration(level: Level) -> PerVector:
    """In double precision: the terms of the normalisation are large and nearly cancel."""
    assert isinstance(level, SphericalLevel)  # forward() gives these
    assert level.concentration is not None
    return level.concentration.double()


def _shape(k: PerVector, d: int) -> tuple[PerVector, PerVector]:
    """Both parameters of the Beta distribution of ``(1 + cos) / 2``."""
    b = torch.full_like(k, 0.5 * (d - 1))
    return b + k, b


def _log_constant(a: PerVector, b: PerVector) -> PerVector:
    return (a + b) * math.log(2) + b * math.log(math.pi) + torch.lgamma(a) - torch.lgamma(a + b)


def _draw(direction: Latents, k: PerVector, *, generator: torch.Generator) -> Latents:
    """Unit vectors, differentiable in direction and concentration.

    A Beta variable is ``G_a / (G_a + G_b)`` of two Gamma ones; torch's own Gamma distribution takes no generator, the
    function beneath it does.
    """
    first, second = (torch._standard_gamma(shape, generator=generator) for shape in _shape(k, direction.shape[1]))
    along = ((first - second) / (first + second)).unsqueeze(1)
    height = (2 * (first * second).sqrt() / (first + second)).unsqueeze(1)
    size = (len(direction), direction.shape[1] - 1, direction.shape[2])
    across = torch.randn(size, generator=generator, device=direction.device, dtype=direction.dtype)
    return _turned(torch.cat([along, height * nn.functional.normalize(across, dim=1)], dim=1), direction)


def _turned(y: Latents, direction: Latents) -> Latents:
    """``y`` after the reflection, negated where needed, that takes the first axis to ``direction``.

    With ``s`` the sign of the direction's first coordinate, ``u = s e_1 + direction`` is never short; reflecting
    along it takes ``s e_1`` to ``-direction``.
    """
    sign = torch.where(direction[:, :1] < 0, -1.0, 1.0)
    u = torch.cat([direction[:, :1] + sign, direction[:, 1:]], dim=1)
    return -sign * (y - 2 * u * (u * y).sum(1, keepdim=True) / u.square().sum(1, keepdim=True))
