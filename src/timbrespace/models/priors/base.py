"""A prior over latent vectors."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from timbrespace.core.component import Component
from timbrespace.core.shapes import Frames, Latents
from timbrespace.models.encoding import Level


class Prior(Component, nn.Module):
    """A distribution over single latent vectors, independent between steps.

    ``support`` says where it has a density: in the whole of ``"space"``, so that the KL divergence from a Gaussian
    is finite; in a bounded ``"region"`` of it, so that it is not; or on a ``"sphere"``, with respect to its surface.
    ``factorises`` says whether its latents are independent of each other. ``variance`` is the mean variance of one
    latent: the unit in which kernels measure distance.
    """

    latent_dim: int
    support: ClassVar[str] = "space"
    factorises: ClassVar[bool] = False

    @property
    @abstractmethod
    def variance(self) -> float:
        """Mean over latents of the variance of a draw."""

    @abstractmethod
    def sample(self, n: int, *, generator: torch.Generator) -> Float[Tensor, "n latent"]:
        """``n`` latent vectors, differentiable with respect to the prior's parameters where it has any."""

    @abstractmethod
    def log_prob(self, z: Latents) -> Float[Tensor, "batch step"]:
        """Log-density in nats of each vector; minus infinity outside the support."""

    @abstractmethod
    def kl(self, level: Level, *, generator: torch.Generator) -> Float[Tensor, "batch part step"]:
        """KL(q || p) in nats of the level's Gaussian posterior: per latent where the prior factorises
        (``part`` = latent), in one part otherwise; closed form where there is one, else a one-draw Monte Carlo
        estimate at ``level.z`` if that is a draw (differs from the mean), else at a draw from ``generator``.

        Raises :class:`~timbrespace.core.errors.ParameterError` where it is infinite or not defined.
        """


class Anchored(Prior):
    """A prior that is defined through the encoder: a mixture of the posteriors of its pseudo-inputs."""

    @property
    @abstractmethod
    def pseudo_inputs(self) -> Frames:
        """Inputs (component, channel, feature, frame) whose posteriors make the prior."""

    @abstractmethod
    def anchored(self, level: Level) -> Prior:
        """The prior with its components at ``level``, the posteriors of the pseudo-inputs."""

    @abstractmethod
    def start_from(self, frames: Frames) -> None:
        """Set the pseudo-inputs from training data."""
