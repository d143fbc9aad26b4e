"""Phases for magnitudes, frame after frame, by following the peaks: tensor operations only."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from timbrespace.core.seeds import numpy_generator
from timbrespace.layers.live_step import LiveStep

Bins = Float[Tensor, "batch bin"]

QUIETEST = -30.0
"""Natural logarithm of the magnitude beyond the ends of the spectrum."""
PERIODS = (61, 67)
"""Rows of the two tables whose sums are the noise: 4,087 frames pass before it repeats, 24 s at 172 a second."""
MEAN_REACH = 8
"""Bins on either side over which the surroundings of a peak are averaged."""
SOFTNESS_DB = 2.0
FLATTEST = -0.05
"""Least bend of a peak, in nepers per bin squared: a window's own is twenty times as sharp."""
DB_PER_NEPER = 20.0 / math.log(10.0)


class PeakLocking(LiveStep):
    """From the magnitude of a frame and the phases of the one before, the phases of this one.

    A bin louder than the two on either side is a peak; a parabola through three logarithms gives its frequency f
    between the bins. Every bin within ``reach`` bins follows the nearest peak p:
    ``phase(t) = phase_p(t - 1) + f_p hop_length``, in cycles at the frame's centre, so that the bins of one sinusoid
    stay in step (G. T. Beauregard, M. Harish, L. Wyse, "Single pass spectrogram inversion", 2015; J. Laroche,
    M. Dolson, "Improved phase vocoder time-scale modification of audio", 1999). Bins that belong to no peak turn at
    their own frequency. A peak that rises less than ``threshold_db`` above the mean of its surroundings is noise:
    its bins are moved by a random phase, the more the flatter it is. The random numbers are two tables that repeat
    after different times, so that the same frames give the same sound everywhere.

    ``forward(log_magnitude, phase, count)`` takes natural logarithms (batch, bin), phases in cycles (batch, bin) and
    how many frames there were (batch), and gives the new phases twice, as output and as state, and the new count.
    No gradient passes.
    """

    latency = 0
    ids: Tensor
    first: Tensor
    second: Tensor

    def __init__(self, n_fft: int, hop_length: int, *, reach: int = 8, threshold_db: float = 6.0) -> None:
        super().__init__()
        self.n_fft, self.hop_length, self.reach, self.threshold_db = n_fft, hop_length, reach, threshold_db
        self.n_bins = n_fft // 2 + 1
        generator = numpy_generator(0, "noise of peak locking", n_fft)
        tables = [torch.from_numpy(generator.random((n, self.n_bins), dtype="float32")) for n in PERIODS]
        self.register_buffer("ids", torch.arange(self.n_bins, dtype=torch.float32), persistent=False)
        self.register_buffer("first", tables[0], persistent=False)
        self.register_buffer("second", tables[1], persistent=False)

    def initial(self, batch: int = 1) -> tuple[Tensor, ...]:
        return torch.zeros(batch, self.n_bins), torch.zeros(batch, dtype=torch.int64)

    @torch.no_grad()
    def forward(self, x: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        phase, count = state
        log = x.clamp_min(QUIETEST)
        before, after = _shifted(log, 1), _shifted(log, -1)
        peak = (log >= before) & (log > after) & (log >= _shifted(log, 2)) & (log > _shifted(log, -2))
        bend = (before - 2.0 * log + after).clamp_max(FLATTEST)
        offset = (0.5 * (before - after) / bend).clamp(-0.5, 0.5)
        turned = phase + (self.ids + offset) * (self.hop_length / self.n_fft)
        owner = self._owner(peak)
        surroundings = F.avg_pool1d(
            log[:, None], 2 * MEAN_REACH + 1, 1, padding=MEAN_REACH, count_include_pad=False
        ).squeeze(1)
        rise = DB_PER_NEPER * (log - surroundings)
        noisiness = torch.sigmoid((self.threshold_db - rise.gather(1, owner)) / SOFTNESS_DB)
        noise = self.first[count % PERIODS[0]] + self.second[count % PERIODS[1]]
        moved = turned.gather(1, owner) + noisiness * (noise - torch.floor(noise) - 0.5)
        new = moved - torch.floor(moved)
        return new, new, count + 1

    def _owner(self, peak: Tensor) -> Tensor:
        """For every bin the nearest peak, or itself where none is within reach."""
        far = float(4 * self.n_bins)
        below = torch.where(peak, self.ids, -far)
        above = torch.where(peak, -self.ids, -far)
        window = self.reach + 1
        left = F.max_pool1d(F.pad(below[:, None], (self.reach, 0), value=-far), window, 1).squeeze(1)
        right = -F.max_pool1d(F.pad(above[:, None], (0, self.reach), value=-far), window, 1).squeeze(1)
        to_left, to_right = self.ids - left, right - self.ids
        nearest = torch.where(to_left <= to_right, left, right)
        return torch.where(torch.minimum(to_left, to_right) <= self.reach, nearest, self.ids).long()


def _shifted(x: Tensor, by: int) -> Tensor:
    """Bin k of the result is bin k - ``by`` of ``x``, very quiet beyond the ends."""
    n = x.shape[1]
    padded = F.pad(x, (max(by, 0), max(-by, 0)), value=QUIETEST)
    return padded[:, max(-by, 0) : max(-by, 0) + n]


def spectrum_of(magnitude: Tensor, phase: Tensor) -> Tensor:
    """The complex spectrum (..., bin) of a frame whose phases, in cycles, are those at its centre.

    An odd bin makes half a turn more from the frame's beginning to its centre, which a transform counts from there.
    """
    odd = torch.arange(magnitude.shape[-1], device=magnitude.device) % 2
    return torch.polar(magnitude, (2.0 * math.pi) * (phase + 0.5 * odd))


def followed(rule: PeakLocking, log_magnitude: Tensor, phase: Tensor, count: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """:class:`PeakLocking` frame after frame, of logarithms (batch, bin, frame): phases like it, and the state."""
    found = []
    for frame in log_magnitude.unbind(2):
        now, phase, count = rule(frame, phase, count)
        found.append(now)
    return torch.stack(found, dim=2), phase, count
