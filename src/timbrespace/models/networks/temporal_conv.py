"""A fully convolutional temporal network of residual blocks, started from PCA."""

from __future__ import annotations

from typing import Annotated

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from timbrespace.core.component import Wired
from timbrespace.core.errors import ParameterError
from timbrespace.core.knob import Knob
from timbrespace.core.shapes import Frames, Latents, Statistics
from timbrespace.layers.convnext import ConvNeXtBlock
from timbrespace.layers.memory import Memory, with_surroundings
from timbrespace.layers.norm import ChannelNorm
from timbrespace.layers.pca import StackedPca
from timbrespace.layers.residual import ResidualConv
from timbrespace.models.networks.base import CANNOT_STREAM, Network, Parameters

Rows = Float[Tensor, "batch row frame"]

MAX_LOOKAHEAD = 2
"""Latent steps a streaming decoder may wait for: at 22 a second each costs 46 ms under the player's finger."""


class TemporalConv(Network):
    """1-D convolutions over time, features as channels; one latent vector every ``frames_per_step`` frames.

    The encoder is a strided convolution to ``width`` channels, ``depth`` ConvNeXt blocks and a linear layer;
    the decoder mirrors it and ends with ``refinement`` residual convolutions at frame rate (dilations 1, 2,
    4, ...). Beside both runs a linear path over blocks of ``frames_per_step`` frames. With ``pca_start`` it
    is set to the whitened principal components of the training frames and everything else starts at zero,
    so that the untrained network *is* PCA and training can only bend it.

    ``lookahead`` is the number of latent steps the decoder reads ahead of the one it speaks: it then is causal
    but for them and can stream. ``None`` gives it as much of the future as of the past; it then needs the whole.
    """

    def __init__(
        self,
        *,
        n_features: Wired[int],
        n_channels: Wired[int],
        n_statistics: Wired[int],
        latent_dim: Wired[int],
        n_parameters: Wired[int],
        frames_per_step: Annotated[int, Knob(1, 64, "frames")] = 4,
        width: Annotated[int, Knob(8, 4096)] = 256,
        depth: Annotated[int, Knob(0, 64)] = 3,
        kernel_size: Annotated[int, Knob(1, 63, "steps")] = 7,
        expansion: Annotated[int, Knob(1, 8)] = 3,
        refinement: Annotated[int, Knob(0, 16)] = 2,
        dropout: Annotated[float, Knob(0.0, 0.9)] = 0.0,
        pca_start: bool = True,
        lookahead: Annotated[int, Knob(0, MAX_LOOKAHEAD, "steps")] | None = None,
    ) -> None:
        super().__init__()
        if kernel_size % 2 == 0:
            raise ParameterError(f"TemporalConv's 'kernel_size' is {kernel_size}; give an odd number of steps.")
        if latent_dim > n_channels * n_features * frames_per_step:
            raise ParameterError(
                f"{latent_dim} latents for {frames_per_step} frames of {n_channels * n_features} features are more"
                f" numbers than there are to describe; ask for at most {n_channels * n_features * frames_per_step}."
            )
        self.n_features, self.n_channels = n_features, n_channels
        self.n_statistics, self.latent_dim, self.n_parameters = n_statistics, latent_dim, n_parameters
        self.frames_per_step, self.width, self.depth = frames_per_step, width, depth
        self.kernel_size, self.expansion, self.refinement = kernel_size, expansion, refinement
        self.dropout, self.pca_start, self.lookahead = dropout, pca_start, lookahead
        self.grid, self.n_frames = (), 0
        # The first layer's window of two steps starts (stride + 1) // 2 frames early, within the step before, and ends
        # in the step after if a step has more than one frame; each block adds half its kernel on both sides.
        reach = depth * (kernel_size // 2)
        self.encoder_reach = reach + 1, reach + (frames_per_step > 1)
        causal = lookahead is not None
        rows_in, rows_out, stride = n_channels * n_features, n_channels * n_parameters * n_features, frames_per_step

        def blocks(*, causal: bool) -> list[nn.Module]:
            return [
                ConvNeXtBlock(width, kernel_size=kernel_size, expansion=expansion, causal=causal) for _ in range(depth)
            ]

        self.encoder = nn.Sequential(
            nn.Conv1d(rows_in, width, 2 * stride, stride, padding=(stride + 1) // 2),
            *blocks(causal=False),
            ChannelNorm(width),
            nn.Conv1d(width, n_statistics, 1),
        )
        self.encoder_linear = nn.Conv1d(rows_in, latent_dim, stride, stride)
        self.decoder = nn.Sequential(
            nn.Conv1d(latent_dim, width, 3),
            *blocks(causal=causal),
            ChannelNorm(width),
            nn.ConvTranspose1d(width, rows_out, 2 * stride, stride, padding=0 if causal else stride // 2),
        )
        self.decoder_linear = nn.ConvTranspose1d(latent_dim, rows_out, stride, stride)
        self.refine = nn.Sequential(*(ResidualConv(rows_out, dilation=2**i, causal=causal) for i in range(refinement)))
        if pca_start:
            for layer in (self.encoder[-1], self.decoder[-1]):
                for parameter in layer.parameters():
                    nn.init.zeros_(parameter)

    @property
    def ratio(self) -> int:
        return self.frames_per_step

    def encode(self, frames: Frames) -> Statistics:
        rows = frames.flatten(1, 2)  # (batch, channel * feature, frame)
        rows = F.pad(rows, (0, -rows.shape[-1] % self.frames_per_step), mode="replicate")
        steps = rows.shape[-1] // self.frames_per_step
        located = self.encoder_linear(rows)
        rest = located.new_zeros(located.shape[0], self.n_statistics - self.latent_dim, steps)
        return self.encoder(rows)[..., :steps] + torch.cat([located, rest], dim=1)

    def decode(self, latents: Latents) -> Parameters:
        if self.dropout and self.training:
            latents = F.dropout(latents, self.dropout)
        if self.lookahead is None:
            return self._frames(self._symmetric(latents))
        ahead = F.pad(latents, (0, self.lookahead))  # beyond the end there is nothing to look at
        rows = self._causal(ahead, None)[..., self.lookahead * self.frames_per_step :]
        return self._frames(rows)

    def decode_next(self, latents: Latents, memory: Memory) -> Parameters:
        if self.lookahead is None:
            raise ParameterError(CANNOT_STREAM)
        return self._frames(self._causal(latents, memory))

    def _frames(self, rows: Rows) -> Parameters:
        return rows.unflatten(1, (self.n_channels * self.n_parameters, self.n_features))

    def _symmetric(self, latents: Latents) -> Rows:
        frames = latents.shape[-1] * self.frames_per_step
        bent = self.decoder(F.pad(latents, (1, 1)))[..., :frames]
        return self.refine(bent + self.decoder_linear(latents))

    def _causal(self, latents: Latents, memory: Memory | None) -> Rows:
        """Rows (batch, row, frame), each step's ``lookahead`` steps after its latents came in."""
        first, *blocks, norm, widen = self.decoder
        frames = latents.shape[-1] * self.frames_per_step
        x = first(with_surroundings(latents, 2, causal=True, memory=memory))
        for block in blocks:
            x = block(x, memory)
        # A step's frames come from it and the one before; those of the step in front belong to the last block.
        bent = widen(with_surroundings(norm(x), 1, causal=True, memory=memory))
        due = with_surroundings(latents, self.lookahead or 0, causal=True, memory=memory)[..., : latents.shape[-1]]
        rows = bent[..., self.frames_per_step : self.frames_per_step + frames] + self.decoder_linear(due)
        for residual in self.refine:
            rows = residual(rows, memory)
        return rows

    @torch.no_grad()
    def initialise(self, frames: Frames) -> None:
        if not self.pca_start:
            return
        pca = StackedPca.fit(frames.flatten(1, 2), group=self.frames_per_step, n_components=self.latent_dim)
        # The stacked index runs over (row, frame in group), just as a convolution's weight does.
        shape = (self.latent_dim, self.n_channels * self.n_features, self.frames_per_step)
        deviations = pca.variances.sqrt().clamp_min(1e-6)
        _set(self.encoder_linear, (pca.components / deviations[:, None]).reshape(shape))
        _set_bias(self.encoder_linear, -(pca.components @ pca.mean) / deviations)
        # Further likelihood parameters start at zero. A convolution has one bias per row, so the mean over the
        # group stands for the mean of each frame.
        located = (pca.components * deviations[:, None]).reshape(shape)
        rest = self.n_channels * self.n_features * (self.n_parameters - 1)
        _set(self.decoder_linear, F.pad(located, (0, 0, 0, rest)))
        _set_bias(self.decoder_linear, F.pad(pca.mean.reshape(shape[1:]).mean(1), (0, rest)))


def _set(layer: nn.Conv1d | nn.ConvTranspose1d, weight: Tensor) -> None:
    layer.weight.copy_(weight)


def _set_bias(layer: nn.Conv1d | nn.ConvTranspose1d, bias: Tensor) -> None:
    assert layer.bias is not None  # made with one
    layer.bias.copy_(bias)
