"""A bottleneck turns an encoder's statistics into latents and says what that costs."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from timbrespace.core.component import Component
from timbrespace.core.shapes import Latents, Statistics
from timbrespace.models.encoding import Level
from timbrespace.models.priors.base import Prior


class Bottleneck(Component, nn.Module):
    """Statistics (batch, n_statistics, step) to a level of latents.

    Some can more, and say so by having the methods of :class:`Posterior`, :class:`Divergent`, :class:`Contested` or
    :class:`Coded`.
    """

    latent_dim: int

    @property
    @abstractmethod
    def n_statistics(self) -> int:
        """Channels the encoder must give."""

    @abstractmethod
    def accept(self, prior: Prior | None) -> None:
        """Raise :class:`~timbrespace.core.errors.ParameterError`, with the reason, for a prior that makes no sense."""

    @abstractmethod
    def forward(self, statistics: Statistics, *, generator: torch.Generator | None = None) -> Level:
        """Latents; drawn from the posterior with ``generator``, its mean without."""

    @abstractmethod
    def losses(self, level: Level, prior: Prior | None, *, generator: torch.Generator) -> dict[str, Tensor]:
        """Named, unweighted regularisers: scalars.

        Batch means of per-example sums over latents and steps; or, for terms that speak of a whole batch (a
        discrepancy between all its codes and the prior), an estimate that does not depend on the batch's size.
        """

    def provides(self) -> dict[str, Any]:
        return {"latent_dim": self.latent_dim, "n_statistics": self.n_statistics}


@runtime_checkable
class Posterior(Protocol):
    """A bottleneck whose draws have a density, so that likelihoods can be estimated by importance sampling."""

    def log_posterior(self, z: Latents, level: Level) -> Float[Tensor, "batch step"]:
        """Density log q(z | x) in nats, with respect to the measure in which the priors it accepts have theirs."""


@runtime_checkable
class Divergent(Protocol):
    """A bottleneck that tells the divergence of its posteriors itself: they are not the Gaussians that priors know."""

    def divergence(self, level: Level) -> Float[Tensor, "batch step"]:
        """KL(q(z | x) || p(z)) in nats; its sum over steps, averaged over the batch, is the loss ``kl``."""


@runtime_checkable
class Contested(Protocol):
    """A bottleneck with a critic, which plays against the encoder on an optimiser of its own."""

    critic: nn.Module

    def critic_losses(self, level: Level, prior: Prior | None, *, generator: torch.Generator) -> dict[str, Tensor]:
        """Terms of the critic's own step; ``level`` carries no gradient."""


@runtime_checkable
class Coded(Protocol):
    """A bottleneck with a codebook: its levels carry integer ``codes`` (batch, step)."""

    codebook_size: int

    def initialise(self, vectors: Latents, *, generator: torch.Generator) -> None:
        """Set the codebook from an encoder's answers (batch, latent, step)."""

    def after_step(self, *, generator: torch.Generator) -> None:
        """Moving averages and restarts, from what the last training batch left behind."""

    def vectors_of(self, codes: Tensor) -> Latents:
        """Latents (batch, latent, step) of codes (batch, step)."""
