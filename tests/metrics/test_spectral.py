from __future__ import annotations

import librosa
import numpy as np
import pytest
import torch

from timbrespace.core.errors import ParameterError
from timbrespace.metrics.spectral import (
    log_mel_distance_db,
    log_spectral_distance,
    magnitude_convergence_db,
    multi_resolution_stft,
    spectral_convergence_db,
    stft_magnitude,
)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return 0.1 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_magnitude_is_librosas() -> None:
    x = noise(9000)
    theirs = np.abs(librosa.stft(x.numpy(), n_fft=1024, hop_length=200))
    np.testing.assert_allclose(stft_magnitude(x, n_fft=1024, hop_length=200).numpy(), theirs, atol=1e-4)
    assert stft_magnitude(noise(2, 3, 500), n_fft=64, hop_length=16).shape == (2, 3, 33, 32)


def test_convergence_closed_forms() -> None:
    x = noise(4, 8192)
    # A scaled copy errs by |1 - a| of the norm; silence by all of it.
    for a in (0.9, 1.1, 0.0):
        expected = torch.full((4,), 20.0 * np.log10(abs(1.0 - a)), dtype=torch.float32)
        torch.testing.assert_close(spectral_convergence_db(x, a * x), expected, atol=1e-3, rtol=0.0)
    torch.testing.assert_close(spectral_convergence_db(x, -x), torch.full((4,), -torch.inf))


def test_convergence_by_hand() -> None:
    x, y = noise(8192), noise(8192, seed=1)
    a, b = (np.abs(librosa.stft(v.numpy(), n_fft=512, hop_length=128)) for v in (x, y))
    expected = 20 * np.log10(np.linalg.norm(a - b) / np.linalg.norm(a))
    assert float(spectral_convergence_db(x, y, n_fft=512, hop_length=128)) == pytest.approx(expected, abs=1e-3)
    assert float(magnitude_convergence_db(torch.from_numpy(a), torch.from_numpy(b))) == pytest.approx(
        expected, abs=1e-3
    )


def test_log_mel_distance_by_hand() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.gamma(1.0, size=(2, 3, 20, 30))
    expected = 20.0 / np.log(10.0) * np.abs(np.log(1 + 50 * x) - np.log(1 + 50 * y)).mean(axis=(1, 2))
    ours = log_mel_distance_db(torch.from_numpy(x), torch.from_numpy(y), gain=50.0)
    np.testing.assert_allclose(ours.numpy(), expected, rtol=1e-6)
    # Loud magnitudes: ten times the amplitude is 20 dB.
    loud = torch.full((1, 4, 4), 1e6)
    assert float(log_mel_distance_db(loud, 10 * loud)) == pytest.approx(20.0, abs=1e-3)


def test_log_spectral_distance_by_hand() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.gamma(1.0, size=(2, 20, 30))
    expected = np.sqrt(((20 * np.log10(x / y)) ** 2).mean(axis=0)).mean()
    ours = log_spectral_distance(torch.from_numpy(x), torch.from_numpy(y), floor=1e-12)
    assert float(ours) == pytest.approx(expected, rel=1e-6)
    zero = torch.zeros(5, 5)
    assert float(log_spectral_distance(zero + 1e-5, zero)) == 0.0  # held at the floor
    assert float(log_spectral_distance(zero + 1e-3, zero)) == pytest.approx(40.0, abs=1e-3)


def test_multi_resolution_by_hand() -> None:
    x, y = noise(6000), noise(6000, seed=1)
    expected = []
    for n_fft, hop in ((256, 64), (512, 100)):
        a, b = (np.abs(librosa.stft(v.numpy(), n_fft=n_fft, hop_length=hop)) for v in (x, y))
        expected.append(np.linalg.norm(a - b) / np.linalg.norm(a) + np.abs(np.log(a) - np.log(b)).mean())
    ours = multi_resolution_stft(x, y, resolutions=[(256, 64), (512, 100)])
    assert float(ours) == pytest.approx(np.mean(expected), rel=1e-4)
    assert float(multi_resolution_stft(x, x)) == 0.0


def test_multi_resolution_has_finite_gradients_everywhere() -> None:
    for target in (noise(1, 4096), torch.zeros(1, 4096)):
        estimate = target.clone().requires_grad_()
        multi_resolution_stft(target, estimate).sum().backward()
        assert estimate.grad is not None
        assert estimate.grad.isfinite().all()


def test_shapes_must_agree() -> None:
    for metric in (spectral_convergence_db, multi_resolution_stft):
        with pytest.raises(ParameterError, match=r"reference has shape \(1, 4000\), the estimate \(1, 3999\)"):
            metric(noise(1, 4000), noise(1, 3999))
    with pytest.raises(ParameterError, match="cut or pad"):
        log_mel_distance_db(torch.zeros(3, 4), torch.zeros(3, 5))
    with pytest.raises(ParameterError, match="'hop_length' is 0"):
        stft_magnitude(noise(100), n_fft=64, hop_length=0)
