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
HANN_GAMMA = 0.25645
"""Of a Gaussian ``exp(-pi n² / (gamma n_fft²))`` like Hann's window (Průša, Søndergaard)."""
DB_PER_NEPER = 20.0 / math.log(10.0)


class PeakLocking(LiveStep):
    """From the magnitude of a frame and the phases of the one before, the phases of this one.

    A bin louder than the two on either side is a peak; a parabola through three logarithms gives its frequency f
    between the bins. Every bin within ``reach`` bins follows the nearest peak p:
    ``phase(t) = phase_p(t - 1) + f_p hop_length``, in cycles at the frame's centre, so that the bins of one sinusoid
    stay in step (G. T. Beauregard, M. Harish, L. Wyse, "Single pass spectrogram inversion", 2015; J. Laroche,
    M. Dolson, "Improved phase vocoder time-scale modification of audio", 1999). Bins that belong to no peak turn at
    their own frequency.

    Where in a frame a sound happens shows in how its bins grow and fade: with Hann's window like a Gaussian of width
    gamma, energy d samples after the centre grows by ``2 pi d / gamma`` nepers a sample and turns the phase by
    ``-d / n_fft`` cycles from one bin to the next (Z. Průša, P. L. Søndergaard, "Real-time spectrogram inversion using
    phase gradient heap integration", 2016). Within the bins of a peak these turns are added up; bins whose surroundings
    grow by more than ``onset`` nepers in a hop leave what was behind, and all of them begin together.

    A peak that rises less than ``threshold_db`` above the mean of its surroundings is noise: its bins are moved by a
    random phase, the more the flatter it is. The random numbers are two tables that repeat after different times, so
    that the same frames give the same sound everywhere.

    ``forward(log_magnitude, phase, last, count)`` takes natural logarithms (batch, bin), phases in cycles (batch, bin),
    the logarithms of the frame before and how many frames there were (batch); it gives the new phases, as output and as
    state, and the rest of the state. No gradient passes.
    """

    latency = 0
    ids: Tensor
    first: Tensor
    second: Tensor

    def __init__(
        self, n_fft: int, hop_length: int, *, reach: int = 8, threshold_db: float = 0.0, onset: float = 1.5
    ) -> None:
        super().__init__()
        self.n_fft, self.hop_length, self.reach, self.threshold_db = n_fft, hop_length, reach, threshold_db
        self.onset = onset
        self.n_bins = n_fft // 2 + 1
        # Of a click in the middle of a frame, which the frame before saw from the edge of its window.
        self.rise = -2.0 * math.log(max(math.cos(math.pi * hop_length / n_fft), 1e-3))
        self.place = HANN_GAMMA * n_fft**2 / (2.0 * math.pi * hop_length)  # samples per neper of growth
        generator = numpy_generator(0, "noise of peak locking", n_fft)
        tables = [torch.from_numpy(generator.random((n, self.n_bins), dtype="float32")) for n in PERIODS]
        self.register_buffer("ids", torch.arange(self.n_bins, dtype=torch.float32))
        self.register_buffer("first", tables[0])
        self.register_buffer("second", tables[1])

    def initial(self, batch: int = 1) -> tuple[Tensor, ...]:
        silence = torch.full((batch, self.n_bins), QUIETEST)
        return torch.zeros(batch, self.n_bins), silence, torch.zeros(batch, dtype=torch.int64)

    @torch.no_grad()
    def forward(self, x: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        phase, last, count = state
        log = x.clamp_min(QUIETEST)
        before, after = _shifted(log, 1), _shifted(log, -1)
        peak = (log >= before) & (log > after) & (log >= _shifted(log, 2)) & (log > _shifted(log, -2))
        bend = (before - 2.0 * log + after).clamp_max(FLATTEST)
        offset = (0.5 * (before - after) / bend).clamp(-0.5, 0.5)
        turned = phase + (self.ids + offset) * (self.hop_length / self.n_fft)
        owner = self._owner(peak)
        rise = DB_PER_NEPER * (log - _surroundings(log))
        noisiness = torch.sigmoid((self.threshold_db - rise.gather(1, owner)) / SOFTNESS_DB)
        noise = self.first[count % PERIODS[0]] + self.second[count % PERIODS[1]]
        grown = log - last
        slope = self._slope(grown)
        within = (slope - slope.gather(1, owner)).float()
        moved = turned.gather(1, owner) + within + noisiness * (noise - torch.floor(noise) - 0.5)
        begins = _surroundings(grown).gather(1, owner) > self.onset
        moved = torch.where(begins, (slope - torch.floor(slope)).float(), moved)
        new = moved - torch.floor(moved)
        return new, new, log, count + 1

    def _slope(self, grown: Tensor) -> Tensor:
        """What the place of the energy in the frame adds to the phase of every bin, from the lowest on, in cycles."""
        after = self.place * (grown.clamp_max(0.0) + (grown - self.rise).clamp_min(0.0))
        half = 0.5 * self.n_fft
        return -torch.cumsum(after.clamp(-half, half).double(), 1) / self.n_fft

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


def _surroundings(x: Tensor) -> Tensor:
    """The mean of each bin and its neighbours."""
    width = 2 * MEAN_REACH + 1
    return F.avg_pool1d(x[:, None], width, 1, padding=MEAN_REACH, count_include_pad=False).squeeze(1)


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


def followed(rule: PeakLocking, log_magnitude: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
    """:class:`PeakLocking` frame after frame, of logarithms (batch, bin, frame): phases like it, and the state."""
    found = []
    for frame in log_magnitude.unbind(2):
        phases, *rest = rule(frame, *state)
        state = tuple(rest)
        found.append(phases)
    return torch.stack(found, dim=2), *state
