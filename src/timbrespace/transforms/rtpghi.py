"""Real-time phase gradient heap integration."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from timbrespace.core.errors import ParameterError
from timbrespace.core.seeds import numpy_generator
from timbrespace.transforms.base import LivePhase, PhaseStream
from timbrespace.transforms.filterbank import Filterbank
from timbrespace.transforms.framewise import QUIETEST, FramewiseStream, Voice
from timbrespace.transforms.pghi import HANN_GAMMA


class RtPghi(LivePhase):
    """Phase from the gradient of the log-magnitude, frame by frame (Z. Průša, P. L. Søndergaard 2016).

    As :class:`~timbrespace.transforms.pghi.Pghi`, but integrated from each frame to the next and within it, loudest
    cells first. ``lookahead`` 1 waits for one more frame and takes the centred difference in time. 0 takes the backward
    one, less, where it is positive, the rise that the frame centred on a click shows: ``-2 log cos(pi hop_length /
    n_fft)``. So clicks come when they should, and real sounds are 3 dB nearer than with the paper's difference of
    second order. Cells below ``tolerance`` times the louder of two frames get a random phase, drawn from ``seed``,
    frame after frame.
    """

    def __init__(self, *, lookahead: int = 1, tolerance: float = 1e-6, seed: int = 0) -> None:
        if lookahead not in (0, 1):
            raise ParameterError(f"RtPghi's 'lookahead' is {lookahead}; it is 0 or 1 frame.")
        check_tolerance("RtPghi", tolerance)
        self.lookahead = lookahead
        self.tolerance = tolerance
        self.seed = seed

    def start(self, *, n_fft: int, hop_length: int, signals: int, bank: Filterbank | None = None) -> PhaseStream:
        grid = {"n_fft": n_fft, "hop_length": hop_length}
        return FramewiseStream(lambda: _Voice(self, **grid), signals=signals, **grid)


class PhaseIntegrator:
    """The phase of one frame after another of one signal, from their magnitudes."""

    def __init__(self, *, n_fft: int, hop_length: int, lookahead: int, tolerance: float, seed: int) -> None:
        from timbrespace.transforms import rtpghi_kernels as kernels

        n_bins = n_fft // 2 + 1
        self._here = 2 - lookahead
        self._weights = np.array([-0.5, 0.0, 0.5] if lookahead else [0.0, -1.0, 1.0], np.float32)
        self._rise = np.float32(0.0 if lookahead else -2.0 * math.log(math.cos(math.pi * hop_length / n_fft)))
        self._hop_share = hop_length / n_fft
        self._width = HANN_GAMMA * n_fft / hop_length
        self._steps = np.float32(kernels.RANKS / -math.log(tolerance))
        self._seed = seed
        self._level = np.empty((3, n_bins), np.float32)
        self._along_time = np.empty((2, n_bins), np.float32)
        self._along_frequency = np.empty(n_bins, np.float32)
        self.phase = np.empty(n_bins, np.float32)
        """Phase in cycles of the frame decided last. A better one found since may be written here."""
        self.clear()

    def clear(self) -> None:
        """Nothing was heard before."""
        self._generator = numpy_generator(self._seed, "rtpghi")
        self._level[:] = math.log(QUIETEST)
        self._along_time[:] = 0.0
        self.phase[:] = 0.0

    def advance(self, magnitude: np.ndarray) -> None:
        """Given the ``magnitude`` (bin) of the next frame, decide the phase of the frame ``lookahead`` before it."""
        from timbrespace.transforms import rtpghi_kernels as kernels

        here, level, time, frequency = self._here, self._level, self._along_time, self._along_frequency
        level[:2] = level[1:]
        kernels.levels(magnitude, np.float32(QUIETEST), level[2])
        time[0] = time[1]
        kernels.gradients(level, here, self._weights, self._rise, self._hop_share, self._width, time[1], frequency)
        phase = self._generator.random(level.shape[1], np.float32)
        kernels.integrate(level[here - 1 : here + 1], self._steps, time, frequency, self.phase, phase)
        self.phase[:] = phase


class _Voice(Voice):
    def __init__(self, config: RtPghi, *, n_fft: int, hop_length: int) -> None:
        super().__init__(n_fft=n_fft, hop_length=hop_length, lookahead=config.lookahead)
        self._integrator = PhaseIntegrator(
            n_fft=n_fft,
            hop_length=hop_length,
            lookahead=config.lookahead,
            tolerance=config.tolerance,
            seed=config.seed,
        )
        self._magnitude = np.zeros((2, self.n_bins), np.float32)

    def clear(self) -> None:
        self._integrator.clear()
        self._magnitude[:] = 0.0

    def spectrum(self, magnitude: np.ndarray) -> Tensor:
        self._magnitude[0] = self._magnitude[1]
        self._magnitude[1] = magnitude
        self._integrator.advance(magnitude)
        return polar(self._magnitude[1 - self.lookahead], self._integrator.phase)


def polar(magnitude: np.ndarray, cycles: np.ndarray) -> Tensor:
    """The complex numbers of a magnitude and a phase in cycles."""
    return torch.polar(torch.from_numpy(magnitude), torch.from_numpy(cycles) * (2 * math.pi))


def check_tolerance(name: str, tolerance: float) -> None:
    """Raise :class:`ParameterError` unless ``tolerance`` is a share of the peak."""
    if not 1e-10 <= tolerance < 1.0:
        raise ParameterError(
            f"{name}'s 'tolerance' is {tolerance}; it is a share of the peak from 1e-10 to below 1, usually 1e-6."
        )
