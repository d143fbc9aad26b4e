"""What the log-magnitude transforms share: log(1 + gain x), the normalisation, and the way back."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from timbrespace.core.errors import DataError, ParameterError
from timbrespace.core.shapes import Frames, Wave
from timbrespace.layers.live_step import LiveStep
from timbrespace.transforms.base import AudioTransform, FrameStream, LivePhase, PhaseReconstruction
from timbrespace.transforms.filterbank import Filterbank
from timbrespace.transforms.fourier import Fourier, WindowName, analysis_window, check_stft, frame_count
from timbrespace.transforms.framewise import clean
from timbrespace.transforms.levels import LevelCounts
from timbrespace.transforms.magnitude_steps import AnalysisStep, SynthesisStep

UNFITTED_GAIN = 100.0
"""Gain until :meth:`LogMagnitude.fit` has learned one: about what music with peaks near 1 gives."""

BEND = 0.25
"""Share of the heard cells that a learned gain leaves on the linear part of the scale."""

PIECE = 2048
"""Frames counted at once while fitting."""


class LogMagnitude(AudioTransform):
    """Frames ``(log(1 + gain x) - mean) / deviation`` of a magnitude x with one row per feature.

    ``gain`` sets where the linear part of the scale ends: x below 1 / gain is kept nearly as it is, x above it
    logarithmically. ``None`` lets :meth:`fit` choose it: one over the lower quartile of all cells that lie within
    60 dB of their file's peak, so that three quarters of what is heard is on the logarithmic part and hiss is not.
    Mel frames of loops, notes and hits give gains of 50 to 200. A given number stays fixed.
    The normalisation has one mean per feature and one deviation for all of them: relative levels between
    bands are part of the timbre and are kept.
    """

    gain_value: Tensor
    mean: Tensor
    deviation: Tensor
    window: Tensor

    def __init__(
        self,
        sample_rate: int,
        *,
        n_fft: int = 2048,
        hop_length: int = 512,
        gain: float | None = None,
        window: WindowName = "hann",
    ) -> None:
        super().__init__()
        name = type(self).__name__
        if sample_rate < 1:
            raise ParameterError(f"{name}'s 'sample_rate' is {sample_rate}; give samples per second, such as 44100.")
        check_stft(n_fft, hop_length, where=name)
        if gain is not None and not (math.isfinite(gain) and gain > 0.0):
            raise ParameterError(
                f"{name}'s 'gain' is {gain}; give a finite number above 0, usually 1 to 1000,"
                " or leave it out to learn it."
            )
        self.sample_rate = sample_rate
        self.n_fft = n_fft
        self.hop_length = hop_length
        self.gain = gain
        self.register_buffer("gain_value", torch.tensor(UNFITTED_GAIN if gain is None else gain))
        self.register_buffer("mean", torch.zeros(self.n_features))
        self.register_buffer("deviation", torch.tensor(1.0))
        self.register_buffer("window", torch.from_numpy(analysis_window(window, n_fft)), persistent=False)

    @abstractmethod
    def magnitude_to_wave(self, magnitude: Tensor, *, length: int, phase: PhaseReconstruction) -> Tensor:
        """Sound (..., time) of ``length`` samples from this transform's magnitude (..., feature, frame)."""

    def usual_phase(self) -> PhaseReconstruction:
        """The phase reconstruction of :meth:`invert` if no other is given."""
        from timbrespace.transforms.pghi import Pghi

        return Pghi()

    def _bank(self) -> Filterbank | None:
        """The filterbank between the STFT's magnitude and this one, if there is one."""
        return None

    @abstractmethod
    def _frame_to_linear(self, magnitude: Tensor) -> Tensor:
        """The STFT's magnitude (channel, bin) from this transform's (channel, feature) of one frame."""

    @abstractmethod
    def _from_spectrum(self, spectrum: Tensor) -> Tensor:
        """Magnitude (..., feature, frame) of a complex spectrum (..., bin, frame), differentiably."""

    @abstractmethod
    def _from_block(self, block: np.ndarray, first: int, out: np.ndarray) -> None:
        """The same for a compiled block (frame, 2 bins), written to columns ``first`` ... of ``out``."""

    @property
    def border_frames(self) -> int:
        return self.n_fft // (2 * self.hop_length)

    def forward(self, wave: Wave) -> Frames:
        x = self.magnitude(wave)
        if x.requires_grad:
            return self.normalise(torch.log1p(self.gain_value * x))
        # The same in place: a fresh tensor for every step would cost more than the arithmetic.
        return x.mul_(self.gain_value).log1p_().sub_(self.mean[:, None]).div_(self.deviation)

    def magnitude(self, wave: Wave) -> Frames:
        """Magnitude x, before gain and logarithm."""
        if self._needs_torch(wave):
            return self._differentiable(wave)
        n_frames = frame_count(wave.shape[-1], self.hop_length)
        out = torch.empty(*wave.shape[:2], self.n_features, n_frames)
        fourier = self._fourier()
        rows = wave.detach().flatten(0, 1).contiguous()
        for row, target in zip(rows, out.flatten(0, 1), strict=True):
            for first, block in fourier.blocks(row.numpy()):
                self._from_block(block, first, target.numpy())
        return out

    def log_features(self, wave: Wave) -> Frames:
        """``log(1 + gain x)``, not normalised."""
        return torch.log1p(self.gain_value * self.magnitude(wave))

    def normalise(self, log_features: Tensor) -> Tensor:
        """Frames from :meth:`log_features`."""
        return (log_features - self.mean[:, None]) / self.deviation

    def denormalise(self, frames: Tensor) -> Tensor:
        """:meth:`log_features` from frames."""
        return frames * self.deviation + self.mean[:, None]

    def features_to_magnitude(self, frames: Tensor) -> Tensor:
        """Magnitude x from frames: ``max(exp(log features) - 1, 0) / gain``; differentiable.

        Levels no sound reaches (1000 times a full-scale sine) are held there, so the exponential cannot overflow.
        """
        loudest = torch.log1p(self.gain_value * (500.0 * self.n_fft))
        return torch.expm1(self.denormalise(frames).clamp_min(0.0).minimum(loudest)) / self.gain_value

    def fit(self, waves: Iterable[Tensor]) -> None:
        counts = LevelCounts(self.n_features)
        n_sounds = 0
        for wave in waves:
            n_sounds += 1
            for channel in wave.detach().to("cpu", torch.float32).contiguous():
                self._count(channel.numpy(), counts)
            counts.end_file()
        if counts.silent:
            raise DataError(
                f"{type(self).__name__} found nothing to learn its normalisation from: "
                + (f"all {n_sounds} sounds are silent" if n_sounds else "there is no sound")
                + "; give at least one sound that can be heard."
            )
        gain = 1.0 / counts.quantile(BEND) if self.gain is None else self.gain
        mean, deviation = counts.statistics(gain)
        self.gain_value.fill_(gain)
        self.mean.copy_(torch.from_numpy(mean))
        self.deviation.fill_(max(deviation, 1e-3))  # a steady tone has none; frames stay finite

    def _fourier(self) -> Fourier:
        return Fourier(self.n_fft, self.hop_length, window=self.window.cpu().numpy())

    def _count(self, wave: np.ndarray, counts: LevelCounts) -> None:
        fourier = self._fourier()
        end = frame_count(wave.size, self.hop_length)
        for start in range(0, end, PIECE):
            stop = min(start + PIECE, end)
            out = np.empty((self.n_features, stop - start), np.float32)
            for first, block in fourier.blocks(wave, first=start, stop=stop):
                self._from_block(block, first - start, out)
            counts.add(out)

    @torch.no_grad()
    def invert(self, frames: Frames, *, length: int | None = None, phase: PhaseReconstruction | None = None) -> Wave:
        if frames.shape[-2] != self.n_features:
            raise ParameterError(
                f"{type(self).__name__} has {self.n_features} features, but the frames have {frames.shape[-2]}"
                " (axis -2); give frames of this transform."
            )
        if length is not None and length < 0:
            raise ParameterError(f"'length' is {length}; a sound has 0 samples or more.")
        spoken = self.hop_length * max(frames.shape[-1] - 1, 0)
        magnitude = self.features_to_magnitude(frames).nan_to_num_(nan=0.0).to("cpu", torch.float32)
        wave = self.magnitude_to_wave(magnitude, length=max(spoken, length or 0), phase=phase or self.usual_phase())
        return wave[..., : spoken if length is None else length].to(frames.device)

    def stream(self, *, channels: int, live: LivePhase | None = None) -> FrameStream:
        from timbrespace.transforms.live import LiveFrames
        from timbrespace.transforms.rtisi import RtIsi

        if channels < 1:
            raise ParameterError(f"A stream for {channels} channels was asked for; give 1 or more.")
        grid = {"n_fft": self.n_fft, "hop_length": self.hop_length}
        phase = (live or RtIsi()).start(signals=channels, bank=self._bank(), **grid)

        def to_magnitude(frame: Tensor) -> Tensor:
            magnitude = self.features_to_magnitude(frame.to(self.mean.device))[..., 0]
            return self._frame_to_linear(clean(magnitude.cpu()))

        return LiveFrames(
            to_magnitude, phase, channels=channels, n_features=self.n_features, hop_length=self.hop_length
        )

    def analysis_step(self, *, channels: int) -> LiveStep:
        return AnalysisStep(self, channels=channels)

    def synthesis_step(self, *, channels: int) -> LiveStep:
        return SynthesisStep(self, channels=channels)

    @abstractmethod
    def banded(self, magnitude: Tensor) -> Tensor:
        """The magnitude of this transform (..., feature, n) from the STFT's, turned round: (..., n, bin)."""

    @abstractmethod
    def unbanded(self, magnitude: Tensor) -> Tensor:
        """The STFT's magnitude (..., bin, n) from this transform's (..., feature, n), in tensor operations alone."""

    def _needs_torch(self, wave: Tensor) -> bool:
        graph = wave.requires_grad and torch.is_grad_enabled()
        traced = torch.compiler.is_compiling()  # true while exporting, too
        return graph or traced or wave.device.type != "cpu" or wave.dtype != torch.float32

    def _differentiable(self, wave: Tensor) -> Tensor:
        batch, channels, time = wave.shape
        spectrum: Tensor = torch.stft(
            wave.reshape(batch * channels, time),
            self.n_fft,
            self.hop_length,
            window=self.window.to(wave.dtype),
            pad_mode="constant",
            return_complex=True,
        )
        x = self._from_spectrum(spectrum)
        return x.reshape(batch, channels, *x.shape[1:])
