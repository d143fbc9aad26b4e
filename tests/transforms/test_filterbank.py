from __future__ import annotations

import librosa
import numpy as np
import pytest

from timbrespace.core.errors import ParameterError
from timbrespace.transforms.filterbank import hz_to_mel, mel_filterbank, mel_to_hz

CASES = [(44_100, 2048, 128, 0.0, 22_050.0), (22_050, 1024, 64, 30.0, 8_000.0), (16_000, 512, 1, 0.0, 8_000.0)]


@pytest.mark.parametrize(("rate", "n_fft", "n_mels", "f_min", "f_max"), CASES)
def test_weights_are_librosas(rate: int, n_fft: int, n_mels: int, f_min: float, f_max: float) -> None:
    ours = mel_filterbank(rate, n_fft=n_fft, n_mels=n_mels, f_min=f_min, f_max=f_max).weights
    theirs = librosa.filters.mel(sr=rate, n_fft=n_fft, n_mels=n_mels, fmin=f_min, fmax=f_max, norm="slaney")
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, theirs, atol=1e-8)


@pytest.mark.parametrize(("rate", "n_fft", "n_mels", "f_min", "f_max"), CASES)
def test_sparse_form_says_the_same(rate: int, n_fft: int, n_mels: int, f_min: float, f_max: float) -> None:
    bank = mel_filterbank(rate, n_fft=n_fft, n_mels=n_mels, f_min=f_min, f_max=f_max)
    by_bin = np.zeros((n_mels + 1, n_fft // 2 + 1), np.float32)
    bins = np.arange(n_fft // 2 + 1)
    by_bin[bank.band, bins] += bank.low
    by_bin[bank.band + 1, bins] += bank.high
    np.testing.assert_array_equal(by_bin[:n_mels], bank.weights)
    assert not by_bin[n_mels].any()
    by_band = np.zeros_like(bank.weights)
    for m, (start, stop) in enumerate(zip(bank.start, bank.stop, strict=True)):
        by_band[m, start:stop] = bank.weights[m, start:stop]
        assert bank.weights[m, start] > 0
        assert bank.weights[m, stop - 1] > 0
    np.testing.assert_array_equal(by_band, bank.weights)


def test_mel_scale_and_back() -> None:
    hz = np.linspace(0.0, 22_050.0, 500)
    np.testing.assert_allclose(hz_to_mel(hz), librosa.hz_to_mel(hz), rtol=1e-12)
    np.testing.assert_allclose(mel_to_hz(hz_to_mel(hz)), hz, atol=1e-8)


def test_too_many_bands_are_refused_in_words() -> None:
    with pytest.raises(ParameterError, match=r"512 mel bands are too many for 'n_fft' 512 at 44100 Hz: \d+ of them"):
        mel_filterbank(44_100, n_fft=512, n_mels=512, f_min=0.0, f_max=22_050.0)
