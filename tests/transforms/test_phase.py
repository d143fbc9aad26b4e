"""Griffin-Lim and PGHI, against the textbook algorithms written out plainly."""

from __future__ import annotations

import heapq
import math
from itertools import pairwise

import librosa
import numpy as np
import pytest
import torch

from timbrespace.core.errors import ParameterError
from timbrespace.metrics.spectral import magnitude_convergence_db, spectral_convergence_db
from timbrespace.transforms import GriffinLim, Pghi, PhaseReconstruction
from timbrespace.transforms.fourier import Fourier, istft, stft
from timbrespace.transforms.griffin_lim import refine

N_FFT, HOP = 1024, 256
GRID = {"n_fft": N_FFT, "hop_length": HOP}
PHASES = [GriffinLim(n_iter=8), Pghi(n_iter=3)]


def chirp(n: int = 32_768, *, rate: float = 8e-6, start: float = 0.02) -> torch.Tensor:
    t = torch.arange(n, dtype=torch.float64)
    return (0.5 * torch.sin(2 * math.pi * (start * t + 0.5 * rate * t**2))).float()


def melody(n: int = 32_768, seed: int = 0) -> torch.Tensor:
    """Four plucked harmonic notes and a little noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(n) / 44_100
    wave = np.zeros(n)
    for i in range(4):
        begin = i * n // 4
        f = 196.0 * 2 ** (rng.integers(0, 12) / 12)
        late = t[: n - begin]
        wave[begin:] += sum(np.sin(2 * np.pi * f * h * late) * np.exp(-late * 3 * h) / h for h in range(1, 15))
    return torch.from_numpy((wave / np.abs(wave).max() + 1e-3 * rng.standard_normal(n)).astype(np.float32))


def magnitude(wave: torch.Tensor) -> torch.Tensor:
    return stft(wave, **GRID).abs()


def convergence(phase: PhaseReconstruction, wave: torch.Tensor) -> float:
    rebuilt = phase.reconstruct(magnitude(wave), **GRID, length=wave.shape[-1])
    return float(spectral_convergence_db(wave, rebuilt, **GRID))


def heap_phase(s: np.ndarray, tolerance: float) -> np.ndarray:
    """PGHI as the paper writes it, with a binary heap, (bin, frame)."""
    level = np.log(np.maximum(s, s.max() * 1e-12))
    gamma = 0.25645 * N_FFT**2
    n_bins, n_frames = s.shape
    df = np.zeros_like(level)
    df[1:-1] = (level[2:] - level[:-2]) / 2
    dt = np.gradient(level, axis=1)
    along_time = HOP * N_FFT / gamma * df + 2 * np.pi * HOP * np.arange(n_bins)[:, None] / N_FFT
    along_frequency = -gamma / (HOP * N_FFT) * dt - np.pi
    phase = np.full(s.shape, np.nan)
    todo = {(k, t) for k in range(n_bins) for t in range(n_frames) if s[k, t] > tolerance * s.max()}
    while todo:
        seed = max(todo, key=lambda cell: s[cell])
        todo.discard(seed)
        phase[seed] = 0.0
        heap = [(-s[seed], seed)]
        while heap:
            _, (k, t) = heapq.heappop(heap)
            for dk, step in ((0, 1), (0, -1), (1, 0), (-1, 0)):
                cell = (k + dk, t + (step if dk == 0 else 0))
                if cell not in todo:
                    continue
                todo.discard(cell)
                slope = along_frequency if dk else along_time
                phase[cell] = phase[k, t] + (dk or step) * (slope[k, t] + slope[cell]) / 2
                heapq.heappush(heap, (-s[cell], cell))
    return phase


@pytest.mark.parametrize("wave", [chirp(6000), melody(6000)], ids=["chirp", "melody"])
def test_pghi_is_the_paper(wave: torch.Tensor) -> None:
    """The same phase as with an exact heap wherever it matters: cells within 40 dB of the peak."""
    s = magnitude(wave).numpy()
    ours = Pghi(tolerance=1e-3).phase(torch.from_numpy(s), **GRID).numpy()
    theirs = heap_phase(s.astype(np.float64), 1e-3)
    loud = s > s.max() * 1e-2
    turn = np.exp(1j * (ours - theirs)[loud])
    assert np.isfinite(theirs[loud]).all()
    # Islands begun by different ties may differ by a constant; almost all cells must agree.
    assert np.mean(np.abs(turn - 1) < 0.02) > 0.9


def test_pghi_finds_the_phase_of_a_chirp() -> None:
    """A linear chirp has a Gaussian-like ridge: the theory holds nearly exactly, up to one constant."""
    spectrum = stft(chirp(), **GRID)
    phase = Pghi().phase(spectrum.abs(), **GRID)
    loud = spectrum.abs() > 0.05 * spectrum.abs().max()
    loud[:, :4] = loud[:, -4:] = False  # the ends of the sound are no chirp
    error = torch.polar(torch.ones(()), spectrum.angle() - phase)[loud]
    assert error.mean().abs() > 0.95  # 1 if all errors are the same constant, 0 if random


def test_pghi_alone_beats_random_phase_and_steps_add() -> None:
    wave = melody()
    random, bare, full = (convergence(p, wave) for p in (GriffinLim(n_iter=0), Pghi(n_iter=0), Pghi()))
    assert bare < random - 12.0
    assert full < bare - 3.0
    assert full < -26.0


def test_pghi_is_better_than_sixty_steps_of_librosa() -> None:
    wave = melody()
    theirs = librosa.griffinlim(magnitude(wave).numpy(), n_iter=60, length=len(wave), random_state=0, **GRID)
    assert convergence(Pghi(), wave) < float(spectral_convergence_db(wave, torch.from_numpy(theirs), **GRID)) - 2.0


def test_griffin_lim_is_the_textbook() -> None:
    """The compiled loop equals the algorithm in torch, from the same phase."""
    n, momentum = 6_000, 0.9
    s = magnitude(melody(n))
    phase = GriffinLim(n_iter=0, seed=3)
    start = stft(phase.reconstruct(s, **GRID, length=n), **GRID)
    window = torch.hann_window(N_FFT)
    spectrum = start.mT.clone()  # refined in place
    fourier = Fourier(N_FFT, HOP)
    wave = np.empty(n, np.float32)
    refine(s.mT.contiguous(), spectrum, fourier, fourier.envelope(s.shape[-1], n), wave, n_iter=5, momentum=momentum)

    t = start
    before = torch.zeros_like(start)
    for i in range(5):
        c = torch.stft(istft(t, **GRID, length=n), N_FFT, HOP, window=window, pad_mode="constant", return_complex=True)
        extrapolated = c + momentum * (c - before) if i else c
        t = s * extrapolated / extrapolated.abs().clamp_min(1e-15)
        before = c
    torch.testing.assert_close(torch.from_numpy(wave), istft(t, **GRID, length=n), atol=2e-3, rtol=0.0)


def test_plain_griffin_lim_never_gets_worse() -> None:
    """Without momentum the inconsistency falls at every step (Griffin and Lim 1984)."""
    s = magnitude(melody(16_384))
    values = []
    for n_iter in range(0, 24, 2):
        wave = GriffinLim(n_iter=n_iter, momentum=0.0).reconstruct(s, **GRID, length=16_384)
        values.append(float(magnitude_convergence_db(s, magnitude(wave))))
    assert all(after < before + 1e-3 for before, after in pairwise(values))
    assert values[-1] < values[0] - 6.0


def test_momentum_helps() -> None:
    wave = melody()
    assert convergence(GriffinLim(), wave) < convergence(GriffinLim(momentum=0.0), wave) - 2.0


@pytest.mark.parametrize("phase", PHASES, ids=lambda p: type(p).__name__)
def test_batches_are_independent_and_repeatable(phase: PhaseReconstruction) -> None:
    waves = torch.stack([torch.stack([melody(9_000, seed), chirp(9_000)]) for seed in (1, 2)])
    s = magnitude(waves)
    together = phase.reconstruct(s, **GRID)
    assert together.shape == (2, 2, HOP * (s.shape[-1] - 1))
    assert together.dtype == torch.float32
    for b in range(2):
        for c in range(2):
            alone = phase.reconstruct(s[b, c], **GRID)
            torch.testing.assert_close(together[b, c], alone, atol=0.0, rtol=0.0)


@pytest.mark.parametrize("phase", PHASES, ids=lambda p: type(p).__name__)
def test_the_seed_decides(phase: PhaseReconstruction) -> None:
    # A first phase shows only while few steps hide it, and in PGHI only below the tolerance.
    few = {"n_iter": 0} | ({"tolerance": 0.1} if isinstance(phase, Pghi) else {})
    s = magnitude(melody(9_000))
    one, same, other = (type(phase)(seed=seed, **few).reconstruct(s, **GRID) for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


@pytest.mark.parametrize("phase", PHASES, ids=lambda p: type(p).__name__)
@pytest.mark.parametrize("n_frames", [0, 1, 2, 3])
@pytest.mark.parametrize("length", [None, 0, 100, 5_000])
def test_few_frames_and_any_length(phase: PhaseReconstruction, n_frames: int, length: int | None) -> None:
    s = torch.rand(2, N_FFT // 2 + 1, n_frames, generator=torch.Generator().manual_seed(0))
    wave = phase.reconstruct(s, **GRID, length=length)
    expected = HOP * max(n_frames - 1, 0) if length is None else length
    assert wave.shape == (2, expected)
    assert wave.isfinite().all()
    reach = max(0, HOP * (n_frames - 1) + N_FFT // 2) if n_frames else 0
    assert not wave[:, reach:].any()
    if n_frames and expected >= 100:
        assert wave.any()


@pytest.mark.parametrize("phase", PHASES, ids=lambda p: type(p).__name__)
def test_a_shorter_length_only_cuts(phase: PhaseReconstruction) -> None:
    s = magnitude(melody(9_000))
    torch.testing.assert_close(
        phase.reconstruct(s, **GRID, length=4_321), phase.reconstruct(s, **GRID)[:4_321], atol=0.0, rtol=0.0
    )


@pytest.mark.parametrize("phase", PHASES, ids=lambda p: type(p).__name__)
def test_silence_and_damaged_cells(phase: PhaseReconstruction) -> None:
    s = magnitude(torch.stack([melody(9_000), melody(9_000)]))
    s[0] = 0.0
    holes = s.clone()
    holes[1, 5, 3], holes[1, 6, 3], holes[1, 7, 3] = torch.nan, torch.inf, -1.0
    filled = s.clone()
    filled[1, 5:8, 3] = 0.0
    wave = phase.reconstruct(holes, **GRID)
    assert not wave[0].any()
    assert wave.isfinite().all()
    assert torch.equal(wave, phase.reconstruct(filled, **GRID))


@pytest.mark.parametrize("phase", PHASES, ids=lambda p: type(p).__name__)
@pytest.mark.parametrize("scale", [1e-8, 1e4])
def test_level_does_not_matter(phase: PhaseReconstruction, scale: float) -> None:
    s = magnitude(melody(9_000))
    torch.testing.assert_close(
        phase.reconstruct(scale * s, **GRID) / scale, phase.reconstruct(s, **GRID), atol=2e-2, rtol=0
    )


def test_bad_arguments_are_refused_in_words() -> None:
    with pytest.raises(ParameterError, match="Pghi's 'n_iter' is -1"):
        Pghi(n_iter=-1)
    with pytest.raises(ParameterError, match=r"'momentum' is 2\.0; choose between 0"):
        GriffinLim(momentum=2.0)
    with pytest.raises(ParameterError, match=r"'tolerance' is 0\.0; it is a share of the peak"):
        Pghi(tolerance=0.0)
    with pytest.raises(ParameterError, match=r"512 bins .* but 'n_fft' 1024 makes 513"):
        Pghi().reconstruct(torch.ones(512, 4), **GRID)
    with pytest.raises(ParameterError, match="'length' is -5"):
        Pghi().reconstruct(torch.ones(513, 4), **GRID, length=-5)
