"""The pitch tracker against known frequencies, and against librosa on real notes."""

from __future__ import annotations

from pathlib import Path

import librosa
import numpy as np
import pytest
import scipy.signal

from timbrespace.audio import read
from timbrespace.audio.pitch import track_pitch

RATE = 44_100


def seconds(n: float = 0.5, rate: int = RATE) -> np.ndarray:
    return np.arange(round(n * rate)) / rate


def inner(f0: np.ndarray) -> np.ndarray:
    """Without the frames whose window reaches beyond the sound."""
    return f0[6:-6]


@pytest.mark.parametrize("hz", [41.2, 55.0, 110.0, 261.6, 440.0, 1_046.5, 2_093.0, 3_951.0])
def test_sines(hz: float) -> None:
    f0 = inner(track_pitch(0.3 * np.sin(2 * np.pi * hz * seconds()), RATE))
    assert np.isfinite(f0).all()
    np.testing.assert_allclose(f0, hz, rtol=2e-3)


@pytest.mark.parametrize("hz", [41.2, 65.4, 130.8, 440.0, 987.8])
def test_sawtooths(hz: float) -> None:
    f0 = inner(track_pitch(0.3 * scipy.signal.sawtooth(2 * np.pi * hz * seconds()), RATE))
    np.testing.assert_allclose(f0, hz, rtol=2e-3)


def test_the_missing_fundamental_is_found() -> None:
    wave = sum(np.sin(2 * np.pi * 110.0 * k * seconds() + k) for k in (3, 4, 5, 6))
    np.testing.assert_allclose(inner(track_pitch(0.1 * wave, RATE)), 110.0, rtol=2e-3)


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 32_000, 48_000, 96_000, 192_000])
def test_any_rate(rate: int) -> None:
    wave = 0.3 * scipy.signal.sawtooth(2 * np.pi * 220.0 * seconds(0.5, rate))
    f0 = track_pitch(wave, rate, hop_length=rate // 86)
    np.testing.assert_allclose(inner(f0), 220.0, rtol=5e-3)


def test_a_glide_is_followed_at_the_centre_of_each_frame() -> None:
    t = seconds(1.0)
    f0 = track_pitch(0.3 * np.sin(2 * np.pi * (200 * t + 100 * t**2)), RATE)
    at = np.arange(f0.size) * 512 / RATE
    np.testing.assert_allclose(inner(f0), inner(200 + 200 * at), rtol=0.01)


def test_noise_and_silence_have_no_pitch() -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal(RATE)
    assert np.isnan(track_pitch(noise, RATE)).mean() > 0.98
    assert np.isnan(track_pitch(np.zeros(RATE), RATE)).all()


def test_some_noise_does_no_harm() -> None:
    rng = np.random.default_rng(1)
    wave = 0.3 * scipy.signal.sawtooth(2 * np.pi * 196.0 * seconds()) + 0.01 * rng.standard_normal(seconds().size)
    f0 = inner(track_pitch(wave, RATE))
    assert np.isfinite(f0).mean() > 0.95
    np.testing.assert_allclose(f0[np.isfinite(f0)], 196.0, rtol=5e-3)


def test_frames_have_librosas_number_and_places() -> None:
    for n in (1, 511, 512, 4_000):
        assert track_pitch(np.zeros(n), RATE).size == n // 512 + 1
    wave = np.zeros(RATE)
    wave[RATE // 2 :] = 0.3 * np.sin(2 * np.pi * 440 * seconds(0.5))
    found = np.flatnonzero(np.isfinite(track_pitch(wave, RATE)))
    assert abs(found[0] - RATE / 2 / 512) <= 3


def test_real_notes_agree_with_librosas_pyin(real_data: Path) -> None:
    files = [f for f in sorted((real_data / "notes").rglob("*.flac")) if "-ord-" in f.name][::90]
    assert files
    near = voiced = 0
    for file in files:
        y = read(file, sample_rate=RATE, channels=1, seconds=1.5).wave[0].numpy()
        theirs, flags, _ = librosa.pyin(y, sr=RATE, fmin=30, fmax=4_000, frame_length=4_096, hop_length=512)
        ours = track_pitch(y, RATE)
        both = flags & np.isfinite(ours)
        assert both.sum() > 0.6 * flags.sum(), file.name
        near += int((np.abs(12 * np.log2(ours[both] / theirs[both])) < 0.5).sum())
        voiced += int(both.sum())
    assert near > 0.93 * voiced
