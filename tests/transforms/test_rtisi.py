"""Real-time iterative inversion, against the algorithm written out plainly, RTPGHI and offline inversion."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.transforms.test_phase import chirp, magnitude, melody
from tests.transforms.test_rtpghi import GRID, HOP, N_FFT, integrator, live_convergence
from timbrespace.audio.reading import read
from timbrespace.core.errors import ParameterError
from timbrespace.metrics.spectral import spectral_convergence_db
from timbrespace.transforms import LogMel, Pghi, RtIsi, RtPghi
from timbrespace.transforms.filterbank import Filterbank, mel_filterbank
from timbrespace.transforms.fourier import hann_window
from timbrespace.transforms.magnitude import linear_magnitude
from timbrespace.transforms.rtisi import _with_unit_overlap


def plain(frames: torch.Tensor, live: RtIsi, bank: Filterbank | None) -> torch.Tensor:
    """The algorithm in torch, one signal (bin, frame), float64 after the integration; only whole frames of sound."""
    window = torch.from_numpy(hann_window(N_FFT)).double()
    rows, length = live.lookahead + 2, N_FFT + (live.lookahead + 1) * HOP
    integrate = integrator(min(live.lookahead, 1), live.tolerance)
    begun = live.lookahead - min(live.lookahead, 1)
    goal = torch.zeros(rows, N_FFT // 2 + 1, dtype=torch.float64)
    s = torch.zeros(rows, N_FFT // 2 + 1, dtype=torch.complex128)
    past, out = torch.zeros(length, dtype=torch.float64), []
    weights = None if bank is None else torch.from_numpy(bank.weights).double()
    for frame in frames.mT:
        goal = torch.cat([goal[1:-1], frame[None], frame[None]]).double()
        foreseen = torch.polar(goal[-2], s[-1].angle()) * (s[-1] != 0)
        s = torch.cat([s[1:-1], foreseen[None], torch.zeros_like(foreseen)[None]])
        if begun:
            integrate.phase[:] = (s[begun - 1].angle() / (2 * math.pi)).numpy()
        integrate.advance(frame.contiguous().numpy())
        s[begun] = torch.polar(goal[begun], 2 * math.pi * torch.from_numpy(integrate.phase).double())
        before = s.clone()
        for _ in range(live.n_iter):
            wave = past.clone()
            for j in range(rows):
                wave[j * HOP : j * HOP + N_FFT] += torch.fft.irfft(s[j]) * window
            wave /= 1.5  # the sum of squared Hann windows a quarter apart
            c = torch.stack([torch.fft.rfft(wave[j * HOP : j * HOP + N_FFT] * window) for j in range(rows)])
            towards = goal
            if weights is not None:
                ratio = (goal @ weights.T) / (c.abs() @ weights.T + 1e-30)
                own = c.abs() * (ratio @ weights) / (weights.sum(0) + 1e-30)
                towards = (goal * own).sqrt()
            t = c + live.momentum * (c - before)
            s = torch.polar(towards, t.angle()) * (t != 0)  # what nothing is known of yet stays open
            before = c
        past[:N_FFT] += torch.fft.irfft(s[0]) * window
        out.append(past[:HOP] / 1.5)
        past = torch.nn.functional.pad(past[HOP:], (0, HOP))
    return torch.cat(out)


def relative(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    return float((ours - theirs).norm() / theirs.norm())


@pytest.mark.parametrize("lookahead", [0, 1, 2])
@pytest.mark.parametrize("banded", [False, True])
def test_is_the_algorithm(lookahead: int, banded: bool) -> None:
    bank = mel_filterbank(44_100, n_fft=N_FFT, n_mels=40, f_min=0.0, f_max=22_050.0) if banded else None
    live = RtIsi(lookahead=lookahead, n_iter=3, momentum=0.5)
    frames = magnitude(melody(6_000))
    whole = slice(N_FFT + lookahead * HOP, None)  # from where all windows overlap
    ours = live.start(signals=1, bank=bank, **GRID).push(frames[None])[0, whole].double()
    theirs = plain(frames, live, bank)[whole]
    assert relative(ours[: 4 * HOP], theirs[: 4 * HOP]) < 1e-4
    assert relative(ours, theirs) < 1e-2  # rounding moves cells that hardly matter, and steps make that grow


def test_without_steps_it_is_rtpghi() -> None:
    frames = magnitude(melody(9_000))[None]
    for lookahead in (0, 1):
        bare = RtIsi(lookahead=lookahead, n_iter=0).start(signals=1, **GRID).push(frames)
        other = RtPghi(lookahead=lookahead).start(signals=1, **GRID).push(frames)
        torch.testing.assert_close(bare, other, atol=1e-3, rtol=0.0)


@pytest.mark.parametrize("n", [0, 1])
def test_it_beats_rtpghi_at_the_same_latency(n: int) -> None:
    wave = melody()
    assert live_convergence(RtIsi(lookahead=n), wave) < live_convergence(RtPghi(lookahead=n), wave) - 1.5


def test_lookahead_and_steps_pay() -> None:
    wave = melody()
    by_lookahead = [live_convergence(RtIsi(lookahead=n), wave) for n in (0, 1, 2, 3)]
    assert all(after < before - 0.3 for before, after in pairwise(by_lookahead))
    by_steps = [live_convergence(RtIsi(n_iter=n), wave) for n in (0, 2, 6, 16)]
    assert all(after < before - 0.3 for before, after in pairwise(by_steps))


def test_it_is_near_offline() -> None:
    wave = melody()
    rebuilt = Pghi().reconstruct(magnitude(wave), **GRID, length=len(wave))
    offline = float(spectral_convergence_db(wave, rebuilt, **GRID))
    assert live_convergence(RtIsi(), wave) < offline + 4.0


def test_bands_let_the_magnitude_follow_the_sound() -> None:
    """From mel bands, the sound is nearer when the stream knows that nothing else is known."""
    wave = melody()
    bank = mel_filterbank(44_100, n_fft=N_FFT, n_mels=64, f_min=0.0, f_max=22_050.0)
    padded = torch.nn.functional.pad(wave, (0, 8 * HOP))
    frames = linear_magnitude(torch.from_numpy(bank.weights) @ magnitude(padded), bank)[None]

    def convergence(known: Filterbank | None) -> float:
        stream = RtIsi().start(signals=1, bank=known, **GRID)
        sound = stream.push(frames)[0, stream.latency :][: len(wave)]
        return float(spectral_convergence_db(wave, sound, **GRID))

    assert convergence(bank) < convergence(None) - 0.15


@pytest.mark.parametrize("hop", [64, 100, 128, 256])
def test_a_complete_overlap_is_undone(hop: int) -> None:
    """Cut with the unit window, overlapped frames are the windowed sound again."""
    from timbrespace.transforms import framewise_kernels as kernels

    window = hann_window(512)
    wave = np.random.default_rng(0).standard_normal(512 + 39 * hop).astype(np.float32)
    frames = np.empty((40, 512), np.float32)
    kernels.cut(wave, window, hop, frames)
    again = np.empty_like(wave)
    past = np.zeros(512, np.float32)
    kernels.overlap(frames, window, hop, past, again)
    whole = np.empty((40, 512), np.float32)
    kernels.cut(again, _with_unit_overlap(window, hop), hop, whole)
    middle = slice(-(-512 // hop), 40 - -(-512 // hop))
    np.testing.assert_allclose(whole[middle], frames[middle], atol=1e-5)
    past[:] = 3.0
    kernels.overlap(frames * 0, window, hop, past, again)
    np.testing.assert_array_equal(again, np.r_[past, np.zeros(39 * hop, np.float32)])


def test_level_does_not_matter() -> None:
    frames = magnitude(chirp(9_000))[None]
    one, other = (RtIsi().start(signals=1, **GRID).push(s * frames) / s for s in (1.0, 1e-4))
    torch.testing.assert_close(one, other, atol=2e-2, rtol=0)


def test_bad_arguments_are_refused_in_words() -> None:
    with pytest.raises(ParameterError, match="RtIsi's 'lookahead' is 8; give 0 to 7 frames, usually 2"):
        RtIsi(lookahead=8)
    with pytest.raises(ParameterError, match="RtIsi's 'n_iter' is -1"):
        RtIsi(n_iter=-1)
    with pytest.raises(ParameterError, match=r"RtIsi's 'momentum' is 2\.0"):
        RtIsi(momentum=2.0)
    with pytest.raises(ParameterError, match=r"RtIsi's 'tolerance' is 0\.0"):
        RtIsi(tolerance=0.0)


def test_real_sounds_from_log_mel(real_data: Path) -> None:
    """Four loops: the default live inverse loses little against the offline one, and RTPGHI loses more."""
    transform = LogMel(44_100, gain=100.0)
    gaps: dict[str, list[float]] = {"RtIsi": [], "RtPghi": []}
    for path in sorted((real_data / "loops").rglob("*.flac"))[::80][:4]:
        wave = read(path).wave.mean(0)[None, None, :65_536]
        offline = transform.invert(transform(wave), length=wave.shape[-1])
        frames = transform(torch.nn.functional.pad(wave, (0, 8_192)))
        for live in (RtIsi(), RtPghi()):
            stream = transform.stream(channels=1, live=live)
            sound = stream.push(frames)[..., stream.latency :][..., : wave.shape[-1]]
            gap = spectral_convergence_db(wave, sound) - spectral_convergence_db(wave, offline)
            gaps[type(live).__name__].append(float(gap))
    assert np.mean(gaps["RtIsi"]) < 1.5
    assert np.mean(gaps["RtIsi"]) < np.mean(gaps["RtPghi"]) - 1.0
