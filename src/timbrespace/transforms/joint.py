"""Magnitude and phase refined together, held to the mel bands they came from."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from timbrespace.transforms.filterbank import Filterbank
from timbrespace.transforms.fourier import Fourier, interleaved


def refine_jointly(
    wave: Tensor,
    mel: Tensor,
    linear: Tensor,
    bank: Filterbank,
    *,
    n_fft: int,
    hop_length: int,
    n_iter: int,
    momentum: float = 0.99,
) -> Tensor:
    """Sounds (..., time) nearer to ``mel`` (..., band, frame) than ``wave``, after ``n_iter`` steps.

    Steps of fast Griffin-Lim that do not return to the fixed magnitude S0 = ``linear`` (..., bin, frame) but to
    ``sqrt(S0 EM(|C|))``, where C is the spectrum rebuilt from the last sound and EM one multiplicative step of
    :func:`~timbrespace.transforms.magnitude.linear_magnitude`. Mel bands leave open how energy lies within a band;
    the sound's own consistency decides it, which a fixed magnitude forbids. The two consistencies are those of
    Y. Masuyama, N. Ueno, N. Ono 2023 (https://arxiv.org/abs/2307.12232); the geometric mean with S0 keeps the
    steps from wandering.
    """
    n_frames = mel.shape[-1]
    n_samples = wave.shape[-1]
    out = wave.clone()
    if n_iter == 0 or n_frames == 0 or n_samples == 0:
        return out
    fourier = Fourier(n_fft, hop_length)
    envelope = fourier.envelope(n_frames, n_samples)
    mels = mel.mT.reshape(-1, n_frames, bank.rows.size).contiguous()
    anchors = linear.mT.reshape(-1, n_frames, fourier.n_bins).contiguous()
    for target, bands, anchor in zip(out.view(-1, n_samples), mels, anchors, strict=True):
        if target.any():
            _refine(target.numpy(), bands.numpy(), anchor.numpy(), bank, fourier, envelope, n_iter, momentum)
    return out


def _refine(
    wave: np.ndarray,
    mel: np.ndarray,
    anchor: np.ndarray,
    bank: Filterbank,
    fourier: Fourier,
    envelope: np.ndarray,
    n_iter: int,
    momentum: float,
) -> None:
    from timbrespace.transforms import mel_kernels as kernels

    spectrum = torch.empty(anchor.shape, dtype=torch.complex64)
    parts = interleaved(spectrum)
    previous = np.zeros_like(parts)
    inertia = momentum / (1.0 + momentum)
    sparse = (bank.weights, bank.start, bank.stop, bank.band, bank.low, bank.high, bank.columns)
    for _ in range(n_iter):
        for first, block in fourier.blocks(wave, stop=len(mel)):
            rows = slice(first, first + len(block))
            kernels.joint_step(block, previous[rows], anchor[rows], mel[rows], *sparse, inertia, parts[rows])
        fourier.inverse(spectrum, envelope, wave)
