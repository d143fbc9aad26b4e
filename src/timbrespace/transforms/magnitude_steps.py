"""The log-magnitude transforms as pure steps, for exports: analysis, and an inverse whose phases follow the peaks."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor

from timbrespace.layers.live_step import LiveStep
from timbrespace.layers.overlap import overlap_add
from timbrespace.layers.peak_locking import PeakLocking, followed, spectrum_of
from timbrespace.transforms.fourier import ENVELOPE_FLOOR

QUIET = 1e-6
"""Added to magnitudes before their logarithm is taken to find peaks."""


@runtime_checkable
class Magnitudes(Protocol):
    """What the steps need of a log-magnitude transform."""

    n_fft: int
    hop_length: int
    window: Tensor
    gain_value: Tensor

    def normalise(self, log_features: Tensor) -> Tensor: ...
    def features_to_magnitude(self, frames: Tensor) -> Tensor: ...
    def banded(self, magnitude: Tensor) -> Tensor: ...
    def unbanded(self, magnitude: Tensor) -> Tensor: ...


class AnalysisStep(LiveStep):
    """Wave (batch, channel, n * hop) to normalised frames (batch, channel, feature, n).

    A frame comes with the block in which its last sample lies: ``latency`` is by how much later that is than the
    block in which the frame's middle lies.
    """

    def __init__(self, transform: Magnitudes, *, channels: int) -> None:
        super().__init__()
        self.transform, self.channels = transform, channels
        self.hop_length, self.n_fft = transform.hop_length, transform.n_fft
        missing = max(0, self.n_fft // 2 - self.hop_length)
        self.latency = -(-missing // self.hop_length) * self.hop_length
        self.kept = self.n_fft // 2 + self.latency

    def initial(self, batch: int = 1) -> tuple[Tensor, ...]:
        return (torch.zeros(batch, self.channels, self.kept),)

    def forward(self, x: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        extended = torch.cat([state[0], x], dim=2)
        frames = extended.unfold(2, self.n_fft, self.hop_length)[:, :, : x.shape[2] // self.hop_length]
        spectrum = torch.fft.rfft(frames * self.transform.window)
        magnitude = (spectrum.real.square() + spectrum.imag.square()).sqrt()
        features = self.transform.normalise(torch.log1p(self.transform.gain_value * self.transform.banded(magnitude)))
        return features, extended[..., extended.shape[2] - self.kept :]


class LockedSynthesis(LiveStep):
    """Magnitude (batch, bin, n) to wave (batch, n * hop): phases by peaks, then the least-squares overlap-add.

    ``y = sum_t w x_t / sum_t w²`` with the inverse transforms x_t of the frames and the window w of the analysis
    (Griffin and Lim 1984); the sum of the windows is remembered beside that of the frames, so that the beginning is as
    exact as the rest. Samples before the first, which is the middle of frame 0, are 0.
    """

    def __init__(self, window: Tensor, hop_length: int, *, reach: int = 8, threshold_db: float = 0.0) -> None:
        super().__init__()
        self.n_fft, self.hop_length = window.numel(), hop_length
        self.latency = self.n_fft // 2
        self.rule = PeakLocking(self.n_fft, hop_length, reach=reach, threshold_db=threshold_db)
        self.register_buffer("window", window.clone(), persistent=False)
        self.window: Tensor

    def initial(self, batch: int = 1) -> tuple[Tensor, ...]:
        left = self.n_fft - self.hop_length
        begin = torch.full((batch,), -self.latency, dtype=torch.int64)
        return (*self.rule.initial(batch), torch.zeros(batch, left), torch.zeros(batch, left), begin)

    def forward(self, x: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        *followed_from, pending, weights, at = state
        spoken = x.shape[2] * self.hop_length
        phases, *rule = followed(self.rule, torch.log(x + QUIET), *followed_from)
        spectrum = spectrum_of(x.transpose(1, 2), phases.transpose(1, 2))
        grains = torch.fft.irfft(spectrum, n=self.n_fft, dim=2) * self.window
        summed = overlap_add(grains.transpose(1, 2), hop_length=self.hop_length) + F.pad(pending, (0, spoken))
        power = self.window.square()[None, :, None].expand(1, self.n_fft, x.shape[2])
        total = overlap_add(power, hop_length=self.hop_length) + F.pad(weights, (0, spoken))
        sound = summed[:, :spoken] / total[:, :spoken].clamp_min(ENVELOPE_FLOOR)
        begun = (at[:, None] + torch.arange(spoken, device=x.device) >= 0).to(sound.dtype)
        return sound * begun, *rule, summed[:, spoken:], total[:, spoken:], at + spoken


class SynthesisStep(LiveStep):
    """Normalised frames (batch, channel, feature, n) to wave (batch, channel, n * hop), by :class:`LockedSynthesis`."""

    def __init__(self, transform: Magnitudes, *, channels: int) -> None:
        super().__init__()
        self.transform, self.channels = transform, channels
        self.locked = LockedSynthesis(transform.window, transform.hop_length)
        self.latency = self.locked.latency

    def initial(self, batch: int = 1) -> tuple[Tensor, ...]:
        signals = self.locked.initial(batch * self.channels)
        return tuple(x.unflatten(0, (batch, self.channels)) for x in signals)

    def forward(self, x: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        batch = x.shape[0]
        magnitude = self.transform.unbanded(self.transform.features_to_magnitude(x)).flatten(0, 1)
        found = self.locked(magnitude, *(s.flatten(0, 1) for s in state))
        return tuple(y.unflatten(0, (batch, self.channels)) for y in found)
