"""What live phase reconstructions share: frame after frame, cleaned, reconstructed, overlapped."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from timbrespace.core.errors import ParameterError
from timbrespace.transforms.base import PhaseStream
from timbrespace.transforms.fourier import ENVELOPE_FLOOR, check_stft, hann_window

LOUDEST, QUIETEST = 1e8, 1e-10
"""Magnitudes are held below the first and are 0 below the second; a full-scale sine has ``n_fft / 4``. So no square
or ratio overflows, and decaying tails end 230 dB down, before they reach the numbers that processors are slow with."""


class Voice(ABC):
    """One signal's live reconstruction: what it remembers of the frames so far.

    ``lookahead`` frames are awaited before one is decided.
    """

    def __init__(self, *, n_fft: int, hop_length: int, lookahead: int) -> None:
        self.n_bins = n_fft // 2 + 1
        self.lookahead = lookahead
        self.overlap = OverlapAdd(n_fft, hop_length)

    @abstractmethod
    def spectrum(self, magnitude: np.ndarray) -> Tensor:
        """Given the :func:`clean` ``magnitude`` (bin) of the next frame, the spectrum (bin) ``lookahead`` before it.

        Called once for every frame, in order. Frames before the first are silent; what is answered for them is not
        used.
        """

    @abstractmethod
    def clear(self) -> None:
        """Forget every frame."""


class FramewiseStream(PhaseStream):
    """Takes one frame of one signal at a time, whatever the blocks, so that every split gives the same samples."""

    def __init__(self, make_voice: Callable[[], Voice], *, n_fft: int, hop_length: int, signals: int) -> None:
        check_stft(n_fft, hop_length, where="A live phase reconstruction")
        if signals < 1:
            raise ParameterError(f"A live phase reconstruction was started for {signals} signals; give 1 or more.")
        self._voices = [make_voice() for _ in range(signals)]
        self._n_fft = n_fft
        self._hop_length = hop_length
        self._frame = 0

    @property
    def latency(self) -> int:
        return self._n_fft // 2 + self._voices[0].lookahead * self._hop_length

    def push(self, magnitude: Tensor) -> Tensor:
        signals, hop = len(self._voices), self._hop_length
        expected = (signals, self._n_fft // 2 + 1)
        if magnitude.ndim != 3 or magnitude.shape[:2] != expected:
            raise ParameterError(
                f"The stream takes magnitudes of shape ({expected[0]}, {expected[1]}, frames), not"
                f" {tuple(magnitude.shape)}; start one for other signals or another 'n_fft'."
            )
        frames = clean(magnitude.detach().to("cpu", torch.float32).permute(2, 0, 1))
        out = torch.zeros(signals, len(frames) * hop)
        for t, frame in enumerate(frames.numpy()):
            for voice, row, sound in zip(self._voices, frame, out.numpy(), strict=True):
                self._step(voice, row, sound[t * hop : (t + 1) * hop])
            self._frame += 1
        return out

    def _step(self, voice: Voice, magnitude: np.ndarray, out: np.ndarray) -> None:
        spectrum = voice.spectrum(magnitude)
        decided = self._frame - voice.lookahead
        if decided >= 0:
            voice.overlap.add(spectrum, decided, out)

    def reset(self) -> None:
        self._frame = 0
        for voice in self._voices:
            voice.overlap.clear()
            voice.clear()


def clean(magnitude: Tensor) -> Tensor:
    """A contiguous copy with negative, non-finite and vanishing cells at 0 and none above :data:`LOUDEST`."""
    x = torch.nan_to_num(magnitude, nan=0.0, posinf=0.0, neginf=0.0).clamp_max_(LOUDEST)
    return x.masked_fill_(x < QUIETEST, 0.0).contiguous()


class OverlapAdd:
    """Sound from spectra, one frame after another: the least-squares inverse of Griffin and Lim (1984).

    Once a frame is added, the ``hop_length`` samples from where it begins are complete.
    """

    def __init__(self, n_fft: int, hop_length: int) -> None:
        from timbrespace.transforms import framewise_kernels

        self._complete = framewise_kernels.complete
        self._n_fft = n_fft
        self._hop_length = hop_length
        self._window = hann_window(n_fft)
        self._weight = np.zeros(n_fft, np.float32)
        self._frame = torch.empty(n_fft)
        self.pending = np.zeros(n_fft, np.float32)
        """The sum, not yet divided by that of the squared windows, from where the next frame begins."""

    def clear(self) -> None:
        """Forget every frame."""
        self.pending[:] = 0.0
        self._weight[:] = 0.0

    def add(self, spectrum: Tensor, number: int, out: np.ndarray) -> None:
        """Add the ``spectrum`` (bin) of frame ``number``; write the ``hop_length`` complete samples to ``out``.

        Samples before the sound's first, which is the middle of frame 0, are 0.
        """
        hop, before = self._hop_length, self._n_fft // 2 - number * self._hop_length
        torch.fft.irfft(spectrum, n=self._n_fft, out=self._frame)
        frame = self._frame.numpy()
        self._complete(frame, self._window, hop, ENVELOPE_FLOOR, before, self.pending, self._weight, out)
