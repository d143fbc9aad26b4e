"""The short-time Fourier transform and its inverse, in blocks that stay in the processor's cache.

Conventions are those of librosa and ``torch.stft``: periodic Hann window, frame ``t`` centred on sample
``t * hop_length``, zeros outside the sound, no scaling forward, phase counted from the first sample of the
frame. Spectra are kept frame-major in memory, because that is the order in which they are made and used.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from timbrespace.core.errors import ParameterError

BLOCK_BYTES = 1 << 19
"""Bytes of the frames worked on at once; with their spectrum they fill one mebibyte, a usual second-level cache."""

ENVELOPE_FLOOR = 1e-3
"""Least sum of squared windows the inverse divides by. It is reached only after the centre of the last frame,
and only if ``hop_length > n_fft / 4``; below it a magnitude's errors would be blown up, so the sound fades."""


def frame_count(n_samples: int, hop_length: int) -> int:
    """Frames of a centred analysis: ``n_samples // hop_length + 1``."""
    return n_samples // hop_length + 1


def hann_window(n_fft: int) -> np.ndarray:
    """The periodic Hann window, ``sin²(pi n / n_fft)``, of ``n_fft`` samples in float32."""
    return np.asarray(np.sin(np.pi * np.arange(n_fft) / n_fft) ** 2, dtype=np.float32)


WindowName = Literal["hann", "hamming"]


def analysis_window(name: WindowName, n_fft: int) -> np.ndarray:
    """A periodic window of ``n_fft`` samples in float32: Hann's, or Hamming's ``0.54 - 0.46 cos(2 pi n / n_fft)``."""
    if name == "hann":
        return hann_window(n_fft)
    return np.asarray(0.54 - 0.46 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft), np.float32)


MAX_FFT = 1 << 16
"""A second and a half at 44.1 kHz: longer windows describe pieces, not sounds; a number beyond is a mistake."""


def check_stft(n_fft: int, hop_length: int, *, where: str) -> None:
    """Raise :class:`ParameterError` unless ``n_fft`` and ``hop_length`` make an invertible transform."""
    if not 16 <= n_fft <= MAX_FFT or n_fft % 2:
        raise ParameterError(f"{where}'s 'n_fft' is {n_fft}; it must be an even number of samples, 16 to {MAX_FFT}.")
    if not 1 <= hop_length <= n_fft // 2:
        raise ParameterError(
            f"{where}'s 'hop_length' is {hop_length}; to be invertible it must lie between 1 and half of"
            f" 'n_fft' ({n_fft // 2}); a quarter ({n_fft // 4}) is usual."
        )


class Fourier:
    """One STFT: ``n_fft`` samples per frame, ``hop_length`` samples between frames, Hann's ``window`` if none is given.

    Works on one mono signal at a time, a contiguous float32 array; its scratch memory belongs to the
    object, so make one per call (making it is cheap) and share none between threads.
    """

    def __init__(self, n_fft: int, hop_length: int, *, window: np.ndarray | None = None) -> None:
        self.n_fft = n_fft
        self.hop_length = hop_length
        self.n_bins = n_fft // 2 + 1
        self.window = hann_window(n_fft) if window is None else window
        self._block = max(8, BLOCK_BYTES // (4 * n_fft))
        self._frames = torch.empty(self._block, n_fft)
        self._spectrum = torch.empty(self._block, self.n_bins, dtype=torch.complex64)

    def blocks(self, wave: np.ndarray, *, first: int = 0, stop: int | None = None) -> Iterator[tuple[int, np.ndarray]]:
        """Spectra of frames ``first`` to ``stop``, in blocks: yields the first frame's number and (frame, 2 bins).

        Real and imaginary parts are interleaved. The array is scratch: it is overwritten by the next block.
        """
        from timbrespace.transforms import fourier_kernels as kernels

        end = frame_count(wave.size, self.hop_length) if stop is None else stop
        frames = self._frames.numpy()
        for start in range(first, end, self._block):
            n = min(self._block, end - start)
            kernels.cut(wave, self.window, start, self.hop_length, frames[:n])
            spectrum = self._spectrum[:n]
            torch.fft.rfft(self._frames[:n], out=spectrum)
            yield start, interleaved(spectrum)

    def forward(self, wave: np.ndarray) -> Tensor:
        """The spectrum (frame, bin), complex64, of ``wave``."""
        spectrum = torch.empty(frame_count(wave.size, self.hop_length), self.n_bins, dtype=torch.complex64)
        parts = interleaved(spectrum)
        for first, block in self.blocks(wave):
            parts[first : first + len(block)] = block
        return spectrum

    def envelope(self, n_frames: int, n_samples: int) -> np.ndarray:
        """What the inverse multiplies by: one over the sum of squared windows at each sample."""
        from timbrespace.transforms import fourier_kernels as kernels

        total = np.zeros(n_samples, np.float32)
        row = np.ascontiguousarray(self.window[None])
        for t in range(n_frames):
            kernels.overlap_add(row, self.window, t, self.hop_length, total)
        return np.asarray(1.0 / np.maximum(total, ENVELOPE_FLOOR), dtype=np.float32)

    def inverse(self, spectrum: Tensor, envelope: np.ndarray, out: np.ndarray) -> np.ndarray:
        """The sound whose STFT is nearest to ``spectrum`` (Griffin and Lim 1984), written to ``out``.

        ``envelope`` comes from :meth:`envelope` for the same numbers of frames and samples.
        """
        from timbrespace.transforms import fourier_kernels as kernels

        out[:] = 0.0
        frames = self._frames.numpy()
        for first in range(0, spectrum.shape[0], self._block):
            n = min(self._block, spectrum.shape[0] - first)
            torch.fft.irfft(spectrum[first : first + n], n=self.n_fft, out=self._frames[:n])
            kernels.overlap_add(frames[:n], self.window, first, self.hop_length, out)
        out *= envelope
        return out


def interleaved(spectrum: Tensor) -> np.ndarray:
    """A complex (frame, bin) tensor seen as real (frame, 2 bins), sharing memory."""
    parts: Any = torch.view_as_real(spectrum).flatten(1).numpy()
    return np.asarray(parts)


def stft(wave: Tensor, *, n_fft: int, hop_length: int) -> Tensor:
    """The spectrum (..., bin, frame), complex64, of sounds (..., time).

    Equal to ``torch.stft(..., pad_mode="constant", return_complex=True)`` with a periodic Hann window; not
    differentiable.
    """
    check_stft(n_fft, hop_length, where="stft")
    fourier = Fourier(n_fft, hop_length)
    rows = _rows(wave)
    spectra = [fourier.forward(row.numpy()) for row in rows]
    n_frames = frame_count(wave.shape[-1], hop_length)
    stacked = torch.stack(spectra) if spectra else torch.empty(0, n_frames, fourier.n_bins, dtype=torch.complex64)
    return stacked.reshape(*wave.shape[:-1], n_frames, fourier.n_bins).mT


def istft(spectrum: Tensor, *, n_fft: int, hop_length: int, length: int | None = None) -> Tensor:
    """Sounds (..., time) whose spectra are nearest, in least squares, to ``spectrum`` (..., bin, frame).

    ``length`` defaults to ``hop_length * (frames - 1)`` samples; what no frame covers is zero.
    Inverts :func:`stft` exactly for ``hop_length <= n_fft / 4`` (see :data:`ENVELOPE_FLOOR`).
    """
    check_stft(n_fft, hop_length, where="istft")
    fourier = Fourier(n_fft, hop_length)
    n_frames = spectrum.shape[-1]
    n_samples = hop_length * max(n_frames - 1, 0) if length is None else length
    envelope = fourier.envelope(n_frames, n_samples)
    rows = spectrum.detach().cpu().mT.reshape(spectrum.shape[:-2].numel(), n_frames, fourier.n_bins)
    out = torch.empty(len(rows), n_samples)
    for row, target in zip(rows, out, strict=True):
        fourier.inverse(row.to(torch.complex64).contiguous(), envelope, target.numpy())
    return out.reshape(*spectrum.shape[:-2], n_samples).to(spectrum.device)


def _rows(wave: Tensor) -> Tensor:
    return wave.detach().to("cpu", torch.float32).reshape(wave.shape[:-1].numel(), wave.shape[-1]).contiguous()
