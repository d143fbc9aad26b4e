"""Descriptors: librosa's where defined alike, closed forms where there is one, and NaN only where said."""

from __future__ import annotations

import math
from pathlib import Path

import librosa
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from timbrespace.audio import read
from timbrespace.audio.descriptors import (
    DESCRIPTORS,
    F0,
    FLOOR_DB,
    HOP,
    LOUDNESS,
    N_FFT,
    NAMES,
    contrast_bands,
    describe_sound,
    on_scale,
    per_step,
)
from timbrespace.core.errors import AudioError

RATE = 44_100
CENTROID, BANDWIDTH, CONTRAST, FLATNESS, ROLLOFF = (
    NAMES.index(n) for n in ("centroid", "bandwidth", "contrast", "flatness", "rolloff")
)


def noise(seconds: float = 1.0, *, seed: int = 0, rate: int = RATE) -> torch.Tensor:
    return 0.1 * torch.randn(1, round(seconds * rate), generator=torch.Generator().manual_seed(seed))


def tone(hz: float, seconds: float = 1.0, *, rate: int = RATE, amplitude: float = 0.5) -> torch.Tensor:
    phase = 2 * math.pi * hz * torch.arange(round(seconds * rate)).double() / rate
    return (amplitude * phase.sin()).float()[None]


def by_librosa(y: np.ndarray, rate: int) -> dict[str, np.ndarray]:
    spectrum = np.abs(librosa.stft(y.astype(np.float64), n_fft=N_FFT, hop_length=HOP, pad_mode="constant"))
    rms = librosa.feature.rms(y=y, frame_length=N_FFT, hop_length=HOP, pad_mode="constant")[0]
    return {
        "loudness": 20 * np.log10(np.maximum(rms, 1e-5)),
        "centroid": librosa.feature.spectral_centroid(S=spectrum, sr=rate)[0],
        "bandwidth": librosa.feature.spectral_bandwidth(S=spectrum, sr=rate)[0],
        "contrast": librosa.feature.spectral_contrast(S=spectrum, sr=rate).mean(axis=0),
        "flatness": librosa.feature.spectral_flatness(S=spectrum)[0],
        "rolloff": librosa.feature.spectral_rolloff(S=spectrum, sr=rate)[0],
    }


TOLERANCE = {"loudness": 1e-3, "centroid": 1e-4, "bandwidth": 1e-3, "contrast": 2e-2, "flatness": 2e-3}


def check_against_librosa(wave: torch.Tensor, rate: int) -> None:
    ours = dict(zip(NAMES, describe_sound(wave, rate).numpy(), strict=True))
    # Frames that hold nothing but an offset are rounding in all other bins.
    heard = (ours["loudness"] > -80) & (ours["centroid"] > 20)
    for name, theirs in by_librosa(wave[0].numpy(), rate).items():
        if name == "rolloff":  # a bin, exact but where the sum reaches 85 % within rounding
            assert np.mean(np.abs(ours[name] - theirs)[heard] > 1e-2) < 0.01
            assert np.abs(ours[name] - theirs)[heard].max() <= 1.01 * rate / N_FFT
        elif name in ("loudness", "contrast"):
            assert np.abs(ours[name] - theirs)[heard].max() < TOLERANCE[name], name
        else:
            np.testing.assert_allclose(ours[name][heard], theirs[heard], rtol=TOLERANCE[name], atol=1e-7, err_msg=name)


@pytest.mark.parametrize("rate", [16_000 * 2, 44_100, 48_000, 96_000])
def test_noise_agrees_with_librosa(rate: int) -> None:
    check_against_librosa(noise(rate=rate), rate)


def test_a_noisy_chord_with_a_fade_agrees_with_librosa() -> None:
    chord = sum(tone(f) for f in (110.0, 277.2, 1_318.5, 5_000.0)) / 4 + 0.05 * noise()
    check_against_librosa(chord * torch.linspace(0.01, 1.0, RATE), RATE)


def test_valleys_are_held_below_the_highest_as_in_librosa() -> None:
    """A faint pure tone after noise: between its partials there is nothing but rounding."""
    wave = torch.cat([noise(0.5), tone(1_000.0, 0.5, amplitude=1e-4)], dim=1)
    ours = describe_sound(wave, RATE)[CONTRAST, 50:80].numpy()
    np.testing.assert_allclose(ours, by_librosa(wave[0].numpy(), RATE)["contrast"][50:80], atol=0.02)


def test_lengths_that_are_no_multiple_of_the_hop_agree_too() -> None:
    for n in (1, 511, 512, 2047, 2049, 5_000):
        wave = noise()[:, :n]
        assert describe_sound(wave, RATE).shape == (len(NAMES), n // HOP + 1)
    check_against_librosa(noise()[:, :5_001], RATE)


def test_real_sounds_agree_with_librosa(real_data: Path) -> None:
    for file in sorted((real_data / "loops").rglob("*.flac"))[::60]:
        check_against_librosa(read(file, sample_rate=RATE, channels=1, seconds=3.0).wave, RATE)


def test_loudness_is_root_mean_square_in_db() -> None:
    heard = describe_sound(tone(1_000.0, amplitude=1.0), RATE)[LOUDNESS]
    torch.testing.assert_close(heard[4:-4], torch.full_like(heard[4:-4], 10 * math.log10(0.5)), atol=0.01, rtol=0)


def test_a_tone_lies_where_it_is() -> None:
    values = describe_sound(tone(3_000.0), RATE)[:, 8:-8]
    assert float((values[CENTROID] - 3_000).abs().max()) < 15
    assert float((values[ROLLOFF] - 3_000).abs().max()) < RATE / N_FFT * 2
    assert float(values[FLATNESS].max()) < 1e-6
    assert float((values[F0] - 3_000).abs().max()) < 3


def test_white_noise_is_flat_wide_and_has_no_pitch() -> None:
    values = describe_sound(noise(2.0), RATE)[:, 4:-4]
    # The powers of white noise are exponentially distributed: E[log] = log mean - Euler's constant.
    assert float(values[FLATNESS].mean()) == pytest.approx(math.exp(-0.5772), abs=0.02)
    assert float(values[CENTROID].mean()) == pytest.approx(RATE / 4, rel=0.02)
    assert float(values[BANDWIDTH].mean()) == pytest.approx(RATE / 2 / math.sqrt(12), rel=0.02)
    assert float(values[F0].isnan().float().mean()) > 0.98


def test_silence_has_a_loudness_and_nothing_else() -> None:
    values = describe_sound(torch.zeros(2, 10_000), RATE)
    assert bool((values[LOUDNESS] == FLOOR_DB).all())
    assert bool(values[1:].isnan().all())


def test_what_is_promised_finite_is_finite_after_silence_too() -> None:
    values = describe_sound(torch.cat([torch.zeros(1, 20_000), noise(0.5), torch.zeros(1, 20_000)], dim=1), RATE)
    heard = values[LOUDNESS] > -80
    assert bool(values[LOUDNESS].isfinite().all())
    assert bool(values[1:F0, heard].isfinite().all())
    assert bool(values[1:, values[LOUDNESS] < -95].isnan().all())


@given(st.floats(1e-2, 10.0), st.integers(0, 5))
@settings(max_examples=15, deadline=None)
def test_gain_moves_only_the_loudness(gain: float, seed: int) -> None:
    one = 0.1 * tone(440.0, 0.2) + 0.3 * noise(0.2, seed=seed)
    a, b = describe_sound(one, RATE), describe_sound(gain * one, RATE)
    torch.testing.assert_close(b[LOUDNESS], a[LOUDNESS] + 20 * math.log10(gain), atol=0.02, rtol=0)
    for index in (CENTROID, BANDWIDTH, ROLLOFF):
        torch.testing.assert_close(a[index], b[index], rtol=1e-3, atol=RATE / N_FFT)


def test_channels_are_averaged() -> None:
    left, right = noise(seed=1), noise(seed=2)
    stereo, mono = torch.cat([left, right]), (left + right) / 2
    torch.testing.assert_close(describe_sound(stereo, RATE), describe_sound(mono, RATE), equal_nan=True)


@pytest.mark.parametrize("rate", [4_000, 8_000, 11_025, 22_050, 192_000, 384_000])
def test_any_rate_has_bands_and_finite_values(rate: int) -> None:
    bands, counts = contrast_bands(rate)
    assert int(bands[0, 0]) == 0
    assert int(bands[-1, 1]) == N_FFT // 2 + 1
    assert bool((counts >= 1).all())
    assert bool((bands[:, 1] - bands[:, 0] >= counts).all())
    values = describe_sound(noise(0.3, rate=rate), rate)
    assert bool(values[:F0].isfinite().all())


def test_impossible_sounds_are_refused() -> None:
    with pytest.raises(AudioError, match="The sound is empty"):
        describe_sound(torch.zeros(1, 0), RATE)
    with pytest.raises(AudioError, match="values that are no numbers"):
        describe_sound(torch.full((1, 100), math.nan), RATE)
    with pytest.raises(AudioError, match="sample rate of 10 Hz"):
        describe_sound(torch.zeros(1, 100), 10)


def test_steps_pool_the_frames_centred_in_them() -> None:
    values = torch.arange(7 * 9, dtype=torch.float32).reshape(7, 9)
    values[LOUDNESS] = torch.tensor([0.0, -10.0] + [-20.0] * 7)
    pooled = per_step(values, ratio=2 * HOP, steps=4)
    assert float(pooled[0, LOUDNESS]) == pytest.approx(10 * math.log10((1 + 0.1) / 2), abs=1e-5)
    torch.testing.assert_close(pooled[:, CENTROID], torch.tensor([9.5, 11.5, 13.5, 15.5]))
    torch.testing.assert_close(per_step(values, ratio=2 * HOP, steps=2, first=4 * HOP), pooled[2:])


def test_steps_shorter_than_a_hop_or_beyond_the_end_take_the_nearest_frame() -> None:
    values = torch.arange(7 * 3, dtype=torch.float32).reshape(7, 3)
    torch.testing.assert_close(per_step(values, ratio=HOP // 2, steps=8)[:, 1], values[1, [0, 1, 1, 2, 2, 2, 2, 2]])


def test_pooling_leaves_out_what_is_undefined() -> None:
    values = torch.ones(7, 4)
    values[CENTROID] = torch.tensor([1.0, math.nan, 3.0, math.nan])
    values[F0] = torch.tensor([100.0, math.nan, math.nan, 900.0])
    pooled = per_step(values, ratio=4 * HOP, steps=1)[0]
    assert float(pooled[CENTROID]) == 2.0
    assert float(pooled[F0]) in (100.0, 900.0)
    values[F0, 3] = math.nan
    values[BANDWIDTH] = math.nan
    pooled = per_step(values, ratio=4 * HOP, steps=1)[0]
    assert math.isnan(float(pooled[F0]))  # a quarter of the frames is too few
    assert math.isnan(float(pooled[BANDWIDTH]))
    with pytest.raises(AudioError, match="not 0 of 1"):
        per_step(values, ratio=1, steps=0)


def test_scales_are_logarithmic_where_declared() -> None:
    values = torch.full((1, len(NAMES)), 100.0)
    expected = [math.log(100.0) if d.scale == "log" else 100.0 for d in DESCRIPTORS]
    torch.testing.assert_close(on_scale(values), torch.tensor([expected]))
    assert len({d.title for d in DESCRIPTORS}) == len(DESCRIPTORS)
