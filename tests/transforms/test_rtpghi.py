"""Real-time PGHI, against closed forms, the algorithm written out plainly, and offline PGHI."""

from __future__ import annotations

import heapq
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.transforms.test_phase import chirp, magnitude, melody
from timbrespace.audio.reading import read
from timbrespace.core.errors import ParameterError
from timbrespace.metrics.spectral import spectral_convergence_db
from timbrespace.transforms import LivePhase, Pghi, RtPghi
from timbrespace.transforms import rtpghi_kernels as kernels
from timbrespace.transforms.fourier import stft
from timbrespace.transforms.rtpghi import PhaseIntegrator

N_FFT, HOP = 1024, 256
GRID = {"n_fft": N_FFT, "hop_length": HOP}


def live_convergence(live: LivePhase, wave: torch.Tensor, **grid: int) -> float:
    grid = grid or GRID
    padded = torch.nn.functional.pad(wave, (0, 8 * grid["hop_length"]))
    stream = live.start(signals=1, **grid)
    sound = stream.push(stft(padded, **grid).abs()[None])[0]
    return float(spectral_convergence_db(wave, sound[stream.latency : stream.latency + len(wave)], **grid))


def integrator(lookahead: int, tolerance: float = 1e-6) -> PhaseIntegrator:
    return PhaseIntegrator(**GRID, lookahead=lookahead, tolerance=tolerance, seed=0)


def turn(phase: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """How far apart two phases are, in cycles from 0 to 1/2."""
    difference = (phase - expected) % 1.0
    return np.minimum(difference, 1.0 - difference)


def slopes(wave: torch.Tensor, frame: int, lookahead: int) -> tuple[np.ndarray, np.ndarray]:
    """Cycles per frame and per bin found for ``frame``."""
    found = integrator(lookahead)
    for row in magnitude(wave).mT[: frame + lookahead + 1].contiguous().numpy():
        found.advance(row)
    return found._along_time[1], found._along_frequency


@pytest.mark.parametrize("lookahead", [0, 1])
@pytest.mark.parametrize("bin_number", [60.0, 60.3, 177.5])
def test_a_sine_advances_by_its_frequency(lookahead: int, bin_number: float) -> None:
    t = torch.arange(20_000, dtype=torch.float64)
    wave = torch.sin(2 * math.pi * bin_number / N_FFT * t).float()
    along_time, along_frequency = slopes(wave, 30, lookahead)
    nearest = round(bin_number)
    error = along_time[nearest] - bin_number * HOP / N_FFT
    assert abs(error - round(error)) < 0.01  # of a cycle per frame: the window is not quite a Gaussian
    np.testing.assert_allclose(along_frequency[nearest - 1 : nearest + 2], -0.5, atol=0.01)  # steady: in the middle


@pytest.mark.parametrize(("lookahead", "place"), [(0, 0), (1, 0), (1, 50), (1, -50), (1, 120)])
def test_an_impulse_lies_where_it_is(lookahead: int, place: int) -> None:
    """A click ``place`` samples from the frame's middle falls (1/2 + place / n_fft) cycles per bin, at every bin."""
    wave = torch.zeros(20_000)
    wave[30 * HOP + place] = 1.0
    along_time, along_frequency = slopes(wave, 30, lookahead)
    np.testing.assert_allclose(along_frequency[1:-1], -0.5 - place / N_FFT, atol=0.03)
    np.testing.assert_allclose(turn(along_time, np.arange(513) * HOP / N_FFT), 0.0, atol=1e-4)


def test_a_chirp_has_its_rate_in_the_slope_along_frequency() -> None:
    """A bin's energy lies where the frequency passes it: ``(k / n_fft - f) / rate`` samples from the middle."""
    start, rate, frame = 0.02, 8e-6, 60
    _, along_frequency = slopes(chirp(), frame, 1)
    centre = start + rate * frame * HOP
    bins = np.arange(round(centre * N_FFT) - 2, round(centre * N_FFT) + 3)
    gamma = 0.25645 * N_FFT**2
    # For a Gaussian window of that width the ridge of a chirp of this rate is seen shallower by this much.
    seen = rate * gamma**2 / (1.0 + (rate * gamma) ** 2)
    expected = -0.5 - (bins / N_FFT - centre) * seen / N_FFT
    np.testing.assert_allclose(along_frequency[bins], expected, atol=0.02)


def test_an_onset_is_held_within_its_frame() -> None:
    wave = torch.zeros(20_000)
    wave[9_000:] = melody(11_000)
    rows = magnitude(wave).mT.contiguous().numpy()
    for lookahead in (0, 1):
        found = integrator(lookahead)
        for row in rows:
            found.advance(row)
            assert found._along_frequency.min() >= -1.0
            assert found._along_frequency.max() <= 0.0
            assert np.isfinite(found.phase).all()


def plain_frame(
    level: np.ndarray, time: np.ndarray, frequency: np.ndarray, before: np.ndarray, tolerance: float
) -> np.ndarray:
    """One frame's phase as the paper writes it, with a binary heap; NaN where it is random."""
    n = level.shape[1]
    floor = level.max() + math.log(tolerance)
    phase = np.full(n, np.nan)
    todo = {k for k in range(n) if level[1, k] > floor}
    heap = [(-level[0, k], 0, k) for k in todo if level[0, k] > floor]
    heapq.heapify(heap)
    while todo or heap:
        if not heap:
            seed = max(todo, key=lambda k: level[1, k])
            todo.discard(seed)
            phase[seed] = 0.0
            heap.append((-level[1, seed], 1, seed))
        _, here, k = heapq.heappop(heap)
        if not here:
            if k in todo:
                todo.discard(k)
                phase[k] = before[k] + (time[0, k] + time[1, k]) / 2
                heapq.heappush(heap, (-level[1, k], 1, k))
            continue
        for j in (k - 1, k + 1):
            if j in todo:
                todo.discard(j)
                phase[j] = phase[k] + (j - k) * (frequency[k] + frequency[j]) / 2
                heapq.heappush(heap, (-level[1, j], 1, j))
    return phase


@pytest.mark.parametrize("tolerance", [1e-2, 1e-4])
@pytest.mark.parametrize("smooth", [1, 9])
def test_integration_is_the_paper(tolerance: float, smooth: int) -> None:
    """The same phase as with an exact heap, of levels so far apart that no two share a rank."""
    rng = np.random.default_rng(smooth)
    n = 120
    span = -math.log(tolerance)
    order = np.argsort(np.convolve(rng.random(2 * n + smooth - 1), np.ones(smooth), "valid"))
    spread = np.empty(2 * n)
    spread[order] = np.linspace(0.0, 1.3 * span, 2 * n)
    level = -spread.reshape(2, n).astype(np.float32)
    time, frequency = rng.random((2, n), np.float32), -rng.random(n, np.float32)
    before, noise = rng.random(n, np.float32), rng.random(n, np.float32)
    phase = noise.copy()
    kernels.integrate(level, np.float32(kernels.RANKS / span), time, frequency, before, phase)
    expected = plain_frame(level.astype(np.float64), time, frequency, before, tolerance)
    quiet = np.isnan(expected)
    assert 0 < quiet.sum() < n
    np.testing.assert_array_equal(phase[quiet], noise[quiet])
    np.testing.assert_allclose(turn(phase, expected)[~quiet], 0.0, atol=1e-4)


def test_an_onset_begins_at_its_loudest_cell() -> None:
    level = np.full((2, 64), -30.0, np.float32)
    level[1] = -0.1 * np.abs(np.arange(64) - 20.0)
    phase = np.full(64, 0.3, np.float32)
    flat = np.full(64, -0.5, np.float32)
    steps = np.float32(kernels.RANKS / -math.log(1e-6))
    kernels.integrate(level, steps, np.zeros((2, 64), np.float32), flat, np.full(64, 0.7, np.float32), phase)
    np.testing.assert_allclose(turn(phase, -0.5 * (np.arange(64) - 20)), 0.0, atol=1e-5)


def test_live_is_near_offline_and_lookahead_pays() -> None:
    wave = melody()
    late, now = (live_convergence(RtPghi(lookahead=n), wave) for n in (1, 0))
    rebuilt = Pghi(n_iter=0).reconstruct(magnitude(wave), **GRID, length=len(wave))
    offline = float(spectral_convergence_db(wave, rebuilt, **GRID))
    assert late < now - 0.3
    assert late < offline + 3.0
    assert now < -12.0


def test_a_chirp_is_found_as_well_as_offline() -> None:
    assert live_convergence(RtPghi(), chirp()) < -25.0


def test_only_quiet_cells_depend_on_the_seed() -> None:
    frames = magnitude(melody(9_000))[None]

    def sound(**settings: float) -> torch.Tensor:
        return RtPghi(**settings).start(signals=1, **GRID).push(frames)

    assert torch.equal(sound(tolerance=0.1, seed=1), sound(tolerance=0.1, seed=1))
    assert not torch.equal(sound(tolerance=0.1, seed=1), sound(tolerance=0.1, seed=2))
    few = sound(tolerance=1e-8, seed=1) - sound(tolerance=1e-8, seed=2)
    assert few.abs().max() < 1e-4


@pytest.mark.parametrize("scale", [1e-5, 1e3])
def test_level_does_not_matter(scale: float) -> None:
    frames = magnitude(melody(9_000))[None]
    one, other = (RtPghi().start(signals=1, **GRID).push(s * frames) / s for s in (1.0, scale))
    torch.testing.assert_close(one, other, atol=2e-2, rtol=0)


def test_bad_arguments_are_refused_in_words() -> None:
    with pytest.raises(ParameterError, match="RtPghi's 'lookahead' is 2; it is 0 or 1 frame"):
        RtPghi(lookahead=2)
    with pytest.raises(ParameterError, match=r"RtPghi's 'tolerance' is 1\.5; it is a share of the peak"):
        RtPghi(tolerance=1.5)


def test_real_sounds(real_data: Path) -> None:
    """Four loops: live within some dB of what offline integration alone gives."""
    gaps = []
    for path in sorted((real_data / "loops").rglob("*.flac"))[::80][:4]:
        wave = read(path).wave.mean(0)[:65_536]
        grid = {"n_fft": 2048, "hop_length": 512}
        rebuilt = Pghi(n_iter=0).reconstruct(stft(wave, **grid).abs(), length=len(wave), **grid)
        offline = float(spectral_convergence_db(wave, rebuilt, **grid))
        gaps.append(live_convergence(RtPghi(), wave, **grid) - offline)
    assert np.mean(gaps) < 3.0
