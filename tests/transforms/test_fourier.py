from __future__ import annotations

import librosa
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from timbrespace.core.errors import ParameterError
from timbrespace.transforms.fourier import frame_count, hann_window, istft, stft


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("n_fft", "hop"), [(2048, 512), (1024, 256), (64, 7), (16, 8), (4096, 1024)])
@pytest.mark.parametrize("length", [0, 1, 100, 4096, 30_001])
def test_stft_is_librosas(n_fft: int, hop: int, length: int) -> None:
    wave = noise(length)
    ours = stft(wave, n_fft=n_fft, hop_length=hop)
    assert ours.dtype == torch.complex64
    assert ours.shape == (n_fft // 2 + 1, frame_count(length, hop))
    if length == 0:
        assert not ours.any()
        return
    padded = np.pad(wave.numpy(), n_fft // 2)  # librosa warns about short sounds when it pads by itself
    theirs = librosa.stft(padded, n_fft=n_fft, hop_length=hop, center=False)
    np.testing.assert_allclose(ours.numpy(), theirs[:, : ours.shape[1]], atol=2e-4)


def test_window_is_periodic_hann() -> None:
    np.testing.assert_allclose(hann_window(64), torch.hann_window(64, dtype=torch.float64).numpy(), atol=1e-7)


@settings(deadline=None, max_examples=40)
@given(
    length=st.integers(1, 9000),
    n_fft=st.sampled_from([16, 62, 256, 2048]),
    divisor=st.sampled_from([4, 5, 8]),
)
def test_inverse_is_perfect(length: int, n_fft: int, divisor: int) -> None:
    hop = max(1, n_fft // divisor)
    wave = noise(2, 1, length, seed=length)
    spectrum = stft(wave, n_fft=n_fft, hop_length=hop)
    back = istft(spectrum, n_fft=n_fft, hop_length=hop, length=length)
    assert back.shape == wave.shape
    assert back.dtype == torch.float32
    torch.testing.assert_close(back, wave, atol=2e-5, rtol=0.0)


def test_half_overlap_is_perfect_up_to_the_last_centre() -> None:
    wave = noise(1000)
    back = istft(stft(wave, n_fft=128, hop_length=64), n_fft=128, hop_length=64, length=1000)
    last = 64 * (1000 // 64)
    torch.testing.assert_close(back[: last + 1], wave[: last + 1], atol=1e-5, rtol=0.0)
    assert back.abs().max() <= wave.abs().max() + 1e-5  # it fades, it does not blow up


def test_inverse_default_length_and_beyond() -> None:
    wave = noise(2000)
    spectrum = stft(wave, n_fft=256, hop_length=64)
    short = istft(spectrum, n_fft=256, hop_length=64)
    assert short.shape == (64 * 31,)
    long = istft(spectrum, n_fft=256, hop_length=64, length=5000)
    torch.testing.assert_close(long[: len(short)], short)
    assert not long[2000 + 128 :].any()


def test_inverse_is_the_least_squares_solution() -> None:
    """Griffin and Lim 1984: any other sound's spectrum is farther from an inconsistent spectrum."""
    n_fft, hop, n = 32, 8, 160
    spectrum = torch.complex(noise(17, 21, seed=1), noise(17, 21, seed=2))
    wave = istft(spectrum, n_fft=n_fft, hop_length=hop, length=n)

    def distance(x: torch.Tensor) -> float:
        d = (stft(x, n_fft=n_fft, hop_length=hop) - spectrum).abs().square()
        return float(d[0].sum() + d[-1].sum() + 2 * d[1:-1].sum())

    best = distance(wave)
    for seed in range(20):
        assert distance(wave + 0.05 * noise(n, seed=seed)) > best


@pytest.mark.parametrize(
    ("n_fft", "hop", "words"),
    [(2048, 1025, "between 1 and half"), (2048, 0, "between 1 and half"), (31, 8, "even number"), (8, 2, "16 to")],
)
def test_bad_grids_are_refused(n_fft: int, hop: int, words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        stft(noise(100), n_fft=n_fft, hop_length=hop)
