"""Phase gradient heap integration, then a few steps of fast Griffin-Lim."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from timbrespace.core.errors import ParameterError
from timbrespace.core.seeds import numpy_generator
from timbrespace.transforms.base import PhaseReconstruction
from timbrespace.transforms.fourier import Fourier
from timbrespace.transforms.griffin_lim import refine
from timbrespace.transforms.phase import check_iterations, each_signal

HANN_GAMMA = 0.25645
"""A Hann window of n samples is nearest to the Gaussian exp(-pi t² / gamma) with gamma = 0.25645 n²
(Průša, Balazs, Søndergaard 2017, table I)."""

RANKS = 4096
"""Steps of level in the queue, each 0.03 dB at the default tolerance: the order of integration is exact to that."""


class Pghi(PhaseReconstruction):
    """Phase from the gradient of the log-magnitude (Z. Průša, P. Balazs, P. L. Søndergaard 2017).

    For a Gaussian window of width gamma, ``d phase / d time`` and ``d phase / d frequency`` follow from the
    derivatives of ``log |S|`` along the other axis; they are integrated with the trapezoidal rule from the loudest
    cells outwards. Cells below ``tolerance`` times the peak get a random phase drawn from ``seed``. Then come
    ``n_iter`` steps of fast Griffin-Lim with ``momentum``. Global in time: not for streaming.
    """

    def __init__(self, *, n_iter: int = 10, momentum: float = 0.99, tolerance: float = 1e-6, seed: int = 0) -> None:
        check_iterations("Pghi", n_iter, momentum)
        if not 1e-10 <= tolerance < 1.0:
            raise ParameterError(
                f"Pghi's 'tolerance' is {tolerance}; it is a share of the peak from 1e-10 to below 1, usually 1e-6."
            )
        self.n_iter = n_iter
        self.momentum = momentum
        self.tolerance = tolerance
        self.seed = seed

    def reconstruct(self, magnitude: Tensor, *, n_fft: int, hop_length: int, length: int | None = None) -> Tensor:
        def rebuild(frames: Tensor, fourier: Fourier, envelope: np.ndarray, out: np.ndarray) -> None:
            spectrum = torch.polar(frames, self._angle(frames, n_fft, hop_length))
            refine(frames, spectrum, fourier, envelope, out, n_iter=self.n_iter, momentum=self.momentum)

        return each_signal(rebuild, magnitude, n_fft=n_fft, hop_length=hop_length, length=length)

    def phase(self, magnitude: Tensor, *, n_fft: int, hop_length: int) -> Tensor:
        """The integrated phase in radians, before any Griffin-Lim, of one magnitude (bin, frame)."""
        return self._angle(magnitude.float().mT.contiguous(), n_fft, hop_length).mT

    def _angle(self, frames: Tensor, n_fft: int, hop_length: int) -> Tensor:
        from timbrespace.transforms import pghi_kernels as kernels

        n_frames, n_bins = frames.shape
        peak = float(frames.max())
        # The floor keeps the slope next to an empty cell finite; 1e-12 of the peak is far below any tolerance.
        level = (frames / peak).clamp_min_(1e-12).log_()
        steps = RANKS / math.log(self.tolerance)
        rank = (level * steps).clamp_max_(RANKS).to(torch.int16).numpy()
        along_time, along_frequency = np.empty((2, n_frames, n_bins), np.float32)
        width = HANN_GAMMA * n_fft / hop_length
        kernels.gradients(level.numpy(), hop_length / n_fft, width, along_time, along_frequency)
        phase = numpy_generator(self.seed, "pghi").random((n_frames, n_bins), np.float32)
        kernels.integrate(rank.ravel(), RANKS, n_bins, along_time.ravel(), along_frequency.ravel(), phase.ravel())
        return torch.from_numpy(phase).mul_(2 * math.pi)
