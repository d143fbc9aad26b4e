"""What bottlenecks share that compare all codes of a batch with draws from the prior."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from timbrespace.core.errors import ParameterError
from timbrespace.core.shapes import Latents, Scalar, Statistics
from timbrespace.layers.perceptron import perceptron
from timbrespace.models.bottlenecks.gaussians import gaussian_level, gaussian_log_density
from timbrespace.models.encoding import Level
from timbrespace.models.priors.base import Anchored, Prior

Encoder = Literal["deterministic", "gaussian"]
Vectors = Float[Tensor, "n latent"]
Logits = Float[Tensor, " n"]
LogPosterior = Callable[[Latents, Level], Float[Tensor, "batch step"]]

INITIAL_LOG_VAR = -4.0
"""A fresh Gaussian encoder is narrow, as in the variational bottleneck."""


def statistics_of(encoder: Encoder, latent_dim: int) -> int:
    """Channels that an encoder of this kind gives."""
    return 2 * latent_dim if encoder == "gaussian" else latent_dim


def level_of(statistics: Statistics, *, encoder: Encoder, generator: torch.Generator | None) -> Level:
    """Latents from statistics: themselves, or a draw from the Gaussian that they describe."""
    if encoder == "gaussian":
        return gaussian_level(statistics, initial_log_var=INITIAL_LOG_VAR, generator=generator)
    return Level(z=statistics, mean=statistics)


def log_posterior_of(encoder: Encoder) -> LogPosterior | None:
    """The density of the encoder's draws; ``None`` where it draws nothing.

    A bottleneck keeps it as an attribute of the instance: only those with a density then are a ``Posterior``.
    """
    return gaussian_log_density if encoder == "gaussian" else None


def vectors_of(level: Level) -> Vectors:
    """All codes of a batch as rows (batch * step, latent)."""
    return level.z.transpose(1, 2).flatten(0, 1)


def require_draws(prior: Prior | None, bottleneck: str, *, encoder: Encoder) -> None:
    """Raise :class:`ParameterError` unless the codes of such an encoder can come to lie as the prior's draws do."""
    if prior is None:
        raise ParameterError(f"A {bottleneck} bottleneck needs a prior to compare its codes with, such as Normal.")
    kind = type(prior).__name__
    if encoder == "deterministic" and isinstance(prior, Anchored):
        raise ParameterError(
            f"A {bottleneck} bottleneck with a deterministic encoder cannot have the prior {kind}: its components are"
            f" the encoder's posteriors, which then have no variance; use encoder='gaussian' or another prior."
        )
    if encoder == "gaussian" and prior.support == "sphere":
        raise ParameterError(
            f"A {bottleneck} bottleneck with a Gaussian encoder cannot have the prior {kind}: draws from a Gaussian do"
            f" not lie on a sphere; use encoder='deterministic' or the PowerSpherical bottleneck."
        )


def require_fixed(prior: Prior | None, bottleneck: str) -> None:
    """Raise :class:`ParameterError` for a prior with parameters, which this bottleneck's terms would never move."""
    if prior is not None and any(p.requires_grad for p in prior.parameters()):
        raise ParameterError(
            f"A {bottleneck} bottleneck cannot have a prior that learns ({type(prior).__name__}): none of its terms"
            f" tells the prior where the codes are; use a fixed prior, or the Gaussian or Mmd bottleneck."
        )


def vector_critic(latent_dim: int, *, width: int, depth: int) -> nn.Module:
    """A perceptron from latent vectors (n, latent) to one logit (n, 1), with ``depth`` hidden layers of ``width``.

    ELU has a slope everywhere, so that no code is out of its reach.
    """
    return perceptron([latent_dim, *[width] * depth, 1], activation_name="elu")


def judged(critic: nn.Module, vectors: Vectors) -> Logits:
    """The critic's logits, with a gradient for ``vectors`` alone: the critic learns in its own step."""
    frozen = {name: parameter.detach() for name, parameter in critic.named_parameters()}
    logits: Tensor = torch.func.functional_call(critic, frozen, (vectors,))
    return logits.squeeze(1)


def told_apart(critic: nn.Module, real: Vectors, fake: Vectors) -> Scalar:
    """Binary cross-entropy in nats of the critic's answers, ``real`` against ``fake``; log 2 by chance.

    Its best logit is ``log p_real(z) / p_fake(z)``.
    """
    softplus = nn.functional.softplus
    return 0.5 * (softplus(-critic(real)).mean() + softplus(critic(fake)).mean())
