from __future__ import annotations

import numpy as np
import pytest
import scipy.signal
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from timbrespace.audio.resampling import ResampleStream, resample, resampled_length
from timbrespace.core.errors import AudioError


def sine(frequency: float, rate: int, seconds: float = 1.0) -> torch.Tensor:
    return torch.sin(2 * torch.pi * frequency * torch.arange(round(rate * seconds), dtype=torch.float64) / rate).float()


@pytest.mark.parametrize(
    ("from_rate", "to_rate"), [(48_000, 44_100), (44_100, 48_000), (8_000, 44_100), (96_000, 16_000)]
)
def test_a_sine_stays_that_sine(from_rate, to_rate):
    got = resample(sine(1_000, from_rate), from_rate, to_rate)
    inner = slice(to_rate // 10, -to_rate // 10)
    torch.testing.assert_close(got[inner], sine(1_000, to_rate)[inner], rtol=0, atol=2e-5)


def test_what_cannot_be_held_disappears():
    """15 kHz at 44.1 kHz would alias to 1 kHz at 16 kHz: it stays below -90 dB."""
    got = resample(sine(15_000, 44_100), 44_100, 16_000)
    assert got[1_600:-1_600].abs().max() < 10 ** (-90 / 20)


def test_agrees_with_scipy_on_band_limited_noise():
    noise = np.random.default_rng(0).standard_normal(48_000)
    smooth = scipy.signal.sosfiltfilt(scipy.signal.butter(8, 4_000, fs=48_000, output="sos"), noise).copy()
    expected = scipy.signal.resample_poly(smooth, 147, 160, window=("kaiser", 12.0))
    got = resample(torch.from_numpy(smooth).float(), 48_000, 44_100).numpy()
    assert len(got) == len(expected)
    np.testing.assert_allclose(got[500:-500], expected[500:-500], atol=2e-3)


@given(st.integers(0, 5_000), st.sampled_from([4_000, 11_025, 44_100, 44_101, 48_000, 384_000]))
@settings(max_examples=40, deadline=None)
def test_the_length_rule(n_samples, rate):
    exact = n_samples * 22_050 / rate
    assert abs(resampled_length(n_samples, rate, 22_050) - exact) <= 0.5
    assert resample(torch.zeros(2, n_samples), rate, 22_050).shape == (2, resampled_length(n_samples, rate, 22_050))


@given(st.lists(st.integers(0, 3_000), max_size=8))
@settings(max_examples=30, deadline=None)
def test_any_cut_gives_the_same_samples(sizes):
    sound = np.random.default_rng(0).standard_normal((sum(sizes), 2)).astype(np.float32)
    stream = ResampleStream(44_100, 48_000, channels=2)
    parts = [stream.feed(piece) for piece in np.split(sound, np.cumsum(sizes))]
    got = np.concatenate([*parts, stream.finish()])
    expected = resample(torch.from_numpy(sound.T.copy()), 44_100, 48_000).numpy().T
    np.testing.assert_array_equal(got, expected)


def test_shape_and_equal_rates():
    wave = torch.randn(2, 3, 400, generator=torch.Generator().manual_seed(0))
    assert resample(wave, 8_000, 8_000) is wave
    assert resample(wave, 8_000, 16_000).shape == (2, 3, 800)
    with pytest.raises(AudioError, match="The result has a sample rate of 0 Hz"):
        resample(wave, 8_000, 0)
