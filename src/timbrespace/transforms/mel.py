"""Log-mel frames: the default transform."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from timbrespace.core.component import Wired
from timbrespace.core.errors import ParameterError
from timbrespace.transforms.base import PhaseReconstruction
from timbrespace.transforms.filterbank import Filterbank, mel_filterbank
from timbrespace.transforms.fourier import check_stft
from timbrespace.transforms.joint import refine_jointly
from timbrespace.transforms.log_magnitude import LogMagnitude
from timbrespace.transforms.magnitude import frame_magnitude, linear_magnitude

TINY = 1e-12
MAX_BANDS = 1024
"""The filterbank is held densely: with the longest window that is 134 MB."""


class LogMel(LogMagnitude):
    """Normalised ``log(1 + gain F |STFT|)`` with Slaney's mel filterbank F.

    ``n_fft`` and ``hop_length`` in samples, ``n_mels`` bands from ``f_min`` to ``f_max`` Hz (half of
    ``sample_rate`` if not given). ``gain`` is learned by :meth:`fit` unless given, see :class:`LogMagnitude`.
    The way back solves for the magnitude by ``em_steps`` multiplicative steps
    (:func:`~timbrespace.transforms.magnitude.linear_magnitude`), then for the phase, then refines both together in
    ``joint_steps`` (:func:`~timbrespace.transforms.joint.refine_jointly`).

    >>> transform = LogMel(44_100)
    >>> frames = transform(torch.zeros(1, 1, 65_536))
    >>> frames.shape, transform.invert(frames, length=65_536).shape
    (torch.Size([1, 1, 128, 129]), torch.Size([1, 1, 65536]))
    """

    weights: Tensor

    def __init__(
        self,
        sample_rate: Wired[int],
        *,
        n_fft: int = 2048,
        hop_length: int = 512,
        n_mels: int = 128,
        f_min: float = 0.0,
        f_max: float | None = None,
        gain: float | None = None,
        em_steps: int = 30,
        joint_steps: int = 16,
    ) -> None:
        check_stft(n_fft, hop_length, where="LogMel")
        if not 1 <= n_mels <= min(MAX_BANDS, n_fft // 2 + 1):
            raise ParameterError(
                f"LogMel's 'n_mels' is {n_mels}; give 1 band or more, usually 128, and no more than"
                f" {min(MAX_BANDS, n_fft // 2 + 1)} for 'n_fft' {n_fft}."
            )
        self.n_mels = n_mels
        super().__init__(sample_rate, n_fft=n_fft, hop_length=hop_length, gain=gain)
        top = 0.5 * sample_rate if f_max is None else f_max
        if not 0.0 <= f_min < top <= 0.5 * sample_rate:
            raise ParameterError(
                f"LogMel's bands from 'f_min' {f_min:g} to 'f_max' {top:g} Hz do not fit; they must rise and lie"
                f" between 0 and half of the sample rate, {0.5 * sample_rate:g} Hz."
            )
        for name, steps in (("em_steps", em_steps), ("joint_steps", joint_steps)):
            if steps < 0:
                raise ParameterError(f"LogMel's {name!r} is {steps}; it counts steps, so give 0 or more.")
        self.f_min = f_min
        self.f_max = f_max
        self.em_steps = em_steps
        self.joint_steps = joint_steps
        self.bank = mel_filterbank(sample_rate, n_fft=n_fft, n_mels=n_mels, f_min=f_min, f_max=top)
        self.register_buffer("weights", torch.from_numpy(self.bank.weights), persistent=False)

    @property
    def n_features(self) -> int:
        return self.n_mels

    def magnitude_to_wave(self, magnitude: Tensor, *, length: int, phase: PhaseReconstruction) -> Tensor:
        grid = {"n_fft": self.n_fft, "hop_length": self.hop_length}
        linear = linear_magnitude(magnitude, self.bank, n_iter=self.em_steps)
        wave = phase.reconstruct(linear, length=length, **grid)
        return refine_jointly(wave, magnitude, linear, self.bank, n_iter=self.joint_steps, **grid)

    def _bank(self) -> Filterbank:
        return self.bank

    def banded(self, magnitude: Tensor) -> Tensor:
        return (magnitude @ self.weights.T).mT

    def unbanded(self, magnitude: Tensor) -> Tensor:
        """The EM steps of :func:`~timbrespace.transforms.magnitude.linear_magnitude` as matrix products."""
        mel, bank = magnitude.mT, self.weights
        columns = bank.sum(0)
        covered = torch.where(columns > 0, 1.0 / columns.clamp_min(TINY), 0.0)
        linear = (mel / bank.sum(1)) @ bank * covered
        for _ in range(self.em_steps):
            linear = linear * ((mel / (linear @ bank.T).clamp_min(TINY)) @ bank * covered)
        return linear.mT

    def _frame_to_linear(self, magnitude: Tensor) -> Tensor:
        return frame_magnitude(magnitude, self.bank, n_iter=self.em_steps)

    def _from_spectrum(self, spectrum: Tensor) -> Tensor:
        return self.weights.to(spectrum.real.dtype) @ spectrum.abs()

    def _from_block(self, block: np.ndarray, first: int, out: np.ndarray) -> None:
        from timbrespace.transforms import mel_kernels as kernels

        kernels.mel_magnitudes(block, self.bank.weights, self.bank.start, self.bank.stop, first, out)
