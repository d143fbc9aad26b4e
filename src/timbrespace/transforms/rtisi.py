"""Real-time iterative spectrogram inversion with look-ahead, begun from integrated phases."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from timbrespace.core.errors import ParameterError
from timbrespace.transforms.base import LivePhase, PhaseStream
from timbrespace.transforms.filterbank import Filterbank
from timbrespace.transforms.fourier import hann_window, interleaved
from timbrespace.transforms.framewise import FramewiseStream, Voice
from timbrespace.transforms.phase import check_iterations
from timbrespace.transforms.rtpghi import PhaseIntegrator, check_tolerance, polar

MAX_LOOKAHEAD = 7
_TINY = 1e-20


class RtIsi(LivePhase):
    """Fast Griffin-Lim steps on the last few frames (X. Zhu, G. T. Beauregard, L. Wyse 2007).

    The newest ``lookahead + 1`` frames are open, those before are decided. With each new frame come ``n_iter`` steps
    of fast Griffin-Lim with ``momentum`` on the open frames, then the oldest is decided. Their first phase is that of
    :class:`~timbrespace.transforms.rtpghi.RtPghi`, continued from the refined phase of the frame before, as
    Z. Průša and P. Rajmic (2017) proposed, where ``lookahead`` is 2 or more. The frame after the newest is foreseen
    to be as loud as it, with the phase that the overlap suggests, and where overlap is still missing the sound fades
    as the windows do: dividing by the little there is would blow errors up.

    Given a filterbank, a step returns to the geometric mean of the given magnitude and of its own, scaled to the bands
    (see :func:`~timbrespace.transforms.joint.refine_jointly`).
    """

    def __init__(
        self, *, lookahead: int = 2, n_iter: int = 6, momentum: float = 0.3, tolerance: float = 1e-6, seed: int = 0
    ) -> None:
        if not 0 <= lookahead <= MAX_LOOKAHEAD:
            raise ParameterError(f"RtIsi's 'lookahead' is {lookahead}; give 0 to {MAX_LOOKAHEAD} frames, usually 2.")
        check_iterations("RtIsi", n_iter, momentum)
        check_tolerance("RtIsi", tolerance)
        self.lookahead = lookahead
        self.n_iter = n_iter
        self.momentum = momentum
        self.tolerance = tolerance
        self.seed = seed

    def start(self, *, n_fft: int, hop_length: int, signals: int, bank: Filterbank | None = None) -> PhaseStream:
        grid = {"n_fft": n_fft, "hop_length": hop_length}
        return FramewiseStream(lambda: _Voice(self, bank, **grid), signals=signals, **grid)


class _Voice(Voice):
    """Rows of the arrays are the open frames, oldest first, then the foreseen one."""

    def __init__(self, config: RtIsi, bank: Filterbank | None, *, n_fft: int, hop_length: int) -> None:
        from timbrespace.transforms import framewise_kernels

        super().__init__(n_fft=n_fft, hop_length=hop_length, lookahead=config.lookahead)
        self._overlap, self._cut = framewise_kernels.overlap, framewise_kernels.cut
        self._step = _fast_step if bank is None else _joint_step(bank)
        self._n_iter = config.n_iter
        self._inertia = config.momentum / (1.0 + config.momentum)
        self._bank = bank
        self._hop_length = hop_length
        waited = min(config.lookahead, 1)
        self._integrator = PhaseIntegrator(
            n_fft=n_fft, hop_length=hop_length, lookahead=waited, tolerance=config.tolerance, seed=config.seed
        )
        self._begun = config.lookahead - waited  # the row whose phase the integrator finds
        self._window = hann_window(n_fft)
        self._unit_window = _with_unit_overlap(self._window, hop_length)
        rows = config.lookahead + 2
        self._magnitude = np.zeros((rows, self.n_bins), np.float32)
        self._bands = np.zeros((rows, 0 if bank is None else bank.rows.size), np.float32)
        self._wave = np.zeros(n_fft + (rows - 1) * hop_length, np.float32)
        self._frames = torch.zeros(rows, n_fft)
        self._spectrum, self._rebuilt, self._previous = torch.zeros(3, rows, self.n_bins, dtype=torch.complex64)
        self._samples = self._frames.numpy()
        self._shared = tuple(map(interleaved, (self._rebuilt, self._previous, self._spectrum)))
        """The memory of the tensors above as kernels see it."""

    def clear(self) -> None:
        self._integrator.clear()
        self._magnitude[:] = 0.0
        self._bands[:] = 0.0
        self._spectrum.zero_()

    def spectrum(self, magnitude: np.ndarray) -> Tensor:
        self._enter(magnitude)
        self._begin(magnitude)
        self._previous.copy_(self._spectrum)
        for _ in range(self._n_iter):
            self._refine()
        return self._spectrum[0]

    def _enter(self, magnitude: np.ndarray) -> None:
        """Make room for a frame: it takes the phase that was foreseen, and the one after it is open again."""
        for held in (self._magnitude, self._bands):
            held[:-2] = held[1:-1]
        self._magnitude[-2:] = magnitude
        if self._bank is not None:
            self._bands[-2:] = _bands(magnitude, self._bank)
        self._spectrum[:-1] = self._spectrum[1:].clone()
        self._spectrum[-1] = 0.0
        foreseen = self._spectrum[-2]
        foreseen *= torch.from_numpy(magnitude) / (foreseen.abs() + _TINY)

    def _begin(self, magnitude: np.ndarray) -> None:
        """The integrated phase for the newest frame whose differences in time are known."""
        row, integrator = self._begun, self._integrator
        if row > 0:
            integrator.phase[:] = self._spectrum[row - 1].angle().numpy() / (2 * math.pi)
        integrator.advance(magnitude)
        self._spectrum[row] = polar(self._magnitude[row], integrator.phase)

    def _refine(self) -> None:
        """One step of fast Griffin-Lim on all rows."""
        frames, hop = self._samples, self._hop_length
        rebuilt, previous, spectrum = self._shared
        torch.fft.irfft(self._spectrum, n=self._window.size, out=self._frames)
        self._overlap(frames, self._window, hop, self.overlap.pending, self._wave)
        self._cut(self._wave, self._unit_window, hop, frames)
        torch.fft.rfft(self._frames, out=self._rebuilt)
        self._step(rebuilt, previous, self._magnitude, self._bands, self._inertia, spectrum)


Step = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray, float, np.ndarray], None]
"""From the rebuilt, the previously rebuilt spectrum, magnitude, bands and inertia: the next spectrum, written last."""


def _fast_step(
    rebuilt: np.ndarray,
    previous: np.ndarray,
    magnitude: np.ndarray,
    bands: np.ndarray,
    inertia: float,
    spectrum: np.ndarray,
) -> None:
    from timbrespace.transforms import fourier_kernels as kernels

    kernels.fast_step(rebuilt, previous, magnitude, inertia, spectrum)


def _joint_step(bank: Filterbank) -> Step:
    from timbrespace.transforms import mel_kernels as kernels

    sparse = (bank.weights, bank.start, bank.stop, bank.band, bank.low, bank.high, bank.columns)

    def step(
        rebuilt: np.ndarray,
        previous: np.ndarray,
        magnitude: np.ndarray,
        bands: np.ndarray,
        inertia: float,
        spectrum: np.ndarray,
    ) -> None:
        kernels.joint_step(rebuilt, previous, magnitude, bands, *sparse, inertia, spectrum)

    return step


def _bands(magnitude: np.ndarray, bank: Filterbank) -> np.ndarray:
    from timbrespace.transforms import mel_kernels as kernels

    out = np.empty(bank.rows.size, np.float32)
    kernels.bands(magnitude, bank.weights, bank.start, bank.stop, out)
    return out


def _with_unit_overlap(window: np.ndarray, hop_length: int) -> np.ndarray:
    """The window divided by the sum of all its squared shifts: analysis that undoes a complete overlap."""
    total = np.zeros(hop_length, np.float32)
    for start in range(0, window.size, hop_length):
        part = window[start : start + hop_length] ** 2
        total[: part.size] += part
    return np.asarray(window / total[np.arange(window.size) % hop_length], np.float32)
