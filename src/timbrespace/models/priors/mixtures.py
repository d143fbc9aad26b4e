"""What priors share that are mixtures of diagonal Gaussians with equal weights.

Weights are equal on purpose: a draw then depends smoothly on every parameter there is (the choice of a component
has none), so that codes can be compared with draws while means and variances learn. Where more mass is needed,
components move together.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from timbrespace.core.errors import ParameterError
from timbrespace.core.shapes import Latents
from timbrespace.models.encoding import Level

Components = Float[Tensor, "component latent"]
PerVector = Float[Tensor, "batch step"]


def mixture_variance(means: Components, log_var: Components) -> float:
    """Mean over latents of the variance of a draw: within the components plus between them."""
    with torch.no_grad():
        return float((log_var.exp().mean(0) + means.var(dim=0, unbiased=False)).mean())


def mixture_sample(means: Components, log_var: Components, n: int, *, generator: torch.Generator) -> Tensor:
    """``n`` draws (n, latent), differentiable in means and log-variances."""
    chosen = torch.randint(len(means), (n,), generator=generator, device=generator.device)
    noise = torch.randn(n, means.shape[1], generator=generator, device=generator.device)
    return means[chosen] + (0.5 * log_var[chosen]).exp() * noise


def mixture_log_prob(z: Latents, means: Components, log_var: Components) -> PerVector:
    """``log 1/K sum_k N(z; m_k, exp(log_var_k))`` in nats, summed over latents.

    Differences are squared as they are: multiplied out, narrow components would lose all digits.
    """
    centred = z.transpose(1, 2).unsqueeze(2) - means
    exponents = (centred.square() * (-log_var).exp()).sum(-1) + log_var.sum(-1)
    constant = means.shape[1] * math.log(2 * math.pi)
    return torch.logsumexp(-0.5 * (exponents + constant), dim=-1) - math.log(len(means))


def posterior_draw(level: Level, *, generator: torch.Generator) -> Latents:
    """``level.z`` where it was drawn from the posterior, else a draw from it.

    Raises :class:`ParameterError` for a level without a variance.
    """
    if level.log_var is None:
        raise ParameterError("A KL divergence needs a posterior with a variance; use the Gaussian bottleneck.")
    if level.z is not level.mean and not torch.equal(level.z, level.mean):
        return level.z
    shape, device = level.mean.shape, level.mean.device
    noise = torch.randn(shape, generator=generator, device=device, dtype=level.mean.dtype)
    return level.mean + (0.5 * level.log_var).exp() * noise


def gaussian_entropy(level: Level) -> Latents:
    """Entropy of the level's Gaussian posterior in nats, per latent.

    Divergences estimated from one draw take it instead of ``-log q`` at the draw: the gradient is the same, the
    estimate of a narrow posterior much less noisy.
    """
    assert level.log_var is not None  # posterior_draw lets nothing else through
    return 0.5 * (level.log_var + math.log(2 * math.pi) + 1)
