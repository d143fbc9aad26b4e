"""Log-magnitude frames on the linear frequency scale."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from timbrespace.core.component import Wired
from timbrespace.transforms.base import PhaseReconstruction
from timbrespace.transforms.log_magnitude import LogMagnitude


class LogStft(LogMagnitude):
    """Normalised ``log(1 + gain |STFT|)``: ``n_fft // 2 + 1`` features from 0 Hz to half of ``sample_rate``.

    ``gain`` is learned by :meth:`fit` unless given, see :class:`LogMagnitude`.
    """

    def __init__(
        self, sample_rate: Wired[int], *, n_fft: int = 2048, hop_length: int = 512, gain: float | None = None
    ) -> None:
        super().__init__(sample_rate, n_fft=n_fft, hop_length=hop_length, gain=gain)

    @property
    def n_features(self) -> int:
        return self.n_fft // 2 + 1

    def magnitude_to_wave(self, magnitude: Tensor, *, length: int, phase: PhaseReconstruction) -> Tensor:
        return phase.reconstruct(magnitude, n_fft=self.n_fft, hop_length=self.hop_length, length=length)

    def banded(self, magnitude: Tensor) -> Tensor:
        return magnitude.mT

    def unbanded(self, magnitude: Tensor) -> Tensor:
        return magnitude

    def _frame_to_linear(self, magnitude: Tensor) -> Tensor:
        return magnitude

    def _from_spectrum(self, spectrum: Tensor) -> Tensor:
        return spectrum.abs()

    def _from_block(self, block: np.ndarray, first: int, out: np.ndarray) -> None:
        from timbrespace.transforms import fourier_kernels as kernels

        kernels.magnitudes(block, first, out)
