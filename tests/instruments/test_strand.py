"""A strand sounds from its first sample, in any blocks, and outlives what is no sound."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.instruments.fakes import SineCodec, SineStream
from timbrespace.core.shapes import Latents, Wave
from timbrespace.instruments.strand import LEAD_IN, Strand

STEPS = 12


def content(codec: SineCodec) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(STEPS, codec.latent_dim))


def strand(codec: SineCodec, *, stream: SineStream | None = None) -> Strand:
    return Strand(stream or codec.stream(), ratio=codec.ratio, channels=codec.channels)


@pytest.mark.parametrize("latency", [0, 1, 100, 256, 257, 1000])
def test_the_latency_is_taken_off(latency: int) -> None:
    codec = SineCodec(latency=latency, channels=2)
    steps = content(codec)
    expected = codec.decode(torch.from_numpy(steps).float().T[None])[0].numpy()
    source = iter(np.concatenate([steps, np.zeros((9, codec.latent_dim))]))
    line = strand(codec)
    line.begin(lambda: next(source), lead=steps[:1].repeat(LEAD_IN, axis=0))
    np.testing.assert_array_equal(line.render(STEPS * codec.ratio), expected)


def test_steps_are_fetched_no_sooner_than_needed() -> None:
    codec = SineCodec(latency=100)
    line = strand(codec)
    line.begin(lambda: np.zeros(3), lead=np.zeros((1, 3)))
    line.render(1)
    assert codec.decoded == 1 + 1  # the lead, and a step that holds the latency and the first sample
    line.render(155)
    assert codec.decoded == 2
    line.render(1)
    assert codec.decoded == 3


def test_begun_anew_it_forgets() -> None:
    codec = SineCodec()
    line = strand(codec)
    line.begin(lambda: np.full(3, 9.0), lead=np.ones((1, 3)))
    line.render(1000)
    line.begin(lambda: np.zeros(3), lead=np.zeros((1, 3)))
    assert not line.render(1000).any()


class Broken(SineStream):
    """Says what is no number for one step, and remembers it until it is reset."""

    def __init__(self, codec: SineCodec) -> None:
        super().__init__(codec)
        self._left = 5

    def reset(self) -> None:
        super().reset()
        self._poisoned = False

    def decode(self, latents: Latents) -> Wave:
        self._left -= 1
        self._poisoned = self._poisoned or self._left == 0
        return super().decode(latents) * (torch.nan if self._poisoned else 1)


def test_what_is_no_sound_is_silence_and_is_forgotten() -> None:
    codec = SineCodec(latency=0)
    line = strand(codec, stream=Broken(codec))
    line.begin(lambda: np.ones(3), lead=np.ones((1, 3)))
    sound = line.render(10 * codec.ratio)
    assert np.isfinite(sound).all()
    assert line.mended == 1
    silent = ~sound.reshape(10, codec.ratio).any(axis=1)
    assert silent.tolist() == [False] * 3 + [True] + [False] * 6
