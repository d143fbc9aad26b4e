from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.signal
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from timbrespace.audio.output_stage import OutputStage, finish
from timbrespace.core.errors import AudioError

RATE = 44_100


def noise(channels: int = 1, n_samples: int = RATE, level: float = 0.1) -> torch.Tensor:
    return level * (2 * torch.rand(channels, n_samples, generator=torch.Generator().manual_seed(3)) - 1)


def dc_blocked(wave: torch.Tensor, hz: float = 5.0, rate: int = RATE) -> np.ndarray:
    pole = math.exp(-2 * math.pi * hz / rate)
    gain = (1 + pole) / 2
    return scipy.signal.lfilter([gain, -gain], [1, -pole], wave.double().numpy(), axis=-1)


TORTURE = {
    "empty": torch.zeros(1, 0),
    "one sample": torch.ones(1, 1),
    "silence": torch.zeros(1, 5_000),
    "dc": torch.full((1, RATE), 3.0),
    "square": torch.sign(torch.sin(torch.arange(RATE) * 0.03))[None],
    "impulses": (torch.arange(RATE) % 97 == 0).float()[None] * 10,
    "nyquist": torch.where(torch.arange(RATE) % 2 == 0, 1.5, -1.5)[None],
    "denormal": torch.full((1, 5_000), 1e-39),
    "huge": torch.full((1, 5_000), 1e30),
    "nan": torch.full((1, 5_000), float("nan")),
    "infinite": torch.tensor([float("inf"), -float("inf")]).repeat(2_500)[None],
    "mixed": torch.cat([noise(level=3.0), torch.full((1, 50), float("nan")), noise(level=1e9), noise(level=1.2)], 1),
}


@pytest.mark.parametrize("name", TORTURE)
@pytest.mark.parametrize("ceiling", [1.0, 0.9, 0.1])
def test_anything_comes_out_finite_and_bounded(name, ceiling):
    got = finish(TORTURE[name], RATE, ceiling=ceiling)
    assert got.shape == TORTURE[name].shape
    assert torch.isfinite(got).all()
    assert (got.double().abs() <= ceiling).all()


def test_sound_below_the_ceiling_passes_but_for_the_dc_blocker():
    wave = noise(2, level=0.9)
    np.testing.assert_array_equal(finish(wave, RATE).numpy(), dc_blocked(wave).astype(np.float32))


def test_sound_is_untouched_again_after_a_loud_moment():
    wave = noise(1, 2 * RATE, level=0.3)
    wave[0, 1_000] = 8.0
    got = finish(wave, RATE).numpy()
    expected = dc_blocked(wave).astype(np.float32)
    assert not np.array_equal(got[0, 900:1_100], expected[0, 900:1_100])
    np.testing.assert_array_equal(got[0, RATE + 10_000 :], expected[0, RATE + 10_000 :])


def test_dc_goes_and_sound_stays():
    times = torch.arange(4 * RATE) / RATE
    tone = 0.3 * torch.sin(2 * torch.pi * 440 * times)[None]
    got = finish(tone + 0.4, RATE)[:, RATE:]
    assert got.mean().abs() < 1e-5
    assert abs(got.abs().max().item() - 0.3) < 1e-3


def limited(wave: torch.Tensor, *, lookahead: int, release_ms: float = 60.0) -> np.ndarray:
    """The limiter of the docstring, written plainly, before the last clamp: (channel, time), not delayed."""
    sound = dc_blocked(torch.cat([wave, torch.zeros(wave.shape[0], lookahead)], 1))
    wanted = 1 / np.maximum(1, np.abs(sound).max(axis=0))
    padded = np.concatenate([np.ones(lookahead), wanted])
    least = np.array([padded[n : n + lookahead + 1].min() for n in range(len(wanted))])
    gain, released = 1.0, np.ones(len(wanted) + lookahead)
    for n, low in enumerate(least):
        gain = low if low - gain < 1e-4 else gain + (1 - math.exp(-1000 / (release_ms * RATE))) * (low - gain)
        released[n + lookahead] = gain
    mean = np.convolve(released, np.ones(lookahead + 1) / (lookahead + 1), "valid")
    return sound[:, : wave.shape[1]] * mean[lookahead:]


@pytest.mark.parametrize("level", [1.05, 2.0, 8.0])
def test_the_limiter_does_what_its_description_says(level):
    wave = noise(2, 8_000, level) * torch.linspace(1, 0.1, 8_000)
    wave[1] = -wave[1].abs()
    expected = limited(wave, lookahead=88)
    assert np.abs(expected).max() <= 1 + 1e-12  # the gain alone keeps the ceiling, nothing is clipped
    np.testing.assert_allclose(finish(wave, RATE).numpy(), expected, rtol=0, atol=1e-6)


def test_infinite_values_become_silence():
    stage = OutputStage(RATE)
    assert stage.process(torch.full((1, 1_000), float("inf"))).abs().max() == 0
    assert stage.mended == 1_000


def test_the_limiter_is_smooth_and_holds_the_level():
    """A loud sine keeps its shape: harmonics the limiter adds stay 40 dB below it."""
    times = torch.arange(2 * RATE) / RATE
    got = finish(3 * torch.sin(2 * torch.pi * 1_000 * times)[None], RATE, ceiling=0.5)[0, RATE:].double().numpy()
    assert 0.45 < np.abs(got).max() <= 0.5
    spectrum = np.abs(np.fft.rfft(got * np.hanning(len(got))))
    peak = spectrum.argmax()
    spectrum[peak - 50 : peak + 51] = 0
    assert 20 * np.log10(spectrum.max() / np.abs(np.fft.rfft(got * np.hanning(len(got)))).max()) < -40


def test_the_gain_is_shared_between_channels():
    wave = torch.cat([noise(level=4.0), noise(level=0.1)])
    stage = OutputStage(RATE, channels=2, dc_hz=0.001)
    got = stage.process(wave)[:, stage.latency_samples :]
    ratio = got[0, 5_000:] / got[1, 5_000:]
    torch.testing.assert_close(ratio, torch.full_like(ratio, 40.0), rtol=2e-2, atol=0)


@given(st.lists(st.integers(0, 700), max_size=10), st.sampled_from([0.0, 2.0, 5.0]))
@settings(max_examples=40, deadline=None)
def test_any_block_split_is_bit_identical(sizes, lookahead_ms):
    wave = torch.cat([noise(2, sum(sizes) // 2, 3.0), noise(2, sum(sizes) - sum(sizes) // 2, 0.2)], 1)
    wave[:, sum(sizes) // 3 : sum(sizes) // 3 + 1] = float("nan")
    whole = OutputStage(RATE, channels=2, lookahead_ms=lookahead_ms, fade_in_ms=3.0)
    parts = OutputStage(RATE, channels=2, lookahead_ms=lookahead_ms, fade_in_ms=3.0)
    expected = whole.process(wave)
    got = torch.cat([parts.process(p) for p in torch.split(wave, sizes, dim=1)], 1) if sizes else expected
    assert torch.equal(got, expected)
    assert (parts.mended, parts.limited) == (whole.mended, whole.limited)


def test_latency_is_as_declared():
    wave = noise(level=0.5)
    for lookahead_ms in (0.0, 1.0, 2.0):
        stage = OutputStage(RATE, lookahead_ms=lookahead_ms)
        assert stage.latency_samples == round(lookahead_ms * 44.1)
        late = stage.process(wave)[0, stage.latency_samples :]
        np.testing.assert_array_equal(late.numpy(), dc_blocked(wave)[0, : len(late)].astype(np.float32))


def test_counts_and_reset():
    stage = OutputStage(RATE)
    wave = noise(level=0.5)
    wave[0, 10:13] = torch.tensor([float("nan"), float("inf"), 1e30])
    first = stage.process(wave)
    assert stage.mended == 3
    assert 0 < stage.limited < 30_000
    stage.reset()
    assert (stage.mended, stage.limited) == (0, 0)
    assert torch.equal(stage.process(wave), first)


def test_recovers_soon_after_nonsense():
    """A burst of 1e30 must not mute what follows: after 0.3 s the sound is back."""
    wave = noise(1, RATE, 0.3)
    wave[0, 1_000:2_000] = 1e30
    got = finish(wave, RATE, ceiling=1.0)[0, 15_000:]
    assert got.abs().max() > 0.25


def test_fade_in_is_linear():
    stage = OutputStage(RATE, lookahead_ms=0.0, fade_in_ms=5.0, dc_hz=0.001)
    got = stage.process(torch.full((1, 500), 0.5))[0]
    ramp = torch.clamp(torch.arange(500) / round(0.005 * RATE), max=1.0) * 0.5
    torch.testing.assert_close(got, ramp, rtol=0, atol=1e-3)


def test_one_dimension_is_kept():
    assert finish(noise()[0], RATE).shape == (RATE,)


def test_wrong_arguments():
    with pytest.raises(AudioError, match="2 channels; the block has 1"):
        OutputStage(RATE, channels=2).process(torch.zeros(1, 10))
    with pytest.raises(AudioError, match=r"ceiling in \(0, 1\], not 44100 Hz, 1 and 2.0"):
        OutputStage(RATE, ceiling=2.0)
    with pytest.raises(AudioError, match="release above 0 ms"):
        OutputStage(RATE, release_ms=0.0)
