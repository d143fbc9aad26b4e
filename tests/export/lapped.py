"""A small transform with live halves, and codecs made of it: what exports are tested on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import torch
from torch import Tensor

from timbrespace.codecs.sound import SoundCodec
from timbrespace.core.knob import Knob
from timbrespace.core.shapes import Frames, Wave
from timbrespace.layers.live_step import LiveStep
from timbrespace.models.autoencoder import AutoEncoder
from timbrespace.models.bottlenecks.gaussian import Gaussian
from timbrespace.models.likelihoods.gaussian import Gaussian as GaussianLikelihood
from timbrespace.models.networks.temporal_conv import TemporalConv
from timbrespace.models.priors.normal import Normal
from timbrespace.transforms.base import AudioTransform, FrameStream, LivePhase, PhaseReconstruction


class Lapped(AudioTransform):
    """Frames of two hops of sound under the root of a Hann window, one every hop; overlap-add gives it back."""

    def __init__(
        self,
        *,
        sample_rate: int = 16_000,
        hop_length: Annotated[int, Knob(1, 4096)] = 64,
        offset: float = 0.1,
        scale: float = 0.02,
    ) -> None:
        super().__init__()
        self.sample_rate, self.hop_length, self.offset, self.scale = sample_rate, hop_length, offset, scale
        self.register_buffer("window", torch.hann_window(2 * hop_length).sqrt(), persistent=False)
        self.window: Tensor

    @property
    def n_features(self) -> int:
        return 2 * self.hop_length

    def fit(self, waves: Iterable[Tensor]) -> None:
        pass

    def forward(self, wave: Wave) -> Frames:
        hop = self.hop_length
        padded = torch.nn.functional.pad(wave, (hop, hop + -wave.shape[-1] % hop))
        return (padded.unfold(-1, 2 * hop, hop) * self.window).mT[
            ..., : wave.shape[-1] // hop + 1
        ] / self.scale + self.offset

    def invert(self, frames: Frames, *, length: int | None = None, phase: PhaseReconstruction | None = None) -> Wave:
        pieces = ((frames - self.offset).mT * self.window).mT * self.scale
        hop, n = self.hop_length, frames.shape[-1]
        wave = torch.nn.functional.pad(pieces[:, :, :hop].mT.flatten(-2), (0, hop))
        wave[..., hop:] += pieces[:, :, hop:].mT.flatten(-2)
        return wave[..., hop:][..., : hop * (n - 1) if length is None else length]

    def stream(self, *, channels: int, live: LivePhase | None = None) -> FrameStream:
        return LappedStream(LappedSynthesis(self, channels))

    def analysis_step(self, *, channels: int) -> LiveStep:
        return LappedAnalysis(self, channels)

    def synthesis_step(self, *, channels: int) -> LiveStep:
        return LappedSynthesis(self, channels)


class LappedAnalysis(LiveStep):
    def __init__(self, transform: Lapped, channels: int) -> None:
        super().__init__()
        self.hop, self.channels, self.latency = transform.hop_length, channels, 0
        self.offset, self.scale = transform.offset, transform.scale
        self.register_buffer("window", transform.window)

    def initial(self, batch: int = 1) -> tuple[Tensor, ...]:
        return (torch.zeros(batch, self.channels, self.hop),)

    def forward(self, x: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        joined = torch.cat([state[0], x], dim=-1)
        frames = (joined.unfold(-1, 2 * self.hop, self.hop) * self.window).mT / self.scale + self.offset
        return frames, x[..., x.shape[-1] - self.hop :]


class LappedSynthesis(LiveStep):
    def __init__(self, transform: Lapped, channels: int) -> None:
        super().__init__()
        self.hop, self.channels = transform.hop_length, channels
        self.offset, self.scale = transform.offset, transform.scale
        self.latency = transform.hop_length
        self.register_buffer("window", transform.window)

    def initial(self, batch: int = 1) -> tuple[Tensor, ...]:
        return (torch.zeros(batch, self.channels, self.hop),)

    def forward(self, x: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        pieces = (x - self.offset).mT * self.window * self.scale  # (batch, channel, frame, feature)
        rising, falling = pieces[..., : self.hop].flatten(-2), pieces[..., self.hop :].flatten(-2)
        tails = torch.cat([state[0], falling], dim=-1)
        n = rising.shape[-1]
        return rising + tails[..., :n], tails[..., n:]


class LappedStream(FrameStream):
    """The synthesis step, called."""

    def __init__(self, step: LappedSynthesis) -> None:
        self._step = step
        self.reset()

    @property
    def latency(self) -> int:
        return self._step.latency

    def push(self, frames: Frames) -> Wave:
        wave, *self._state = self._step(frames, *self._state)
        return wave

    def reset(self) -> None:
        self._state = list(self._step.initial())


def lapped_codec(
    *,
    seed: int = 0,
    latent_dim: int = 4,
    lookahead: int | None = 1,
    channels: int = 1,
    hop_length: int = 64,
    frames_per_step: int = 4,
    **network: int,
) -> SoundCodec:
    """A codec of the lapped transform with random weights everywhere, so that every layer is heard."""
    transform = Lapped(hop_length=hop_length)
    settings = {"width": 16, "depth": 1, "refinement": 1} | network
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = TemporalConv(
            n_features=transform.n_features, n_channels=channels, n_statistics=2 * latent_dim, latent_dim=latent_dim,
            n_parameters=1, frames_per_step=frames_per_step, lookahead=lookahead, pca_start=False, **settings,
        )  # fmt: skip
        for parameter in net.parameters():
            torch.nn.init.normal_(parameter, std=0.15)
    model = AutoEncoder(
        network=net,
        bottleneck=Gaussian(latent_dim=latent_dim),
        likelihood=GaussianLikelihood(),
        prior=Normal(latent_dim=latent_dim),
    )
    vectors = torch.randn(256, latent_dim, generator=torch.Generator().manual_seed(seed))
    return SoundCodec(
        transform, model.requires_grad_(requires_grad=False), channels=channels, latent={"vectors": vectors}
    )


__all__ = ["Lapped", "lapped_codec"]
