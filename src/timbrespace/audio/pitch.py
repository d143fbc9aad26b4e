"""Fundamental frequency, frame by frame, by YIN on a decimated sound."""

from __future__ import annotations

import numpy as np
import torch

LOWEST_HZ, HIGHEST_HZ = 30.0, 4000.0
THRESHOLD = 0.15
"""Greatest aperiodicity (share of power that does not repeat) of a frame with a fundamental frequency."""
WINDOW_SECONDS = 0.08
BLOCK = 128


def track_pitch(mono: np.ndarray, sample_rate: int, *, hop_length: int = 512) -> np.ndarray:
    """f0 in Hz of frames centred on multiples of ``hop_length`` of ``mono`` (time), NaN where there is none.

    YIN (de Cheveigné and Kawahara 2002): the least lag whose cumulative mean normalised difference
    ``d'(lag) = d(lag) lag / sum(d(1) ... d(lag))`` dips below :data:`THRESHOLD`. The sound is halved in rate while
    that stays above 16 kHz. ``d`` compares the samples about the frame's centre with those that
    follow them, 80 ms in all, by fast transforms. The lag is refined by parabolas at its multiples 2, 4, ... up to 64
    samples, so that the error of a high note is divided by as much.
    """
    from timbrespace.audio import pitch_kernels as kernels

    sound, rate, factor = np.ascontiguousarray(mono, np.float32), float(sample_rate), 1
    while rate >= 2 * 16_000:
        sound, rate, factor = kernels.halved(sound), rate / 2, 2 * factor
    size = 1 << round(np.log2(WINDOW_SECONDS * rate))
    longest = min(int(rate / LOWEST_HZ) + 2, size // 2)
    n_frames = mono.size // hop_length + 1
    f0 = np.full(n_frames, np.nan, np.float32)
    heads, wholes = (torch.zeros(BLOCK, size) for _ in range(2))
    for first in range(0, n_frames, BLOCK):
        n = min(BLOCK, n_frames - first)
        kernels.cut(sound, first, hop_length / factor, size - longest, heads[:n].numpy(), wholes[:n].numpy())
        correlation = _correlate(heads[:n], wholes[:n], longest)
        limits = np.array([rate, max(2.0, rate / HIGHEST_HZ), longest, THRESHOLD])
        kernels.periods(correlation, wholes[:n].numpy(), size - longest, limits, f0[first : first + n])
    return f0


def _correlate(heads: torch.Tensor, wholes: torch.Tensor, longest: int) -> np.ndarray:
    """``sum_j head[j] whole[j + lag]`` for lags 0 to ``longest``; no lag wraps around, since heads end early."""
    spectrum = torch.fft.rfft(heads).conj() * torch.fft.rfft(wholes)
    return np.ascontiguousarray(torch.fft.irfft(spectrum, n=heads.shape[1])[:, : longest + 1].numpy())
