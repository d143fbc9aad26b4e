"""What phase reconstructions share: checks, and the walk over the signals of a batch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from timbrespace.core.errors import ParameterError
from timbrespace.transforms.fourier import Fourier, check_stft

Rebuild = Callable[[Tensor, Fourier, np.ndarray, np.ndarray], None]
"""Given magnitude (frame, bin), the transform and its envelope, writes the sound to the last argument."""


def check_iterations(name: str, n_iter: int, momentum: float) -> None:
    """Raise :class:`ParameterError` for a negative number of steps or a momentum that diverges."""
    if n_iter < 0:
        raise ParameterError(f"{name}'s 'n_iter' is {n_iter}; it counts steps, so give 0 or more.")
    if not 0.0 <= momentum <= 1.5:
        raise ParameterError(f"{name}'s 'momentum' is {momentum}; choose between 0 (none) and 1.5, usually 0.99.")


def each_signal(
    rebuild: Rebuild, magnitude: Tensor, *, n_fft: int, hop_length: int, length: int | None = None
) -> Tensor:
    """Call ``rebuild`` for every signal of ``magnitude`` (..., bin, frame) and gather the sounds (..., time).

    Cells that are negative or not finite count as 0; a silent signal stays silent. A sound longer than its
    frames reach ends in zeros, a shorter one is cut.
    """
    check_stft(n_fft, hop_length, where="A phase reconstruction")
    n_bins, n_frames = magnitude.shape[-2:]
    if n_bins != n_fft // 2 + 1:
        raise ParameterError(
            f"The magnitude has {n_bins} bins (axis -2), but 'n_fft' {n_fft} makes {n_fft // 2 + 1};"
            " give the 'n_fft' it was made with."
        )
    spoken = hop_length * max(n_frames - 1, 0)
    n_samples = spoken if length is None else length
    if n_samples < 0:
        raise ParameterError(f"'length' is {length}; a sound has 0 samples or more.")
    out = torch.zeros(magnitude.shape[:-2].numel(), n_samples)
    if n_frames == 0 or n_samples == 0:
        return out.reshape(*magnitude.shape[:-2], n_samples).to(magnitude.device)
    # Frames before the end of the sound take part in full, so a cut is the same as cutting afterwards.
    covered = max(spoken, min(n_samples, spoken + n_fft // 2))
    frames = magnitude.detach().to("cpu", torch.float32).mT.reshape(len(out), n_frames, n_bins)
    frames = frames.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0).clamp_min_(0.0).contiguous()
    fourier = Fourier(n_fft, hop_length)
    envelope = fourier.envelope(n_frames, covered)
    wave = np.empty(covered, np.float32)
    for row, target in zip(frames, out, strict=True):
        if row.any():
            rebuild(row, fourier, envelope, wave)
            shared = min(covered, n_samples)
            target[:shared] = torch.from_numpy(wave[:shared])
    return out.reshape(*magnitude.shape[:-2], n_samples).to(magnitude.device)
