"""Strided convolutions and their mirror for pictures."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

from torch import nn

from timbrespace.core.component import Wired
from timbrespace.core.knob import Knob
from timbrespace.core.shapes import Frames, Latents, Statistics
from timbrespace.layers.activation import Activation
from timbrespace.layers.sampling2d import double, finish, halve
from timbrespace.layers.waist2d import ChannelsLast, map_to_steps, steps_to_map
from timbrespace.models.networks.base import Parameters
from timbrespace.models.networks.image import ImageNetwork, smallest_map


class Conv2d(ImageNetwork):
    """4x4 convolutions of stride 2 to each number in ``channels``, a layer of ``dense`` units, and the mirror of both.

    (The shape of DCGAN's networks: Radford et al. 2016, https://arxiv.org/abs/1511.06434.) With ``dense = None`` there
    is no fully connected layer: every cell of the smallest map has a latent vector of its own, and ``grid`` says how
    many there are.
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
        channels: Annotated[list[int], Knob(1, 4096)] = [32, 64],  # noqa: B006  # never changed
        dense: Annotated[int | None, Knob(1, 65_536, "units")] = 256,
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
        self.channels, self.dense = list(channels), dense
        self.activation, self.batch_norm = activation, batch_norm
        size = smallest_map((n_features, n_frames), channels, kind="Conv2d")
        self.grid = size if dense is None else ()
        widest, bias = channels[-1], not batch_norm
        down: list[nn.Module] = []
        for n_in, n_out in pairwise([n_channels, *channels]):
            down += [halve(n_in, n_out, bias=bias), *finish(n_out, activation_name=activation, batch_norm=batch_norm)]
        up = finish(widest, activation_name=activation, batch_norm=batch_norm)
        for n_in, n_out in pairwise(reversed(channels)):
            up += [double(n_in, n_out, bias=bias), *finish(n_out, activation_name=activation, batch_norm=batch_norm)]
        self.encoder = nn.Sequential(
            ChannelsLast(),
            *down,
            *map_to_steps(widest, size, n_statistics, dense=dense, activation_name=activation, batch_norm=batch_norm),
        )
        self.decoder = nn.Sequential(
            *steps_to_map(latent_dim, widest, size, dense=dense, activation_name=activation, batch_norm=batch_norm),
            *up,
            double(channels[0], n_channels * n_parameters),
        )

    def encode(self, frames: Frames) -> Statistics:
        self.check(frames)
        return self.encoder(frames)

    def decode(self, latents: Latents) -> Parameters:
        return self.decoder(latents)
