"""Log-magnitude frames of a Hamming-windowed STFT whose phase can be kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from timbrespace.core.component import Wired
from timbrespace.core.errors import ParameterError
from timbrespace.core.shapes import Frames, Wave
from timbrespace.layers.overlap import overlap_add
from timbrespace.transforms.base import PhaseReconstruction
from timbrespace.transforms.fourier import ENVELOPE_FLOOR
from timbrespace.transforms.log_magnitude import LogMagnitude
from timbrespace.transforms.peaks import Peaks

Turns = Float[Tensor, "batch channel bin frame"]


class PhasedStft(LogMagnitude):
    """Normalised ``log(1 + gain |STFT|)`` with a sliding Hamming window: ``n_fft // 2 + 1`` features.

    ``phase(wave)`` is the phase that the magnitudes leave out; :meth:`restore` puts it back under magnitudes that a
    model has changed, so that a sound keeps its transients and its pitch to the cent while its spectrum is another.
    ``invert`` predicts the phase from peaks
    (:class:`~timbrespace.transforms.peaks.Peaks`), live too. Other reconstructions can be given; they were made for
    Hann's window, from which Hamming's differs little.
    """

    def __init__(
        self, sample_rate: Wired[int], *, n_fft: int = 1024, hop_length: int = 256, gain: float | None = None
    ) -> None:
        super().__init__(sample_rate, n_fft=n_fft, hop_length=hop_length, gain=gain, window="hamming")

    @property
    def n_features(self) -> int:
        return self.n_fft // 2 + 1

    def phase(self, wave: Wave) -> StoredPhase:
        """The phase of every bin of a wave (batch, channel, time), for :meth:`restore`."""
        flat = wave.detach().to("cpu", torch.float32).flatten(0, 1)
        spectrum = torch.stft(
            flat, self.n_fft, self.hop_length, window=self.window.cpu(), pad_mode="constant", return_complex=True
        )
        return StoredPhase(spectrum.angle().unflatten(0, wave.shape[:2]))

    def usual_phase(self) -> PhaseReconstruction:
        return Peaks(window="hamming")

    def magnitude_to_wave(self, magnitude: Tensor, *, length: int, phase: PhaseReconstruction) -> Tensor:
        return phase.reconstruct(magnitude, n_fft=self.n_fft, hop_length=self.hop_length, length=length)

    @torch.no_grad()
    def restore(self, frames: Frames, phase: StoredPhase, *, length: int | None = None) -> Wave:
        """A wave of ``frames`` with a phase that was kept; else as :meth:`invert`.

        Raises :class:`ParameterError` where they are not of the same sound.
        """
        n_samples = self.hop_length * max(frames.shape[-1] - 1, 0) if length is None else length
        magnitude = self.features_to_magnitude(frames).nan_to_num_(nan=0.0).to("cpu", torch.float32)
        return phase.under(magnitude, window=self.window.cpu(), hop_length=self.hop_length, length=n_samples)

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


@dataclass(frozen=True, eq=False)
class StoredPhase:
    """A phase that was kept: radians (..., bin, frame) of every cell, counted from each frame's beginning.

    Made by :meth:`PhasedStft.phase`.
    """

    turns: Tensor

    def under(self, magnitude: Tensor, *, window: Tensor, hop_length: int, length: int) -> Tensor:
        """The sound (..., time) of ``magnitude`` with this phase."""
        if magnitude.shape != self.turns.shape:
            raise ParameterError(
                f"The stored phase is of {_spell(self.turns)} cells (bins x frames) and the magnitude has"
                f" {_spell(magnitude)}; keep the phase of the sound whose frames are inverted."
            )
        spectrum = torch.polar(magnitude.flatten(0, -3), self.turns.flatten(0, -3))
        grains = torch.fft.irfft(spectrum, n=window.numel(), dim=-2) * window[:, None]
        power = window.square()[None, :, None].expand(1, -1, magnitude.shape[-1])
        summed, total = (overlap_add(x, hop_length=hop_length) for x in (grains, power))
        sound = (summed / total.clamp_min(ENVELOPE_FLOOR))[:, window.numel() // 2 :]
        sound = torch.nn.functional.pad(sound, (0, max(0, length - sound.shape[1])))[:, :length]
        return sound.unflatten(0, magnitude.shape[:-2])


def _spell(x: Tensor) -> str:
    return " x ".join(str(n) for n in x.shape[-2:])
