"""Fully connected encoder and decoder for pictures."""

from __future__ import annotations

from typing import Annotated

from torch import nn

from timbrespace.core.component import Wired
from timbrespace.core.knob import Knob
from timbrespace.core.shapes import Frames, Latents, Statistics
from timbrespace.layers.activation import Activation
from timbrespace.layers.perceptron import perceptron
from timbrespace.models.networks.base import Parameters
from timbrespace.models.networks.image import ImageNetwork


class Mlp(ImageNetwork):
    """Every cell of the picture in one vector; linear layers of the widths ``hidden``, and back in reverse order.

    ``hidden = []`` leaves one linear layer on either side: with a squared error, a rotated PCA (Baldi & Hornik 1989,
    https://doi.org/10.1016/0893-6080(89)90014-2). ``[500, 500]`` is the network of Burda et al. 2016
    (https://arxiv.org/abs/1509.00519) but for its smaller second layer.
    """

    def __init__(
        self,
        *,
        n_features: Wired[int],
        n_channels: Wired[int],
        n_frames: Wired[int],
        n_statistics: Wired[int],
        latent_dim: Wired[int],
        n_parameters: Wired[int],
        hidden: Annotated[list[int], Knob(1, 65_536, "units")] = [500, 500],  # noqa: B006  # never changed
        activation: Activation = "elu",
        batch_norm: bool = False,
    ) -> None:
        super().__init__(
            n_features=n_features,
            n_channels=n_channels,
            n_frames=n_frames,
            n_statistics=n_statistics,
            latent_dim=latent_dim,
            n_parameters=n_parameters,
        )
        self.hidden, self.activation, self.batch_norm = list(hidden), activation, batch_norm
        cells = n_channels * n_features * n_frames
        widths = [cells, *hidden, n_statistics]
        back = [latent_dim, *reversed(hidden), cells * n_parameters]
        self.encoder = perceptron(widths, activation_name=activation, batch_norm=batch_norm)
        self.decoder = nn.Sequential(
            *perceptron(back, activation_name=activation, batch_norm=batch_norm),
            nn.Unflatten(1, (n_channels * n_parameters, n_features, n_frames)),
        )

    def encode(self, frames: Frames) -> Statistics:
        self.check(frames)
        return self.encoder(frames.flatten(1))[..., None]

    def decode(self, latents: Latents) -> Parameters:
        return self.decoder(latents.flatten(1))
