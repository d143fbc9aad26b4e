"""Every exported transform and phase reconstruction keeps the contract of its family."""

from __future__ import annotations

import pytest
import torch

from tests.contracts.common import check_config, make, members
from timbrespace.core.component import build
from timbrespace.metrics.spectral import spectral_convergence_db
from timbrespace.transforms.base import AudioTransform, PhaseReconstruction
from timbrespace.transforms.fourier import stft

N_FFT, HOP = 1024, 256
N = 24_000


def sounds(batch: int = 2, channels: int = 1, n: int = N) -> torch.Tensor:
    """Decaying harmonic tones with a little noise, all different."""
    t = torch.arange(n) / 22_050
    noise = torch.randn(batch * channels, n, generator=torch.Generator().manual_seed(0))
    pitches = 220.0 * 2 ** (torch.arange(batch * channels)[:, None] * 4 / 12)
    tones = sum(torch.sin(2 * torch.pi * h * pitches * t) * torch.exp(-2 * h * t) / h for h in range(1, 9))
    assert isinstance(tones, torch.Tensor)
    return (0.2 * tones + 1e-4 * noise).reshape(batch, channels, n)


def fitted(kind: str) -> AudioTransform:
    transform = make(AudioTransform, kind)
    transform.fit(list(sounds()))
    return transform


transforms = pytest.mark.parametrize("kind", members(AudioTransform))
phases = pytest.mark.parametrize("kind", members(PhaseReconstruction))


@transforms
def test_config_builds_the_same_transform(kind: str) -> None:
    check_config(make(AudioTransform, kind), AudioTransform)


@transforms
@pytest.mark.parametrize("n", [1, 5_000, N])
def test_shapes(kind: str, n: int) -> None:
    transform = fitted(kind)
    wave = sounds(2, 2, n)
    frames = transform(wave)
    assert frames.dtype == torch.float32
    assert frames.shape[0] == 2
    assert frames.shape[1] % 2 == 0  # each sound channel brings the same number of frame channels
    assert frames.shape[2:] == (transform.n_features, n // transform.hop_length + 1)
    back = transform.invert(frames, length=n)
    assert back.dtype == torch.float32
    assert back.shape == wave.shape
    assert transform.invert(frames).shape == (2, 2, transform.hop_length * (frames.shape[-1] - 1))


@transforms
def test_fitted_frames_are_normalised(kind: str) -> None:
    frames = fitted(kind)(sounds())
    assert abs(float(frames.mean())) < 0.02
    assert float(frames.std()) == pytest.approx(1.0, abs=0.02)


@transforms
def test_round_trip_is_near_the_sound(kind: str) -> None:
    transform, wave = fitted(kind), sounds()
    back = transform.invert(transform(wave), length=N)
    assert spectral_convergence_db(wave, back).max() < -12.0


@transforms
def test_frames_of_the_round_trip_are_near_the_frames(kind: str) -> None:
    transform, wave = fitted(kind), sounds()
    frames = transform(wave)
    again = transform(transform.invert(frames, length=N))
    assert float((again - frames).square().mean()) < 0.1  # of a variance of 1


@transforms
def test_examples_do_not_mix(kind: str) -> None:
    transform, wave = fitted(kind), sounds(3)
    frames = transform(wave)
    back = transform.invert(frames)
    for i in range(3):
        assert torch.equal(transform(wave[i : i + 1]), frames[i : i + 1])
        assert torch.equal(transform.invert(frames[i : i + 1]), back[i : i + 1])


@transforms
def test_state_brings_back_identical_frames(kind: str) -> None:
    transform, wave = fitted(kind), sounds()
    again = build(AudioTransform, transform.config())
    again.load_state_dict(transform.state_dict())
    assert torch.equal(again(wave), transform(wave))


@transforms
def test_fit_is_deterministic(kind: str) -> None:
    one, two = fitted(kind).state_dict(), fitted(kind).state_dict()
    assert all(torch.equal(one[name], two[name]) for name in one)


@transforms
def test_gradients_are_finite(kind: str) -> None:
    transform = fitted(kind)
    for wave in (sounds(n=5_000), torch.zeros(1, 1, 5_000)):
        wave.requires_grad_()
        frames = transform(wave)
        torch.testing.assert_close(frames.detach(), transform(wave.detach()), atol=1e-4, rtol=0.0)
        frames.square().sum().backward()
        assert wave.grad is not None
        assert wave.grad.isfinite().all()


@transforms
@pytest.mark.parametrize("phase", members(PhaseReconstruction))
def test_every_phase_serves_every_transform(kind: str, phase: str) -> None:
    transform = fitted(kind)
    back = transform.invert(transform(sounds(1)), length=N, phase=make(PhaseReconstruction, phase))
    assert spectral_convergence_db(sounds(1), back).max() < -8.0


@phases
def test_config_builds_the_same_phase(kind: str) -> None:
    check_config(make(PhaseReconstruction, kind), PhaseReconstruction)


@phases
def test_phase_rebuilds_the_magnitude(kind: str) -> None:
    wave = sounds(2, 2)
    magnitude = stft(wave, n_fft=N_FFT, hop_length=HOP).abs()
    phase = make(PhaseReconstruction, kind)
    back = phase.reconstruct(magnitude, n_fft=N_FFT, hop_length=HOP, length=N)
    assert back.shape == wave.shape
    assert back.dtype == torch.float32
    assert spectral_convergence_db(wave, back, n_fft=N_FFT, hop_length=HOP).max() < -15.0
    again = phase.reconstruct(magnitude, n_fft=N_FFT, hop_length=HOP, length=N)
    assert torch.equal(again, back)
    alone = phase.reconstruct(magnitude[1, 0], n_fft=N_FFT, hop_length=HOP, length=N)
    assert torch.equal(alone, back[1, 0])


@phases
@pytest.mark.parametrize("n_frames", [1, 2])
def test_phase_of_silence_and_of_few_frames(kind: str, n_frames: int) -> None:
    phase = make(PhaseReconstruction, kind)
    silent = phase.reconstruct(torch.zeros(2, N_FFT // 2 + 1, n_frames), n_fft=N_FFT, hop_length=HOP, length=700)
    assert silent.shape == (2, 700)
    assert not silent.any()
    loud = phase.reconstruct(torch.ones(N_FFT // 2 + 1, n_frames), n_fft=N_FFT, hop_length=HOP)
    assert loud.shape == (HOP * (n_frames - 1),)
    assert loud.isfinite().all()
