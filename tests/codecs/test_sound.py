"""A sound codec: deterministic, of documented lengths, and clear about what it does not take."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import timbrespace
from tests.bundles import bundle
from timbrespace.codecs.sound import SoundCodec
from timbrespace.core.codec import Codec, FrameModel, require
from timbrespace.core.errors import BundleError, ParameterError


@pytest.fixture(scope="module")
def codec() -> SoundCodec:
    return timbrespace.load(bundle())


def wave(n: int, *, channels: int = 1, batch: int = 1) -> torch.Tensor:
    return 0.2 * torch.randn(batch, channels, n, generator=torch.Generator().manual_seed(n))


def steps(codec: SoundCodec, n: int) -> int:
    return math.ceil((n // codec.transform.hop_length + 1) / codec.model.ratio)


def test_it_is_a_codec_and_a_frame_model(codec: SoundCodec) -> None:
    assert require(codec, Codec, purpose="a test") is codec
    assert require(codec, FrameModel, purpose="a test") is codec
    with pytest.raises(BundleError, match=r"painting needs a model that can .* this Linear cannot"):
        require(torch.nn.Linear(1, 1), Codec, purpose="painting")


@pytest.mark.parametrize("n", [1, 127, 128, 511, 512, 513, 5_000, 30_001])
def test_lengths_are_the_documented_ones(codec: SoundCodec, n: int) -> None:
    latents = codec.encode(wave(n))
    assert latents.shape == (1, codec.latent_dim, steps(codec, n))
    assert codec.decode(latents, length=n).shape == (1, 1, n)
    assert codec.decode(latents).shape == (1, 1, latents.shape[2] * codec.ratio)
    assert n <= latents.shape[2] * codec.ratio
    assert torch.isfinite(codec.decode(latents)).all()


@given(st.integers(1, 12), st.integers(1, 9_000))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_number_of_steps_makes_any_length(codec: SoundCodec, n_steps: int, length: int) -> None:
    sound = codec.decode(torch.zeros(1, codec.latent_dim, n_steps), length=length)
    assert sound.shape == (1, 1, length)
    assert torch.isfinite(sound).all()


def test_encoding_is_deterministic_and_batches_do_not_mix(codec: SoundCodec) -> None:
    batch = wave(6_000, batch=3)
    latents = codec.encode(batch)
    assert torch.equal(latents, codec.encode(batch))
    torch.testing.assert_close(codec.encode(batch[1:2]), latents[1:2], rtol=1e-4, atol=1e-4)
    sound = codec.decode(latents, length=6_000)
    assert torch.equal(sound, codec.decode(latents, length=6_000))
    with torch.no_grad():
        frames = codec.decode_frames(latents)
        torch.testing.assert_close(codec.decode_frames(latents[2:]), frames[2:], rtol=1e-4, atol=1e-4)


def test_loaded_twice_it_says_the_same(codec: SoundCodec) -> None:
    again = timbrespace.load(bundle())
    assert torch.equal(codec.encode(wave(9_000)), again.encode(wave(9_000)))
    assert codec.rate_hz == pytest.approx(again.sample_rate / again.ratio)


def test_arrays_give_arrays(codec: SoundCodec) -> None:
    latents = codec.encode(wave(4_000).double().numpy())
    assert isinstance(latents, np.ndarray)
    assert np.array_equal(latents, codec.encode(wave(4_000)).numpy())
    assert isinstance(codec.decode(latents), np.ndarray)


def test_decoding_frames_is_differentiable(codec: SoundCodec) -> None:
    z = torch.zeros(1, codec.latent_dim, 3, requires_grad=True)
    codec.decode_frames(z).square().sum().backward()
    assert z.grad is not None
    assert z.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("given_wave", "sentence"),
    [
        (torch.zeros(5_000), r"axes \(batch, channel, time\), not shape \(5000,\)"),
        (torch.zeros(1, 2, 5_000), r"takes 1 channel\(s\), and the wave has 2"),
        (torch.zeros(1, 1, 0), "The wave is empty"),
        (torch.full((1, 1, 500), math.nan), "NaN or infinite"),
        (torch.full((1, 1, 500), -math.inf), "NaN or infinite"),
        (torch.full((1, 1, 500), -1e30), r"peak is 1e\+30, where full scale is 1"),
    ],
)
def test_waves_that_are_none(codec: SoundCodec, given_wave: torch.Tensor, sentence: str) -> None:
    with pytest.raises(ParameterError, match=sentence):
        codec.encode(given_wave)


@pytest.mark.parametrize(
    ("latents", "length", "sentence"),
    [
        (torch.zeros(4, 3), None, r"axes \(batch, latent, step\), not shape \(4, 3\)"),
        (torch.zeros(1, 5, 3), None, "This model has 4 latents, and 5 were given"),
        (torch.zeros(1, 4, 0), None, "There is nothing to decode"),
        (torch.zeros(1, 4, 2), 0, "There is nothing to decode"),
        (torch.zeros(1, 4, 2), -5, "There is nothing to decode"),
        (torch.full((1, 4, 2), math.nan), None, "NaN or infinite"),
    ],
)
def test_latents_that_are_none(codec: SoundCodec, latents: torch.Tensor, length: Any, sentence: str) -> None:
    with pytest.raises(ParameterError, match=sentence):
        codec.decode(latents, length=length)


@pytest.mark.parametrize(
    "sound",
    [
        torch.zeros(1, 1, 3_000),
        torch.ones(1, 1, 3_000),
        torch.full((1, 1, 3_000), 1e-39),
        torch.full((1, 1, 3_000), 1e4),
        torch.sign(torch.sin(torch.arange(3_000.0)))[None, None],
        torch.nn.functional.one_hot(torch.tensor([1_500]), 3_000).float()[None],
    ],
    ids=["silence", "offset", "denormal", "enormous", "square", "impulse"],
)
def test_odd_sounds_stay_finite(codec: SoundCodec, sound: torch.Tensor) -> None:
    latents = codec.encode(sound)
    assert torch.isfinite(latents).all()
    assert torch.isfinite(codec.decode(latents, length=3_000)).all()


@pytest.mark.parametrize("size", [1e3, 1e6, -1e30])
def test_latents_far_out_stay_finite(codec: SoundCodec, size: float) -> None:
    assert torch.isfinite(codec.decode(torch.full((1, 4, 3), size))).all()
