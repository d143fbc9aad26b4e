"""Variations: each does what it says, all draw from the generator alone."""

from __future__ import annotations

import math

import pytest
import torch

from tests.contracts.common import check_config, make, members
from timbrespace.training.augmentations import Augmentation, SoundVariations
from timbrespace.training.augmentations.sound_variations import colour, vary_speed

RATE = 44_100


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def sine(hertz: float, samples: int = 30_000) -> torch.Tensor:
    return torch.sin(2 * math.pi * hertz * torch.arange(samples) / RATE)[None, None]


@pytest.mark.parametrize("kind", members(Augmentation))
def test_contract(kind: str) -> None:
    augmentation = make(Augmentation, kind)
    check_config(augmentation, Augmentation)
    wave = torch.randn(6, 1, 20_000, generator=generator()) * 0.1
    first, again = (augmentation.vary_wave(wave, generator=generator(1)) for _ in range(2))
    assert torch.equal(first, again)
    assert torch.isfinite(first).all()
    assert first.shape[:2] == (6, 1)
    assert not torch.equal(first, augmentation.vary_wave(wave, generator=generator(2)))
    frames = torch.randn(6, 1, 16, 20, generator=generator())
    assert augmentation.vary_frames(frames, generator=generator()).shape == frames.shape


def test_speed_changes_pitch_within_its_range() -> None:
    wave = sine(1000).repeat(64, 1, 1)
    varied = vary_speed(wave, 4.0, generator=generator())
    window = torch.hann_window(varied.shape[2])
    peaks = torch.fft.rfft(varied * window).abs().argmax(dim=2).flatten() * RATE / varied.shape[2]
    semitones = 12 * (peaks / 1000).log2()
    assert float(semitones.abs().max()) <= 4.05
    assert float(semitones.min()) < -3
    assert float(semitones.max()) > 3


def test_speed_interpolates_a_sine_exactly_enough() -> None:
    varied = vary_speed(sine(500), 4.0, generator=generator(3))[0, 0].double()
    spectrum = torch.fft.rfft(varied * torch.hann_window(len(varied), dtype=torch.float64)).abs()
    peak = int(spectrum.argmax())
    rest = torch.cat([spectrum[: peak - 15], spectrum[peak + 16 :]])  # beyond the leakage of the window
    assert 20 * math.log10(float(rest.max() / spectrum[peak])) < -70


def test_colour_is_smooth_and_keeps_phase() -> None:
    impulse = torch.zeros(1, 1, 8192)
    impulse[0, 0, 4096] = 1
    coloured = colour(impulse, 6.0, generator=generator(1))
    assert int(coloured.abs().argmax()) == 4096
    level = 20 * torch.fft.rfft(coloured).abs().clamp_min(1e-9).log10().flatten()
    assert 3 < float(level.max() - level.min()) < 60
    assert float(level[100:].diff().abs().max()) < 1.0


def test_everything_off_changes_nothing() -> None:
    off = SoundVariations(semitones=0, gain_db=0, mix=0)
    wave = torch.randn(3, 1, 1000, generator=generator())
    assert torch.equal(off.vary_wave(wave, generator=generator()), wave)
    frames = torch.randn(3, 1, 8, 10, generator=generator())
    assert torch.equal(off.vary_frames(frames, generator=generator()), frames)


def test_reverse_and_shift() -> None:
    wave = torch.arange(10.0).reshape(1, 1, 10)
    back = SoundVariations(semitones=0, gain_db=0, mix=0, reverse=1.0).vary_wave(wave, generator=generator())
    assert torch.equal(back, wave.flip(2))
    frames = torch.arange(8.0).reshape(1, 1, 8, 1)
    shifted = SoundVariations(shift=1.0).vary_frames(frames, generator=generator())
    assert shifted.flatten().tolist() in ([0, 0, 1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6, 7, 7])
