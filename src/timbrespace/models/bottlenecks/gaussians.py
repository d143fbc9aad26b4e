"""What bottlenecks with a diagonal Gaussian posterior share."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from timbrespace.core.errors import ParameterError
from timbrespace.core.shapes import Latents, Statistics
from timbrespace.models.encoding import Level
from timbrespace.models.priors.base import Prior

LOG_VAR_RANGE = (-20.0, 10.0)
"""Clamp of the log-variance: e^10 and e^-20 are far outside what a trained posterior uses, and exp stays finite."""


def gaussian_level(statistics: Statistics, *, initial_log_var: float, generator: torch.Generator | None) -> Level:
    """The posterior whose mean and log-variance are the two halves of ``statistics``; a draw from it, or its mean."""
    mean, log_var = statistics.chunk(2, dim=1)
    log_var = (log_var + initial_log_var).clamp(*LOG_VAR_RANGE)
    if generator is None:
        return Level(z=mean, mean=mean, log_var=log_var)
    noise = torch.randn(mean.shape, generator=generator, device=mean.device, dtype=mean.dtype)
    return Level(z=mean + (0.5 * log_var).exp() * noise, mean=mean, log_var=log_var)


def gaussian_log_density(z: Latents, level: Level) -> Float[Tensor, "batch step"]:
    """Density log N(z; mean, exp(log_var)) in nats, summed over latents."""
    assert level.log_var is not None  # levels of Gaussian bottlenecks have one
    scaled = (z - level.mean).square() * (-level.log_var).exp()
    return -0.5 * (scaled + level.log_var + math.log(2 * math.pi)).sum(dim=1)


def require_divergence(prior: Prior | None, bottleneck: str) -> None:
    """Raise :class:`ParameterError` unless the KL divergence from a Gaussian to ``prior`` is finite."""
    if prior is None:
        raise ParameterError(f"A {bottleneck} bottleneck needs a prior to compare its posterior with, such as Normal.")
    if prior.support != "space":
        raise ParameterError(
            f"A {bottleneck} bottleneck cannot have the prior {type(prior).__name__}: the KL divergence from a Gaussian"
            f" posterior to it is infinite, since it gives no density to most of what the posterior reaches; use Mmd or"
            f" Adversarial with it, or another prior here."
        )
