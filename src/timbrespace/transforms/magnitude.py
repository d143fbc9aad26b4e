"""Linear magnitude from mel magnitude by multiplicative EM steps."""

from __future__ import annotations

import torch
from torch import Tensor

from timbrespace.transforms.filterbank import Filterbank


def linear_magnitude(mel: Tensor, bank: Filterbank, *, n_iter: int = 30) -> Tensor:
    """Non-negative magnitude (..., bin, frame) whose mel bands are close to ``mel`` (..., band, frame).

    With the filterbank F: ``S = Fᵀ(mel / row sums) / column sums``, then ``n_iter`` times
    ``S *= Fᵀ(mel / (F S)) / column sums``. These are the EM steps for Poisson counts (L. A. Shepp and Y. Vardi
    1982, W. H. Richardson 1972; D. D. Lee and H. S. Seung 2001): the generalised Kullback-Leibler divergence
    from F S to mel never increases, zeros stay zeros, and bins no band covers are zero.

    Runs on the CPU, without gradients; the result is frame-major in memory.
    """
    from timbrespace.transforms import mel_kernels as kernels

    n_mels, n_frames = mel.shape[-2:]
    rows = mel.detach().to("cpu", torch.float32).reshape(mel.shape[:-2].numel(), n_mels, n_frames).contiguous()
    out = torch.empty(len(rows), n_frames, bank.band.size)
    for row, target in zip(rows, out, strict=True):
        kernels.expectation_maximisation(
            row.numpy(), bank.band, bank.low, bank.high, bank.rows, bank.columns, n_iter, target.numpy()
        )
    return out.reshape(*mel.shape[:-2], n_frames, bank.band.size).mT.to(mel.device)


def frame_magnitude(mel: Tensor, bank: Filterbank, *, n_iter: int = 30) -> Tensor:
    """:func:`linear_magnitude` of single frames (..., band), some ten times as fast for one: (..., bin).

    The two agree to rounding; this one's zeros begin at 1e-25.
    """
    from timbrespace.transforms import mel_kernels as kernels

    b = bank
    rows = mel.detach().to("cpu", torch.float32).reshape(mel.shape[:-1].numel(), mel.shape[-1]).contiguous()
    out = torch.empty(len(rows), b.band.size)
    for row, target in zip(rows.numpy(), out.numpy(), strict=True):
        kernels.expectation_maximisation_frame(
            row, b.weights, b.start, b.stop, b.band, b.low, b.high, b.rows, b.columns, n_iter, target
        )
    return out.reshape(*mel.shape[:-1], b.band.size)
