from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from timbrespace.transforms.filterbank import Filterbank, mel_filterbank
from timbrespace.transforms.magnitude import linear_magnitude


@pytest.fixture(scope="module")
def bank() -> Filterbank:
    return mel_filterbank(44_100, n_fft=1024, n_mels=40, f_min=50.0, f_max=15_000.0)


def harmonic_magnitude(n_frames: int = 37) -> torch.Tensor:
    """Peaks of a harmonic sound on a falling floor (bin, frame)."""
    k = torch.arange(513)[:, None]
    pitch = 12.0 + 4.0 * torch.linspace(0.0, 1.0, n_frames)
    peaks = sum(torch.exp(-0.5 * (k - i * pitch) ** 2) / i for i in range(1, 25))
    assert isinstance(peaks, torch.Tensor)
    return 10.0 * peaks + 0.05 * torch.exp(-k / 200.0)


def reference(mel: np.ndarray, f: np.ndarray, steps: int) -> np.ndarray:
    """The formula of the docstring, dense, in float64."""
    column = f.sum(axis=0)[:, None]
    inverse = np.divide(1.0, column, out=np.zeros_like(column), where=column > 0)
    s = f.T @ (mel / f.sum(axis=1)[:, None]) * inverse
    for _ in range(steps):
        s = s * (f.T @ (mel / np.maximum(f @ s, 1e-30))) * inverse
    return s


@pytest.mark.parametrize("steps", [0, 1, 30])
def test_steps_are_the_formula(bank: Filterbank, steps: int) -> None:
    weights = bank.weights.astype(np.float64)
    mel = weights @ harmonic_magnitude().double().numpy()
    ours = linear_magnitude(torch.from_numpy(mel).float(), bank, n_iter=steps)
    assert ours.dtype == torch.float32
    np.testing.assert_allclose(ours.numpy(), reference(mel, weights, steps), rtol=2e-3, atol=1e-5)


def test_divergence_never_increases(bank: Filterbank) -> None:
    rng = np.random.default_rng(0)
    mel = torch.from_numpy(rng.gamma(0.5, size=(40, 19)).astype(np.float32))  # not even a possible mel spectrum
    weights = torch.from_numpy(bank.weights).double()

    def divergence(steps: int) -> float:
        p = weights @ linear_magnitude(mel, bank, n_iter=steps).double()
        y = mel.double()
        return float((torch.xlogy(y, y) - torch.xlogy(y, p) - y + p).sum())

    values = [divergence(steps) for steps in range(40)]
    assert all(after <= before + 1e-4 for before, after in pairwise(values))
    assert values[30] < 0.7 * values[0]


def test_mel_is_met_and_energy_kept(bank: Filterbank) -> None:
    weights = torch.from_numpy(bank.weights)
    mel = weights @ harmonic_magnitude()
    found = linear_magnitude(mel, bank, n_iter=100)
    error = torch.linalg.norm(weights @ found - mel) / torch.linalg.norm(mel)
    assert error < 0.02
    assert not found[bank.columns == 0].any()


def test_better_than_the_clipped_pseudo_inverse(bank: Filterbank) -> None:
    truth = harmonic_magnitude()
    truth[bank.columns == 0] = 0.0
    weights = torch.from_numpy(bank.weights)
    mel = weights @ truth
    ours = linear_magnitude(mel, bank)
    clipped = (torch.linalg.pinv(weights) @ mel).clamp_min(0.0)
    assert torch.linalg.norm(ours - truth) < torch.linalg.norm(clipped - truth)


def test_silence_zero_frames_and_batches(bank: Filterbank) -> None:
    assert not linear_magnitude(torch.zeros(40, 5), bank).any()
    assert linear_magnitude(torch.zeros(2, 40, 0), bank).shape == (2, 513, 0)
    mel = torch.rand(3, 2, 40, 21, generator=torch.Generator().manual_seed(0))
    mel[1, 0] = 0.0
    together = linear_magnitude(mel, bank)
    assert together.shape == (3, 2, 513, 21)
    assert not together[1, 0].any()
    torch.testing.assert_close(together[2, 1], linear_magnitude(mel[2, 1], bank), atol=0.0, rtol=0.0)
    torch.testing.assert_close(together[..., 3:4], linear_magnitude(mel[..., 3:4], bank), atol=0.0, rtol=0.0)
