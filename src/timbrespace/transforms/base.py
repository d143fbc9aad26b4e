"""The first idea: a transform goes forward and back, wave -> frames -> wave."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any

from torch import Tensor, nn

from timbrespace.core.component import Component
from timbrespace.core.shapes import Frames, Wave


class PhaseReconstruction(Component):
    """Finds a phase for a magnitude spectrogram: an argument of :meth:`AudioTransform.invert`."""

    @abstractmethod
    def reconstruct(self, magnitude: Tensor, *, n_fft: int, hop_length: int, length: int | None = None) -> Tensor:
        """Sound whose STFT magnitude is close to ``magnitude``.

        ``magnitude`` is (..., bin, frame) with ``n_fft // 2 + 1`` bins of a centred STFT with a periodic
        Hann window of ``n_fft`` samples; the result is (..., time) with ``length`` samples
        (``hop_length * (frames - 1)`` if not given).
        """


class AudioTransform(Component, nn.Module):
    """Wave -> frames -> wave.

    ``sample_rate`` in Hz, ``hop_length`` samples per frame, ``n_features`` rows of a frame. Frames come out
    normalised; what was learned from the data (gain, means, deviation) lives in buffers and is stored with
    the weights. A sound of ``n`` samples has ``n // hop_length + 1`` frames (centred analysis).
    """

    sample_rate: int
    hop_length: int

    @property
    @abstractmethod
    def n_features(self) -> int:
        """Rows of a frame."""

    @abstractmethod
    def fit(self, waves: Iterable[Tensor]) -> None:
        """Learn gain and normalisation from sounds, each (channel, time), taken once and in any order.

        Raises :class:`~timbrespace.core.errors.DataError` if there is nothing to hear in them.
        """

    @abstractmethod
    def forward(self, wave: Wave) -> Frames:
        """Frames of a wave; differentiable where the wave requires a gradient."""

    @abstractmethod
    def invert(self, frames: Frames, *, length: int | None = None, phase: PhaseReconstruction | None = None) -> Wave:
        """A wave whose frames are close to ``frames``.

        It has ``length`` samples, ``hop_length * (frames - 1)`` if not given. ``phase`` chooses the phase
        reconstruction for this call; the default is PGHI followed by ten steps of fast Griffin-Lim.
        """

    def provides(self) -> dict[str, Any]:
        return {"n_features": self.n_features, "sample_rate": self.sample_rate, "hop_length": self.hop_length}
