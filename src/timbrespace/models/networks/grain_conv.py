"""The reference network for grains: four convolutions over the samples of one grain, and their mirror."""

from __future__ import annotations

import torch
from torch import nn

from timbrespace.core.component import Wired
from timbrespace.core.errors import ParameterError
from timbrespace.core.shapes import Frames, Latents, Statistics
from timbrespace.layers.memory import Memory
from timbrespace.models.networks.base import Network, Parameters


class GrainConv(Network):
    """One latent vector per grain; grains do not know each other.

    Encoder: convolutions over the samples with ``channels`` (64, 32, 16, 1) and the kernels, strides and paddings
    given, each followed by batch normalisation and ReLU, then one linear layer. With the default numbers 512 samples
    become 514, 258, 65 and 17. Decoder: a linear layer and transposed convolutions in the reverse order, with paddings
    of their own (6, 5, 4, 1), so that 17 samples become 65, 256, 510 and exactly 512; batch normalisation and ReLU
    after each, tanh at the end. Where the mirror gives more samples than a grain has, the last are cut off.

    Convolutions that a batch normalisation follows have no bias of their own, for it would take it out again.
    """

    lookahead = 0
    encoder_lookahead = 0

    def __init__(
        self,
        *,
        n_features: Wired[int],
        n_channels: Wired[int],
        n_statistics: Wired[int],
        latent_dim: Wired[int],
        n_parameters: Wired[int],
        channels: list[int] = [64, 32, 16, 1],  # noqa: B006  # copied below
        kernels: list[int] = [5, 8, 10, 13],  # noqa: B006
        strides: list[int] = [1, 2, 4, 4],  # noqa: B006
        paddings: list[int] = [3, 4, 5, 7],  # noqa: B006
        mirror_paddings: list[int] = [6, 5, 4, 1],  # noqa: B006
    ) -> None:
        super().__init__()
        lists = {"kernels": kernels, "strides": strides, "paddings": paddings, "mirror_paddings": mirror_paddings}
        for name, numbers in lists.items():
            if len(numbers) != len(channels) or not channels:
                raise ParameterError(
                    f"GrainConv's {name!r} has {len(numbers)} numbers for {len(channels)} layers; give one per layer."
                )
        self.n_features, self.n_channels, self.n_statistics = n_features, n_channels, n_statistics
        self.latent_dim, self.n_parameters = latent_dim, n_parameters
        self.channels, self.kernels, self.strides = list(channels), list(kernels), list(strides)
        self.paddings, self.mirror_paddings = list(paddings), list(mirror_paddings)
        self.grid, self.n_frames = (), 0
        sizes = self._sizes()
        down, n_in = [], n_channels
        for n_out, kernel, stride, padding in zip(channels, kernels, strides, paddings, strict=True):
            down += [*_normed(nn.Conv1d(n_in, n_out, kernel, stride, padding, bias=False))]
            n_in = n_out
        self.encoder = nn.Sequential(*down, nn.Flatten(), nn.Linear(channels[-1] * sizes[-1], n_statistics))
        up: list[nn.Module] = [
            nn.Linear(latent_dim, channels[-1] * sizes[-1]),
            nn.Unflatten(1, (channels[-1], sizes[-1])),
        ]
        outs = [*channels[-2::-1], n_channels * n_parameters]
        for i, (n_out, kernel, stride) in enumerate(zip(outs, kernels[::-1], strides[::-1], strict=True)):
            last = i == len(outs) - 1
            layer = nn.ConvTranspose1d(n_in, n_out, kernel, stride, mirror_paddings[i], bias=last)
            up += [layer, nn.Tanh()] if last else _normed(layer)
            n_in = n_out
        self.decoder = nn.Sequential(*up)

    def _sizes(self) -> list[int]:
        """Samples after each layer of the encoder; raises where the layers do not fit the grain."""
        sizes = [self.n_features]
        for kernel, stride, padding in zip(self.kernels, self.strides, self.paddings, strict=True):
            sizes.append((sizes[-1] + 2 * padding - kernel) // stride + 1)
        back = sizes[-1]
        mirrored = zip(self.kernels[::-1], self.strides[::-1], self.mirror_paddings, strict=True)
        for kernel, stride, padding in mirrored:
            back = (back - 1) * stride - 2 * padding + kernel
        if min(sizes) < 1 or back < self.n_features:
            raise ParameterError(
                f"GrainConv's layers make {' -> '.join(map(str, sizes))} of a grain and {back} samples on the way back,"
                f" which are fewer than its {self.n_features}; give other kernels, strides or paddings, or grains of"
                " 512 samples."
            )
        return sizes[1:]

    @property
    def ratio(self) -> int:
        return 1

    def encode(self, frames: Frames) -> Statistics:
        batch, _, _, n_frames = frames.shape
        grains = frames.permute(0, 3, 1, 2).flatten(0, 1)  # (grain, channel, sample)
        return self.encoder(grains).unflatten(0, (batch, n_frames)).transpose(1, 2)

    def encode_next(self, frames: Frames, memory: Memory) -> Statistics:
        return self.encode(frames)

    def decode(self, latents: Latents) -> Parameters:
        batch, _, steps = latents.shape
        grains = self.decoder(latents.transpose(1, 2).flatten(0, 1))[..., : self.n_features]
        return grains.unflatten(0, (batch, steps)).permute(0, 2, 3, 1)

    def decode_next(self, latents: Latents, memory: Memory) -> Parameters:
        return self.decode(latents)

    @torch.no_grad()
    def initialise(self, frames: Frames) -> None:
        """Nothing is set from data: the reference starts from random weights."""


def _normed(layer: nn.Conv1d | nn.ConvTranspose1d) -> list[nn.Module]:
    return [layer, nn.BatchNorm1d(layer.out_channels), nn.ReLU()]
