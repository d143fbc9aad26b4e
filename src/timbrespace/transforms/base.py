"""The first idea: a transform goes forward and back, wave -> frames -> wave."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from timbrespace.core.component import Component
from timbrespace.core.errors import ParameterError
from timbrespace.core.shapes import Frames, Wave
from timbrespace.layers.live_step import LiveStep
from timbrespace.transforms.filterbank import Filterbank

Heard = Float[Tensor, "batch channel row frame"]


class PhaseReconstruction(Component):
    """Finds a phase for a magnitude spectrogram: an argument of :meth:`AudioTransform.invert`."""

    @abstractmethod
    def reconstruct(self, magnitude: Tensor, *, n_fft: int, hop_length: int, length: int | None = None) -> Tensor:
        """Sound whose STFT magnitude is close to ``magnitude``.

        ``magnitude`` is (..., bin, frame) with ``n_fft // 2 + 1`` bins of a centred STFT with a periodic
        Hann window of ``n_fft`` samples; the result is (..., time) with ``length`` samples
        (``hop_length * (frames - 1)`` if not given).
        """


class PhaseStream(ABC):
    """One live reconstruction under way: magnitude in, sound out, as many samples as frames have hops.

    A pure function of the frames pushed so far: however they are cut into blocks, the samples are the same, bit
    for bit. One stream serves one thread.
    """

    @property
    @abstractmethod
    def latency(self) -> int:
        """Samples by which the sound trails: sample ``n`` is sample ``n - latency`` of the sound itself.

        With half a window for the overlap and a hop for each frame of lookahead, that is
        ``n_fft // 2 + lookahead * hop_length``. The first ``latency`` samples are zeros.
        """

    @abstractmethod
    def push(self, magnitude: Tensor) -> Tensor:
        """The next (signal, frame * hop_length) samples from the next frames (signal, bin, frame), one or more.

        Cells that are negative or not finite count as 0; a silent signal stays silent.
        """

    @abstractmethod
    def reset(self) -> None:
        """Forget every frame: what follows is what a fresh stream would give."""


class LivePhase(Component):
    """Finds a phase while the frames arrive: an argument of :meth:`AudioTransform.stream`."""

    @abstractmethod
    def start(self, *, n_fft: int, hop_length: int, signals: int, bank: Filterbank | None = None) -> PhaseStream:
        """A stream for ``signals`` independent signals.

        Magnitudes are those of :meth:`PhaseReconstruction.reconstruct`: a centred STFT with a periodic Hann window.
        With ``bank`` they are known through its bands alone, and how energy lies within a band may be improved.
        """


class FrameStream(ABC):
    """The inverse of a transform, live: a transform's frames in, sound out. See :class:`PhaseStream`."""

    @property
    @abstractmethod
    def latency(self) -> int:
        """Samples by which the sound trails what :meth:`AudioTransform.invert` gives for the same frames."""

    @abstractmethod
    def push(self, frames: Frames) -> Wave:
        """The next (1, channel, n * hop_length) samples from the next (1, channel, feature, n) frames."""

    @abstractmethod
    def reset(self) -> None:
        """Forget every frame: what follows is what a fresh stream would give."""


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

    def stream(self, *, channels: int, live: LivePhase | None = None) -> FrameStream:
        """The live form of :meth:`invert` for frames of ``channels`` channels, where the transform has one.

        ``live`` chooses the phase reconstruction, RTISI with two frames of lookahead if not given.
        Sample ``n`` of the stream stands for sample ``n - latency`` of the inversion of all frames; before come zeros.
        """
        raise ParameterError(f"{type(self).__name__} has no live inverse; take a transform that can be streamed.")

    def heard(self, frames: Frames) -> Heard:
        """What is heard of frames, by which models are judged and pictures drawn: as many normalised spectra.

        Log-magnitudes are that themselves; frames that are the sound are turned into them.
        """
        return frames

    @property
    def border_frames(self) -> int:
        """Frames at either end of a sound that look beyond it."""
        return 0

    def analysis_step(self, *, channels: int) -> LiveStep:
        """:meth:`forward` as a step: wave (batch, channel, n * hop_length) to frames (batch, channel, feature, n)."""
        raise ParameterError(f"{type(self).__name__} has no live analysis that could be exported.")

    def synthesis_step(self, *, channels: int) -> LiveStep:
        """:meth:`invert` as a step: frames (batch, channel, feature, n) to wave (batch, channel, n * hop_length)."""
        raise ParameterError(f"{type(self).__name__} has no live inverse that could be exported.")

    def provides(self) -> dict[str, Any]:
        return {"n_features": self.n_features, "sample_rate": self.sample_rate, "hop_length": self.hop_length}
