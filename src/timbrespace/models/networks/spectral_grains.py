"""A causal network whose latents become spectra, and whose spectra become overlapping grains of sound."""

from __future__ import annotations

from collections.abc import Callable
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
from timbrespace.layers.overlap import cut_frames, overlap_add, window_power
from timbrespace.layers.pca import StackedPca
from timbrespace.layers.peak_locking import PeakLocking, followed, spectrum_of
from timbrespace.models.networks.base import Network, Parameters

Rows = Float[Tensor, "batch row step"]
Sound = Float[Tensor, "signal time"]

PIECE_STEPS = 1024
"""Steps computed at once, so that memory does not grow with the sound: twelve seconds at 86 a second."""
TINY = 1e-10
LOUDEST = 12.0
"""Natural logarithm of the largest magnitude that is spoken before training has told a better one."""
ABOVE = 0.7
"""Nepers (6 dB) by which a bin may be louder than it ever was in training: far outside the data nothing roars."""


class SpectralGrains(Network):
    """Frames are consecutive blocks of sound (:class:`~timbrespace.transforms.grains.Grains` with a hop of its length).

    Each latent vector stands for one block of ``n_features`` samples and for ``grains_per_step`` spectra in it, of
    ``n_fft = 4 n_features / grains_per_step`` samples each, a quarter apart. The encoder reads the logarithms
    ``log(|STFT| + floor)`` of the grains through causal ConvNeXt blocks; the decoder writes such logarithms, finds
    phases by :class:`~timbrespace.layers.peak_locking.PeakLocking` (constants as far as gradients go) and adds the
    windowed grains up. Beside both runs a linear path that starts as the principal components of the logarithms, so
    that the untrained network is PCA. No latent says where in its cycle a wave is: the numbers of the latent space
    describe timbre alone, and sounds are to be compared by their spectra.

    A grain reaches half a block beyond its own, so that both halves wait for one block (``lookahead`` 1).
    """

    window: Tensor
    mean: Tensor
    ceiling: Tensor
    lookahead = 1
    encoder_lookahead = 1
    phase_free = True

    def __init__(
        self,
        *,
        n_features: Wired[int],
        n_channels: Wired[int],
        n_statistics: Wired[int],
        latent_dim: Wired[int],
        n_parameters: Wired[int],
        grains_per_step: Annotated[int, Knob(2, 16)] = 2,
        width: Annotated[int, Knob(8, 4096)] = 192,
        depth: Annotated[int, Knob(0, 64)] = 3,
        kernel_size: Annotated[int, Knob(1, 63, "steps")] = 5,
        expansion: Annotated[int, Knob(1, 8)] = 2,
        floor: Annotated[float, Knob(1e-6, 1.0)] = 1e-2,
        reach: Annotated[int, Knob(1, 64, "bins")] = 8,
        threshold_db: Annotated[float, Knob(-60.0, 60.0, "dB")] = 0.0,
    ) -> None:
        super().__init__()
        if n_features % (2 * grains_per_step):
            raise ParameterError(
                f"SpectralGrains' 'grains_per_step' is {grains_per_step}, and twice as many must divide the"
                f" {n_features} samples of a block; give another 'length' of the transform or number of grains."
            )
        if n_parameters != 1:
            raise ParameterError(
                f"SpectralGrains speaks one number per sample, and the likelihood asks for {n_parameters}; use"
                " MultiScaleSpectral."
            )
        self.n_features, self.n_channels, self.n_statistics = n_features, n_channels, n_statistics
        self.latent_dim, self.n_parameters, self.grains_per_step = latent_dim, n_parameters, grains_per_step
        self.width, self.depth, self.kernel_size, self.expansion = width, depth, kernel_size, expansion
        self.floor, self.reach, self.threshold_db = floor, reach, threshold_db
        self.grid, self.n_frames = (), 0
        self.hop_length = n_features // grains_per_step
        self.n_fft = 4 * self.hop_length
        self.n_bins = self.n_fft // 2 + 1
        rows = n_channels * grains_per_step * self.n_bins
        if latent_dim > rows:
            raise ParameterError(f"{latent_dim} latents are more than the {rows} numbers that they are to describe.")

        def blocks() -> list[ConvNeXtBlock]:
            return [
                ConvNeXtBlock(width, kernel_size=kernel_size, expansion=expansion, causal=True) for _ in range(depth)
            ]

        self.encoder_in = nn.Conv1d(rows, width, 1)
        self.encoder_blocks = nn.ModuleList(blocks())
        self.encoder_out = nn.Sequential(ChannelNorm(width), nn.Conv1d(width, n_statistics, 1))
        self.encoder_linear = nn.Conv1d(rows, latent_dim, 1)
        self.decoder_in = nn.Conv1d(latent_dim, width, kernel_size)
        self.decoder_blocks = nn.ModuleList(blocks())
        self.decoder_out = nn.Sequential(ChannelNorm(width), nn.Conv1d(width, rows, 1))
        self.decoder_linear = nn.Conv1d(latent_dim, rows, 1)
        for out in (self.encoder_out[-1], self.decoder_out[-1]):
            for parameter in out.parameters():
                nn.init.zeros_(parameter)
        self.locking = PeakLocking(self.n_fft, self.hop_length, reach=reach, threshold_db=threshold_db)
        window = torch.hann_window(self.n_fft)
        self.register_buffer("window", window)
        self.register_buffer("synthesis", window / window_power(window, self.hop_length).repeat(4))
        self.synthesis: Tensor
        self.register_buffer("mean", torch.zeros(rows))
        self.register_buffer("ceiling", torch.full((rows,), LOUDEST))

    @property
    def ratio(self) -> int:
        return 1

    # Sound to statistics.

    def encode(self, frames: Frames) -> Statistics:
        ahead = F.pad(frames, (0, self.encoder_lookahead))  # beyond the end there is silence
        return in_pieces(self.encode_next, ahead)[..., self.encoder_lookahead :]

    def encode_next(self, frames: Frames, memory: Memory) -> Statistics:
        wave = _unrolled(frames)
        extended = memory.extend(wave[:, None], 2 * self.n_features - self.hop_length // 2)[:, 0]
        x = self._logarithms(extended[:, : extended.shape[1] - self.hop_length // 2], frames.shape[0])
        located = self.encoder_linear(x)
        rest = located.new_zeros(len(x), self.n_statistics - self.latent_dim, located.shape[2])
        h = self.encoder_in(x)
        for block in self.encoder_blocks:
            h = block(h, memory)
        return self.encoder_out(h) + torch.cat([located, rest], dim=1)

    def _logarithms(self, wave: Sound, batch: int) -> Rows:
        """Centred rows (batch, channel * grain * bin, step) of sound (batch * channel, time)."""
        grains = cut_frames(wave, length=self.n_fft, hop_length=self.hop_length)
        spectrum = torch.fft.rfft(grains * self.window[:, None], dim=1)
        # the square root alone, and hypot too, have no finite gradient at silence
        magnitude = (spectrum.real.square() + spectrum.imag.square() + TINY).sqrt()
        logarithms = torch.log(magnitude + self.floor)
        steps = logarithms.shape[2] // self.grains_per_step
        rows = logarithms.unflatten(2, (steps, self.grains_per_step)).permute(0, 3, 1, 2)  # signal, grain, bin, step
        return rows.reshape(batch, -1, steps) - self.mean[:, None]

    # Latents to sound.

    def decode(self, latents: Latents) -> Parameters:
        ahead = F.pad(latents, (0, self.lookahead))  # beyond the end there is nothing to look at
        return in_pieces(self.decode_next, ahead)[..., self.lookahead :]

    def decode_next(self, latents: Latents, memory: Memory) -> Parameters:
        rows = self._rows(latents, memory)
        batch, steps = rows.shape[0], rows.shape[2]
        grains = rows.reshape(batch * self.n_channels, self.grains_per_step, self.n_bins, steps)
        logarithms = grains.permute(0, 2, 3, 1).flatten(2)  # signal, bin, grain after grain
        magnitude = (logarithms.exp() - self.floor).clamp_min(0.0)
        past = memory.remembered(self.locking.initial(batch * self.n_channels), like=latents)
        phases, *state = followed(self.locking, torch.log(magnitude.detach() + self.floor), *past)
        memory.keep(*state)
        spectrum = spectrum_of(magnitude.transpose(1, 2), phases.transpose(1, 2))
        waves = torch.fft.irfft(spectrum, n=self.n_fft, dim=2).transpose(1, 2) * self.synthesis[:, None]
        return self._added(waves, steps, memory).reshape(batch, self.n_channels, steps, -1).transpose(2, 3)

    def _rows(self, latents: Latents, memory: Memory) -> Rows:
        h = self.decoder_in(with_surroundings(latents, self.kernel_size - 1, causal=True, memory=memory))
        for block in self.decoder_blocks:
            h = block(h, memory)
        rows = self.decoder_out(h) + self.decoder_linear(latents) + self.mean[:, None]
        return torch.minimum(rows, self.ceiling[:, None])

    def _added(self, grains: Float[Tensor, "signal sample grain"], steps: int, memory: Memory) -> Sound:
        """The next ``steps`` blocks (signal, time), the first of them the one before the grains' own."""
        reach = 2 * self.n_features - self.hop_length // 2
        (pending,) = memory.remembered((grains.new_zeros(grains.shape[0], reach),), like=grains)
        summed = overlap_add(grains, hop_length=self.hop_length, before=self.hop_length // 2)
        summed = F.pad(summed, (0, steps * self.n_features + reach - summed.shape[1]))
        summed = summed + F.pad(pending, (0, summed.shape[1] - reach))
        memory.keep(summed[:, steps * self.n_features :])
        return summed[:, : steps * self.n_features]

    @torch.no_grad()
    def initialise(self, frames: Frames) -> None:
        wave = _unrolled(frames)
        self.mean.zero_()
        around = self.n_features - self.hop_length // 2
        rows = self._logarithms(F.pad(wave, (around, around)), frames.shape[0])
        rows = rows[..., 1:-1] if rows.shape[2] > 8 else rows  # at a crop's ends grains reach into nothing
        pca = StackedPca.fit(rows, group=1, n_components=self.latent_dim)
        self.mean.copy_(pca.mean)
        self.ceiling.copy_((rows.amax(dim=(0, 2)) + ABOVE).clamp_max(LOUDEST))
        deviations = pca.variances.sqrt().clamp_min(1e-6)
        self.encoder_linear.weight.copy_((pca.components / deviations[:, None])[..., None])
        self.decoder_linear.weight.copy_((pca.components * deviations[:, None]).T[..., None])
        for layer in (self.encoder_linear, self.decoder_linear):
            assert layer.bias is not None  # made with one
            layer.bias.zero_()


def in_pieces(call: Callable[[Tensor, Memory], Tensor], x: Tensor) -> Tensor:
    """The results of ``call`` for pieces of ``x`` along its last axis, with the memory handed on: as for the whole."""
    memory, parts = Memory(), []
    for piece in x.split(PIECE_STEPS, dim=-1):
        memory = Memory(memory.state())
        parts.append(call(piece, memory))
    return torch.cat(parts, dim=-1)


def _unrolled(frames: Frames) -> Sound:
    """Sound (batch * channel, time) of consecutive blocks."""
    return frames.transpose(2, 3).flatten(0, 1).flatten(1)
