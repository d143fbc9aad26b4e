"""Phases that follow peaks: what is known of sinusoids, of noise, and of the rule itself."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from timbrespace.layers.peak_locking import PERIODS, PeakLocking, followed, spectrum_of

N_FFT, HOP, RATE = 1024, 256, 44_100


def spectra(wave: Tensor) -> Tensor:
    """The complex STFT (bin, frame) of frames that lie within the sound, counted from each frame's beginning."""
    window = torch.hann_window(N_FFT)
    return torch.stft(wave, N_FFT, HOP, window=window, center=False, return_complex=True)


def logs(magnitude: Tensor) -> Tensor:
    return (magnitude + 1e-6).log()[None]


def sine(hz: float, n: int = 22_050) -> Tensor:
    return torch.sin(2 * math.pi * hz * torch.arange(n) / RATE)


@pytest.mark.parametrize("hz", [440.0, 1000.0, 3210.7, 9999.9])
def test_a_sinusoid_turns_at_its_own_frequency(hz: float) -> None:
    rule = PeakLocking(N_FFT, HOP)
    magnitude = spectra(sine(hz)).abs()
    phases, *_ = followed(rule, logs(magnitude), *rule.initial())
    peak = int(magnitude[:, 5].argmax())
    turned = (phases[0, peak, 1:] - phases[0, peak, :-1]) % 1.0
    true = hz / RATE * HOP % 1.0
    error = (turned - true + 0.5) % 1.0 - 0.5
    assert float(error.abs().max()) < 0.02  # cycles; a parabola through a Hann window's logarithm is not exact


@pytest.mark.parametrize("hz", [440.0, 1234.5])
def test_the_sound_of_a_sinusoid_is_one_again(hz: float) -> None:
    """Overlapped grains keep the level: no beats, no cancellation."""
    rule = PeakLocking(N_FFT, HOP)
    magnitude = spectra(sine(hz)).abs()
    phases, *_ = followed(rule, logs(magnitude), *rule.initial())
    grains = torch.fft.irfft(spectrum_of(magnitude.T, phases[0].T), n=N_FFT) * torch.hann_window(N_FFT) / 1.5
    wave = torch.zeros(HOP * (len(grains) - 1) + N_FFT)
    for t, grain in enumerate(grains):
        wave[t * HOP : t * HOP + N_FFT] += grain
    inner = wave[4 * N_FFT : -4 * N_FFT]
    assert float(inner.square().mean().sqrt()) == pytest.approx(math.sqrt(0.5), rel=0.02)
    levels = inner.unfold(0, 1024, 512).square().mean(1).sqrt()
    assert float(levels.max() / levels.min()) < 1.05


def test_bins_of_one_peak_stay_in_step() -> None:
    rule = PeakLocking(N_FFT, HOP)
    magnitude = spectra(sine(2000.0)).abs()
    phases, *_ = followed(rule, logs(magnitude), *rule.initial())
    peak = int(magnitude[:, 3].argmax())
    around = phases[0, peak - 3 : peak + 4, -1]
    assert float(around.max() - around.min()) < 1e-3


def test_flat_noise_loses_its_phase_and_a_threshold_of_nothing_keeps_it() -> None:
    flat = torch.randn(1, N_FFT // 2 + 1, 40, generator=torch.Generator().manual_seed(0)) * 0.1
    spread = {}
    for threshold in (-60.0, 20.0):
        rule = PeakLocking(N_FFT, HOP, threshold_db=threshold)
        phases, *_ = followed(rule, flat, *rule.initial())
        again, *_ = followed(rule, flat.clone(), *rule.initial())
        assert torch.equal(phases, again)
        alone = PeakLocking(N_FFT, HOP, threshold_db=-60.0)
        kept, *_ = followed(alone, flat, *alone.initial())
        spread[threshold] = float((((phases - kept + 0.5) % 1.0) - 0.5).abs()[..., -1].mean())
    assert spread[-60.0] == 0.0
    assert spread[20.0] == pytest.approx(0.25, abs=0.03)  # the mean distance of two independent phases


def test_silence_is_finite_and_frames_count() -> None:
    rule = PeakLocking(N_FFT, HOP)
    phases, last, _, count = followed(rule, torch.full((2, 513, 3), -40.0), *rule.initial(2))
    assert phases.isfinite().all()
    assert torch.equal(last, phases[..., -1])
    assert count.tolist() == [3, 3]
    assert float(phases.min()) >= 0.0
    assert float(phases.max()) < 1.0


def test_sounds_of_a_batch_do_not_see_each_other() -> None:
    rule = PeakLocking(N_FFT, HOP)
    x = torch.randn(3, 513, 6, generator=torch.Generator().manual_seed(1))
    together, *_ = followed(rule, x, *rule.initial(3))
    alone, *_ = followed(rule, x[1:2], *rule.initial(1))
    assert torch.equal(together[1:2], alone)


def test_noise_repeats_only_after_both_tables() -> None:
    rule = PeakLocking(64, 16)
    rows = [(rule.first[t % PERIODS[0]] + rule.second[t % PERIODS[1]]) % 1.0 for t in range(math.prod(PERIODS))]
    assert len({tuple(row.tolist()) for row in rows}) == math.prod(PERIODS)


def test_spectra_count_from_the_beginning_of_a_frame() -> None:
    """A cosine whose maximum lies at the centre of the frame has phase 0 there."""
    n = torch.arange(N_FFT)
    for k in (8, 9):
        wave = torch.cos(2 * math.pi * k * (n - N_FFT // 2) / N_FFT) * torch.hann_window(N_FFT)
        spectrum = torch.fft.rfft(wave)
        made = spectrum_of(spectrum.abs(), torch.zeros(513))
        torch.testing.assert_close(made[k], spectrum[k], atol=1e-3, rtol=1e-4)


def click(place: int, *, onset: float) -> tuple[float, float]:
    """Shares of the energy more than 64 samples before a click, and more than half a window after it."""
    at = 10 * HOP + N_FFT // 2 + place
    wave = torch.zeros(24 * HOP)
    wave[at] = 1.0
    rule = PeakLocking(N_FFT, HOP, onset=onset)
    magnitude = spectra(wave).abs()
    phases, *_ = followed(rule, logs(magnitude), *rule.initial())
    grains = torch.fft.irfft(spectrum_of(magnitude.T, phases[0].T), n=N_FFT) * torch.hann_window(N_FFT) / 1.5
    sound = torch.zeros_like(wave)
    for t, grain in enumerate(grains):
        sound[t * HOP : t * HOP + N_FFT] += grain
    energy = sound.square() / sound.square().sum()
    return float(energy[: at - 64].sum()), float(energy[at + N_FFT // 2 :].sum())


def test_attacks_are_not_heard_before_they_come() -> None:
    places = range(-200, 201, 50)
    early = [click(place, onset=1.5) for place in places]
    assert max(before for before, _ in early) < 0.3
    assert max(after for _, after in early) < 0.1
    without = [click(place, onset=1e9) for place in places]
    assert sum(b for b, _ in early) < 0.6 * sum(b for b, _ in without)
