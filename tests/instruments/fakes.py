"""A codec whose sound is known exactly: every latent is the amplitude of a sine."""

from __future__ import annotations

import numpy as np
import torch

from timbrespace.core.shapes import Latents, Wave
from timbrespace.instruments.corpus import Corpus
from timbrespace.instruments.granulator import Granulator
from timbrespace.instruments.latent_voice import LatentVoice
from timbrespace.instruments.sound_table import SoundTable
from timbrespace.latent.space import LatentSpace


class SineCodec:
    """Latent i sounds as a sine of ``(i + 1) * 4 / ratio`` cycles per sample and amplitude 0.02 z_i in its step.

    Every step holds whole cycles, so that all steps begin in phase. Live, the sound comes ``latency`` samples late.
    """

    sample_rate = 8000
    channels = 1
    rate_hz = 8000 / 256

    def __init__(self, latent_dim: int = 3, *, latency: int = 100, channels: int = 1, ratio: int = 256) -> None:
        self.latent_dim = latent_dim
        self.ratio = ratio
        self.channels = channels
        self.latency = latency
        self.bundle = None
        self.latent: dict[str, torch.Tensor] = {}
        self.decoded = 0

    def encode(self, wave: Wave) -> Latents:
        steps = wave.shape[-1] // self.ratio
        loudness = wave[..., : steps * self.ratio].unflatten(-1, (steps, self.ratio)).square().mean(-1).sqrt()
        return loudness[:, :1].expand(-1, self.latent_dim, -1).clone()

    def decode(self, latents: Latents, *, length: int | None = None) -> Wave:
        n = torch.arange(self.ratio, dtype=torch.float32)
        sines = torch.sin(2 * torch.pi * 4 * (torch.arange(self.latent_dim)[:, None] + 1) * n / self.ratio)
        sound = torch.cat([0.02 * (z[:, None] * sines).sum(0) for z in latents[0].T])
        return sound.expand(1, self.channels, -1)[..., :length].clone()

    def stream(self) -> SineStream:
        return SineStream(self)


class SineStream:
    """The live form: the same samples, ``latency`` later."""

    def __init__(self, codec: SineCodec) -> None:
        self._codec = codec
        self.reset()

    @property
    def latency(self) -> int:
        return self._codec.latency

    def reset(self) -> None:
        self._kept = torch.zeros(1, self._codec.channels, self._codec.latency)

    def decode(self, latents: Latents) -> Wave:
        self._codec.decoded += latents.shape[2]
        sound = torch.cat([self._kept, self._codec.decode(latents)], dim=2)
        cut = latents.shape[2] * self._codec.ratio
        self._kept = sound[..., cut:]
        return sound[..., :cut]


def corpus_steps(*, sounds: int = 6, steps: int = 40, dims: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Smooth trajectories (step, latent) around a point of each sound, and the sound of each step."""
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(sounds, 1, dims)) * np.array([3.0, 2.0, 1.0, 0.5][:dims])
    wobble = 0.3 * np.cumsum(generator.normal(size=(sounds, steps, dims)), axis=1) / np.sqrt(steps)
    return (centres + wobble).reshape(-1, dims), np.repeat(np.arange(sounds), steps)


def make_voice(codec: SineCodec | None = None, *, seed: int = 0, sounds: int = 6, steps: int = 40) -> LatentVoice:
    """A voice on the sine codec and a small corpus."""
    codec = codec or SineCodec()
    return LatentVoice(codec, *surroundings(codec, sounds=sounds, steps=steps), seed=seed)


def make_granulator(codec: SineCodec | None = None, *, seed: int = 0, sounds: int = 6, steps: int = 40) -> Granulator:
    """A granulator in the same place."""
    codec = codec or SineCodec()
    return Granulator(codec, *surroundings(codec, sounds=sounds, steps=steps), seed=seed)


def make_table(codec: SineCodec | None = None, *, seed: int = 0, seconds: float = 0.5) -> SoundTable:
    """A sound table in the same place."""
    codec = codec or SineCodec()
    return SoundTable(codec, *surroundings(codec), seed=seed, seconds=seconds)


def surroundings(codec: SineCodec, *, sounds: int = 6, steps: int = 40) -> tuple[LatentSpace, Corpus]:
    """The space and the corpus of a few trajectories."""
    vectors, source = corpus_steps(sounds=sounds, steps=steps, dims=codec.latent_dim)
    space = LatentSpace.fit(torch.from_numpy(vectors).float())
    projected = space.project(torch.from_numpy(vectors).float()).numpy()
    return space, Corpus.cut(projected, source, rate_hz=codec.sample_rate / codec.ratio)
