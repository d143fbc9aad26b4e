"""A network maps frames to statistics of a posterior, and latents to parameters of a likelihood."""

from __future__ import annotations

from abc import abstractmethod

from jaxtyping import Float
from torch import Tensor, nn

from timbrespace.core.component import Component
from timbrespace.core.shapes import Frames, Latents, Statistics


class Network(Component, nn.Module):
    """Encoder and decoder.

    Shapes follow from the parts around it: ``n_features`` and ``n_channels`` of the frames, ``n_statistics``
    that the bottleneck asks for, ``latent_dim``, and ``n_parameters`` that the likelihood needs for each
    feature. The first ``latent_dim`` statistics locate the latent vector.
    """

    @property
    @abstractmethod
    def ratio(self) -> int:
        """Frames per latent step; 0 when the whole input becomes one step."""

    @abstractmethod
    def encode(self, frames: Frames) -> Statistics:
        """Statistics (batch, n_statistics, step) with ``ceil(frames / ratio)`` steps."""

    @abstractmethod
    def decode(self, latents: Latents) -> Float[Tensor, "batch parameter feature frame"]:
        """Likelihood parameters (batch, n_channels * n_parameters, feature, ratio * step)."""

    @abstractmethod
    def initialise(self, frames: Frames) -> None:
        """Set what is best set from training data before the first step; may do nothing."""
