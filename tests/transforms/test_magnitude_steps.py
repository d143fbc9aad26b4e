"""The log-magnitude transforms as steps: the analysis is the transform's, the inverse near the sound."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests.contracts.test_transforms import sounds
from timbrespace.layers.live_step import LiveStep
from timbrespace.metrics.spectral import spectral_convergence_db
from timbrespace.transforms import LogMel, LogStft
from timbrespace.transforms.log_magnitude import LogMagnitude
from timbrespace.transforms.magnitude import linear_magnitude
from timbrespace.transforms.magnitude_steps import LockedSynthesis

GRIDS = [(2048, 512), (1024, 256), (512, 256), (1000, 250)]


def fitted(kind: type[LogMagnitude], n_fft: int, hop_length: int) -> LogMagnitude:
    settings = {"n_mels": 64} if kind is LogMel else {}
    transform = kind(22_050, n_fft=n_fft, hop_length=hop_length, **settings)
    transform.fit(list(sounds(2, 2)))
    return transform


def stepped(step: LiveStep, x: Tensor, *, quantum: int) -> Tensor:
    state, found = step.initial(x.shape[0]), []
    for block in x.split(quantum, dim=-1):
        y, *state = step(block, *state)
        found.append(y)
    return torch.cat(found, dim=-1)


@pytest.mark.parametrize("kind", [LogMel, LogStft])
@pytest.mark.parametrize("grid", GRIDS, ids=str)
@pytest.mark.parametrize("frames_at_once", [1, 4])
def test_analysis_is_the_transform_late_by_what_it_says(
    kind: type[LogMagnitude], grid: tuple[int, int], frames_at_once: int
) -> None:
    transform = fitted(kind, *grid)
    hop = transform.hop_length
    wave = sounds(2, 2, 40 * hop)
    step = transform.analysis_step(channels=2)
    found = stepped(step, wave, quantum=frames_at_once * hop)
    late = step.latency // hop
    assert step.latency == late * hop
    expected = transform(wave)
    torch.testing.assert_close(found[..., late:], expected[..., : found.shape[-1] - late], atol=2e-3, rtol=1e-3)


@pytest.mark.parametrize("kind", [LogMel, LogStft])
@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_synthesis_is_near_the_sound_and_late_by_what_it_says(kind: type[LogMagnitude], grid: tuple[int, int]) -> None:
    transform, wave = fitted(kind, *grid), sounds(2, 2)
    frames = transform(torch.nn.functional.pad(wave, (0, 3 * grid[0])))
    step = transform.synthesis_step(channels=2)
    one, four = (stepped(step, frames, quantum=n) for n in (1, 4))
    # Four frames at once round otherwise in matrix products, and a peak that was one may be none: quiet bins differ.
    torch.testing.assert_close(four, one, atol=5e-3, rtol=0.0)
    assert not one[..., : step.latency].any()
    back = one[..., step.latency :][..., : wave.shape[-1]]
    if kind is LogStft:
        bar = -4.0 if grid[1] > grid[0] // 4 else -10.0
        assert float(spectral_convergence_db(wave, back).max()) < bar
    again, inner = transform(back), slice(4, back.shape[-1] // grid[1] - 4)
    assert float((again - frames[..., : again.shape[-1]])[..., inner].square().mean()) < 0.3  # of a variance of 1


def test_em_by_products_is_the_compiled_one() -> None:
    transform = fitted(LogMel, 1024, 256)
    assert isinstance(transform, LogMel)
    mel = transform.magnitude(sounds(1, 2, 6_000))
    torch.testing.assert_close(
        transform.unbanded(mel), linear_magnitude(mel, transform.bank, n_iter=transform.em_steps), atol=1e-3, rtol=1e-2
    )


def test_exact_phases_are_not_needed_for_exact_levels() -> None:
    """A steady sinusoid keeps its level from its first whole window to its last."""
    wave = torch.sin(0.2 * torch.arange(20_000))[None]
    magnitude = torch.stft(wave, 1024, 256, window=torch.hann_window(1024), pad_mode="constant", return_complex=True)
    step = LockedSynthesis(torch.hann_window(1024), 256)
    sound = stepped(step, magnitude.abs(), quantum=1)[0, step.latency :]
    levels = sound[2048:18_000].unfold(0, 1024, 512).square().mean(1).sqrt()
    torch.testing.assert_close(levels, torch.full_like(levels, 0.5**0.5), atol=0.03, rtol=0.0)


def test_silence_stays_silent() -> None:
    step = LockedSynthesis(torch.hann_window(256), 64)
    assert not stepped(step, torch.zeros(2, 129, 9), quantum=1).any()
