"""Grains: the sound itself, cut into pieces of one length that overlap, and added up again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from timbrespace.core.component import Wired
from timbrespace.core.errors import DataError, ParameterError
from timbrespace.core.shapes import Frames, Wave
from timbrespace.layers.live_step import LiveStep
from timbrespace.layers.overlap import cut_frames, overlap_add
from timbrespace.transforms.base import AudioTransform, FrameStream, Heard, LivePhase, PhaseReconstruction
from timbrespace.transforms.fourier import frame_count
from timbrespace.transforms.mel import LogMel
from timbrespace.transforms.stepped import SteppedFrames

Window = Literal["hann", "hamming", "triangle", "none"]
SHORTEST, LONGEST = 4, 1 << 16
SHORTEST_SPECTRUM, MOST_BANDS, SAMPLES_PER_BAND = 64, 128, 16
"""Of what is heard: the shortest window and the most bands, no band narrower than the bins of its window allow."""
LEAST_OVERLAP = 1e-4
"""Of the windows' usual sum: nearer to their ends than this, nothing is divided."""


class Grains(AudioTransform):
    """Grain t is the ``length`` samples around sample ``t hop_length``, divided by one scale for all; nothing is lost.

    ``invert`` multiplies every grain by the ``window`` w, adds them up and divides by the sum of the windows:
    ``y(n) = sum_t w(n - t hop) g_t(n - t hop) / sum_t w(n - t hop)``, so that unchanged grains give the sound back and
    changed ones cross-fade. With the window ``"none"`` grain t begins at sample ``t hop_length``: with a hop as long as
    a grain, grains are the blocks of sound that follow each other, which networks with a memory read.

    ``scale`` is learned by :meth:`fit`: ``"deviation"`` gives grains of deviation 1, ``"peak"`` grains within [-1, 1],
    which networks that end with tanh need. A grain has its own phase; no ``phase`` is reconstructed.

    >>> transform = Grains(44_100, length=512, hop_length=256)
    >>> transform(torch.zeros(1, 1, 2048)).shape
    torch.Size([1, 1, 512, 9])
    """

    scale_value: Tensor
    shape: Tensor
    judge: LogMel

    def __init__(
        self,
        sample_rate: Wired[int],
        *,
        length: int = 512,
        hop_length: int | None = None,
        window: Window = "hann",
        scale: Literal["deviation", "peak"] = "deviation",
    ) -> None:
        super().__init__()
        if sample_rate < 1:
            raise ParameterError(f"Grains' 'sample_rate' is {sample_rate}; give samples per second, such as 44100.")
        if not SHORTEST <= length <= LONGEST or length % 2:
            raise ParameterError(
                f"Grains' 'length' is {length}; give an even number of samples, {SHORTEST} to {LONGEST}, usually 512."
            )
        hop = (length if window == "none" else length // 2) if hop_length is None else hop_length
        most = length if window == "none" else length // 2
        if not 1 <= hop <= most:
            raise ParameterError(
                f"Grains' 'hop_length' is {hop}; grains of {length} samples with the window {window!r} overlap enough"
                f" for 1 to {most} samples."
            )
        self.sample_rate, self.length, self.hop_length = sample_rate, length, hop
        self.window, self.scale = window, scale
        self.before = 0 if window == "none" else length // 2
        self.register_buffer("scale_value", torch.tensor(1.0))
        self.register_buffer("shape", _shape(window, length), persistent=False)
        n_fft = max(SHORTEST_SPECTRUM, 4 * hop)
        self.judge = LogMel(sample_rate, n_fft=n_fft, hop_length=hop, n_mels=min(MOST_BANDS, n_fft // SAMPLES_PER_BAND))

    @property
    def n_features(self) -> int:
        return self.length

    @property
    def border_frames(self) -> int:
        reach = self.before or self.length - self.hop_length
        return -(-reach // self.hop_length)

    def fit(self, waves: Iterable[Tensor]) -> None:
        level = _Level()
        try:
            self.judge.fit(level.listening(waves))
        except DataError as error:
            raise DataError(str(error).replace("LogMel found", "Grains found")) from None
        self.scale_value.fill_(level.peak if self.scale == "peak" else (level.energy / level.count) ** 0.5)

    @torch.no_grad()
    def heard(self, frames: Frames) -> Heard:
        """Log-mel frames of the sound that the grains make, with four hops in a window."""
        return self.judge(self.invert(frames, length=self.hop_length * frames.shape[-1] - 1))

    def forward(self, wave: Wave) -> Frames:
        batch, channels, time = wave.shape
        n_frames = frame_count(time, self.hop_length)
        after = self.hop_length * (n_frames - 1) + self.length - self.before - time
        padded = F.pad(wave.flatten(0, 1), (self.before, max(after, 0)))
        grains = cut_frames(padded, length=self.length, hop_length=self.hop_length)[..., :n_frames]
        return grains.unflatten(0, (batch, channels)) / self.scale_value

    @torch.no_grad()
    def invert(self, frames: Frames, *, length: int | None = None, phase: PhaseReconstruction | None = None) -> Wave:
        if frames.shape[-2] != self.n_features:
            raise ParameterError(
                f"Grains has {self.n_features} features, but the frames have {frames.shape[-2]} (axis -2); give frames"
                " of this transform."
            )
        if length is not None and length < 0:
            raise ParameterError(f"'length' is {length}; a sound has 0 samples or more.")
        batch, channels, _, n_frames = frames.shape
        n_samples = self.hop_length * max(n_frames - 1, 0) if length is None else length
        if n_frames == 0:
            return frames.new_zeros(batch, channels, n_samples)
        weighted = torch.nan_to_num(frames).flatten(0, 1) * (self.shape * self.scale_value)[:, None]
        total = overlap_add(self.shape[None, :, None].expand(1, -1, n_frames), hop_length=self.hop_length)
        summed = overlap_add(weighted, hop_length=self.hop_length)
        wave = (summed / total.clamp_min(self._least))[:, self.before :]
        wave = F.pad(wave, (0, max(0, n_samples - wave.shape[1])))[:, :n_samples]
        return wave.unflatten(0, (batch, channels))

    @property
    def _least(self) -> float:
        return LEAST_OVERLAP * float(self.shape.sum()) / self.hop_length

    def stream(self, *, channels: int, live: LivePhase | None = None) -> FrameStream:
        return SteppedFrames(self.synthesis_step(channels=channels), channels=channels, n_features=self.n_features)

    def analysis_step(self, *, channels: int) -> LiveStep:
        return CutGrains(self, channels=channels)

    def synthesis_step(self, *, channels: int) -> LiveStep:
        return AddGrains(self, channels=channels)


class _Level:
    """How loud sounds are that go by."""

    def __init__(self) -> None:
        self.peak, self.energy, self.count = 0.0, 0.0, 0

    def listening(self, waves: Iterable[Tensor]) -> Iterator[Tensor]:
        for wave in waves:
            sound = torch.nan_to_num(wave.detach().double())
            self.peak = max(self.peak, float(sound.abs().max()) if sound.numel() else 0.0)
            self.energy += float(sound.square().sum())
            self.count += sound.numel()
            yield wave


class CutGrains(LiveStep):
    """Sound (batch, channel, n * hop) to grains (batch, channel, feature, n), a grain as soon as its samples are there.

    With grains longer than two hops the first ones look into silence before the sound: ``latency`` is by how much
    later a grain comes than the block that holds its middle.
    """

    def __init__(self, transform: Grains, *, channels: int) -> None:
        super().__init__()
        self.hop_length, self.length, self.channels = transform.hop_length, transform.length, channels
        missing = max(0, self.length - transform.before - self.hop_length)  # after the block in which a grain lies
        self.latency = -(-missing // self.hop_length) * self.hop_length
        self.kept = transform.before + self.latency
        self.register_buffer("scale_value", transform.scale_value.clone(), persistent=False)
        self.scale_value: Tensor

    def initial(self, batch: int = 1) -> tuple[Tensor, ...]:
        return (torch.zeros(batch, self.channels, self.kept),)

    def forward(self, x: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        extended = torch.cat([state[0], x], dim=2)
        grains = extended.unfold(2, self.length, self.hop_length)[:, :, : x.shape[2] // self.hop_length]
        return grains.transpose(2, 3) / self.scale_value, extended[..., extended.shape[2] - self.kept :]


class AddGrains(LiveStep):
    """Grains (batch, channel, feature, n) to sound (batch, channel, n * hop): what no later grain reaches is spoken.

    Beside the sum of the weighted grains the sum of the windows is remembered, so that the beginning is as exact as
    the rest. What comes before the first sample of the sound is 0.
    """

    def __init__(self, transform: Grains, *, channels: int) -> None:
        super().__init__()
        self.hop_length, self.length, self.channels = transform.hop_length, transform.length, channels
        self.latency = transform.before
        self.least = transform._least
        self.register_buffer("shape", transform.shape.clone(), persistent=False)
        self.register_buffer("scaled", transform.shape * transform.scale_value, persistent=False)
        self.shape: Tensor
        self.scaled: Tensor

    def initial(self, batch: int = 1) -> tuple[Tensor, ...]:
        left = self.length - self.hop_length
        return (
            torch.zeros(batch, self.channels, left),
            torch.zeros(batch, 1, left),
            torch.full((batch, 1), -self.latency, dtype=torch.int64),
        )

    def forward(self, x: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        pending, weights, at = state
        batch, n = x.shape[0], x.shape[3]
        spoken = n * self.hop_length
        weighted = overlap_add((x * self.scaled[:, None]).flatten(0, 1), hop_length=self.hop_length)
        summed = weighted.unflatten(0, (batch, self.channels)) + F.pad(pending, (0, spoken))
        window = overlap_add(self.shape[None, :, None].expand(1, self.length, n), hop_length=self.hop_length)
        total = window[None] + F.pad(weights, (0, spoken))
        sound = summed[..., :spoken] / total[..., :spoken].clamp_min(self.least)
        begun = (at + torch.arange(spoken, device=x.device) >= 0)[:, None].to(sound.dtype)
        return sound * begun, summed[..., spoken:], total[..., spoken:], at + spoken


def _shape(window: Window, length: int) -> Tensor:
    """The window, symmetric about the middle of the grain and nowhere negative."""
    at = (torch.arange(length, dtype=torch.float64) + 0.5) / length
    shapes = {
        "hann": 0.5 - 0.5 * torch.cos(2 * torch.pi * at),
        "hamming": 0.54 - 0.46 * torch.cos(2 * torch.pi * at),
        "triangle": 1 - (2 * at - 1).abs(),
        "none": torch.ones(length, dtype=torch.float64),
    }
    return shapes[window].float()
