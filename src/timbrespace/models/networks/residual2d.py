"""Residual blocks between strided convolutions for pictures."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

from torch import nn

from timbrespace.core.component import Wired
from timbrespace.core.knob import Knob
from timbrespace.core.shapes import Frames, Latents, Statistics
from timbrespace.layers.activation import Activation
from timbrespace.layers.residual2d import ResidualConv2d
from timbrespace.layers.sampling2d import double, finish, halve, shuffle_double
from timbrespace.layers.waist2d import ChannelsLast, map_to_steps, steps_to_map
from timbrespace.models.networks.base import Parameters
from timbrespace.models.networks.image import ImageNetwork, smallest_map


class Residual2d(ImageNetwork):
    """Few channels, deep: 4x4 convolutions of stride 2 to each of ``channels``, then ``blocks`` residual blocks.

    The decoder has ``blocks`` residual blocks before every doubling (a 3x3 convolution and pixel shuffling), and after
    the last doubling a 3x3 convolution over ``fine`` channels of full resolution; with ``fine = 0`` the last doubling
    is a transposed convolution that gives the picture directly, in three fifths of the time. Blocks start as the
    identity (:class:`~timbrespace.layers.residual2d.ResidualConv2d`). ``dense`` as in
    :class:`~timbrespace.models.networks.conv2d.Conv2d`.
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
        channels: Annotated[list[int], Knob(1, 4096)] = [16, 32],  # noqa: B006  # never changed
        blocks: Annotated[int, Knob(0, 64)] = 1,
        fine: Annotated[int, Knob(0, 4096)] = 16,
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
        self.channels, self.blocks, self.fine, self.dense = list(channels), blocks, fine, dense
        self.activation, self.batch_norm = activation, batch_norm
        size = smallest_map((n_features, n_frames), channels, kind="Residual2d")
        self.grid = size if dense is None else ()
        widest = channels[-1]
        down: list[nn.Module] = []
        for n_in, n_out in pairwise([n_channels, *channels[:-1]]):
            down += [halve(n_in, n_out, bias=not batch_norm), *self._finish(n_out)]
        up: list[nn.Module] = []
        for n_in, n_out in pairwise(reversed(channels)):
            up += [*self._residual(n_in), shuffle_double(n_in, n_out)]
        self.encoder = nn.Sequential(
            ChannelsLast(),
            *down,
            halve([n_channels, *channels][-2], widest),
            *self._residual(widest),
            *map_to_steps(widest, size, n_statistics, dense=dense, activation_name=activation, batch_norm=batch_norm),
        )
        self.decoder = nn.Sequential(
            *steps_to_map(latent_dim, widest, size, dense=dense, activation_name=activation, batch_norm=batch_norm),
            *up,
            *self._residual(channels[0]),
            *self._picture(),
        )

    def encode(self, frames: Frames) -> Statistics:
        self.check(frames)
        return self.encoder(frames)

    def decode(self, latents: Latents) -> Parameters:
        return self.decoder(latents)

    def _residual(self, channels: int) -> list[nn.Module]:
        """The blocks of one resolution, and the activation that ends them."""
        block = [
            ResidualConv2d(channels, activation_name=self.activation, batch_norm=self.batch_norm)
            for _ in range(self.blocks)
        ]
        return [*block, *self._finish(channels)]

    def _finish(self, channels: int) -> list[nn.Module]:
        return finish(channels, activation_name=self.activation, batch_norm=self.batch_norm)

    def _picture(self) -> list[nn.Module]:
        """The last doubling."""
        rows = self.n_channels * self.n_parameters
        if self.fine == 0:
            return [double(self.channels[0], rows)]
        doubled = shuffle_double(self.channels[0], self.fine)
        return [doubled, *self._finish(self.fine), nn.Conv2d(self.fine, rows, 3, padding=1)]
