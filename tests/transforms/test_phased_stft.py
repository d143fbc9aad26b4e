"""A phase that is kept gives the sound back; one that is predicted comes near."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.contracts.test_transforms import sounds
from timbrespace.core.errors import ParameterError
from timbrespace.metrics.spectral import spectral_convergence_db
from timbrespace.transforms import GriffinLim, PhasedStft
from timbrespace.transforms.fourier import analysis_window


def fitted() -> PhasedStft:
    transform = PhasedStft(22_050)
    transform.fit(list(sounds()))
    return transform


def test_the_window_is_hammings() -> None:
    n = np.arange(64)
    expected = 0.54 - 0.46 * np.cos(2 * np.pi * n / 64)
    np.testing.assert_allclose(analysis_window("hamming", 64), expected, atol=1e-7)
    wave = sounds(1)
    frame = wave[0, 0, 5 * 256 - 512 : 5 * 256 + 512].numpy() * analysis_window("hamming", 1024)
    found = PhasedStft(22_050).magnitude(wave)[0, 0, :, 5]
    np.testing.assert_allclose(found.numpy(), np.abs(np.fft.rfft(frame)), atol=2e-3)


def test_a_kept_phase_gives_the_sound_back() -> None:
    transform, wave = fitted(), sounds(2, 2)
    back = transform.restore(transform(wave), transform.phase(wave), length=wave.shape[-1])
    assert float(spectral_convergence_db(wave, back).max()) < -60.0
    assert float((back - wave).abs().max()) < 2e-3


def test_a_kept_phase_serves_a_changed_magnitude() -> None:
    """Half the level everywhere is the sound at half the level, where it is loud; its phase is untouched."""
    transform, wave = fitted(), sounds(1)
    magnitude = 0.5 * transform.magnitude(wave)
    frames = transform.normalise(torch.log1p(transform.gain_value * magnitude))
    back = transform.restore(frames, transform.phase(wave), length=wave.shape[-1])
    assert float((back - 0.5 * wave).abs().max()) < 2e-3


def test_a_predicted_phase_comes_near_and_others_can_be_given() -> None:
    transform, wave = fitted(), sounds(1)
    frames = transform(wave)
    usual = transform.invert(frames, length=wave.shape[-1])
    assert float(spectral_convergence_db(wave, usual).max()) < -12.0
    other = transform.invert(frames, length=wave.shape[-1], phase=GriffinLim(n_iter=8))
    assert not torch.equal(usual, other)


def test_the_phase_of_another_sound_is_refused() -> None:
    transform = fitted()
    with pytest.raises(ParameterError, match="513 x 94 cells .* the magnitude has 513 x 20; keep the phase"):
        transform.restore(transform(sounds(1))[..., :20], transform.phase(sounds(1)))
