"""Fast Griffin-Lim: alternating projections with momentum."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from timbrespace.core.seeds import numpy_generator
from timbrespace.transforms.base import PhaseReconstruction
from timbrespace.transforms.fourier import Fourier, interleaved
from timbrespace.transforms.phase import check_iterations, each_signal


class GriffinLim(PhaseReconstruction):
    """Fast Griffin-Lim from random phase (N. Perraudin, P. Balazs, P. L. Søndergaard 2013).

    ``n_iter`` steps of ``c = STFT(ISTFT(|S| exp(i angle t)))``, ``t = c + momentum (c - c_before)``; momentum 0 is
    the algorithm of D. W. Griffin and J. S. Lim (1984). The first phase is uniform, drawn from ``seed``, the same
    for every signal of a batch.
    """

    def __init__(self, *, n_iter: int = 32, momentum: float = 0.99, seed: int = 0) -> None:
        check_iterations("GriffinLim", n_iter, momentum)
        self.n_iter = n_iter
        self.momentum = momentum
        self.seed = seed

    def reconstruct(self, magnitude: Tensor, *, n_fft: int, hop_length: int, length: int | None = None) -> Tensor:
        noise = numpy_generator(self.seed, "griffin-lim").random((magnitude.shape[-1], n_fft // 2 + 1), np.float32)
        angle = torch.from_numpy(noise).mul_(2 * math.pi)

        def rebuild(frames: Tensor, fourier: Fourier, envelope: np.ndarray, out: np.ndarray) -> None:
            spectrum = torch.polar(frames, angle)
            refine(frames, spectrum, fourier, envelope, out, n_iter=self.n_iter, momentum=self.momentum)

        return each_signal(rebuild, magnitude, n_fft=n_fft, hop_length=hop_length, length=length)


def refine(
    magnitude: Tensor,
    spectrum: Tensor,
    fourier: Fourier,
    envelope: np.ndarray,
    out: np.ndarray,
    *,
    n_iter: int,
    momentum: float,
) -> None:
    """Improve ``spectrum`` (frame, bin), in place, by ``n_iter`` fast steps and write its sound to ``out``.

    ``magnitude`` (frame, bin) is what every step returns to.
    """
    from timbrespace.transforms import fourier_kernels as kernels

    inertia = momentum / (1.0 + momentum)
    goal = magnitude.numpy()
    parts = interleaved(spectrum)
    previous = np.zeros_like(parts)
    for _ in range(n_iter):
        fourier.inverse(spectrum, envelope, out)
        for first, block in fourier.blocks(out, stop=len(goal)):
            rows = slice(first, first + len(block))
            kernels.fast_step(block, previous[rows], goal[rows], inertia, parts[rows])
    fourier.inverse(spectrum, envelope, out)
