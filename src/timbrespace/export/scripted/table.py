"""Granular playback of a table of sound, written for TorchScript: the arithmetic of the sound table instrument."""

# TorchScript reads annotations of attributes as they are: no "from __future__ import annotations" in this module.
import math

import torch
from torch import Tensor, nn

MOST_READS = 16
"""Reads that can sound at once; of more, the oldest are dropped."""
FRACTION_BITS = 40
"""Of the fixed-point phase: its whole part counts reads."""


class TablePlayer(nn.Module):
    """``forward(signals, crossfade, sample_rate)``: signals (batch, 2, time), playback frequency in Hz and start in
    samples, to sound (batch, channel, time).

    A phase of 2^40 parts grows by ``floor(max(0, f) / sample_rate 2^40 + 1/2)`` a sample; with the first sample, and
    whenever its whole part grows, a read begins at that sample's start, one table sample per output sample, circular,
    linear between two. A read fades in over ``n = min(crossfade, period of f at its onset)`` samples, with the weight
    ``sin^2(pi / 2 (k + 1) / (n + 1))`` over what sounded before it. All reads of a block are computed together, one
    age after the other: the newest read at every sample, the one before it, and so on.
    """

    table: Tensor
    phase: Tensor
    onsets: Tensor
    starts: Tensor
    fades: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("table", torch.zeros(channels, 1))
        self.begun = False
        self.register_buffer("phase", torch.zeros(1, dtype=torch.int64))
        # Of the last reads, oldest first: sample of the onset counted from the block's first, start, length of fade.
        self.register_buffer("onsets", torch.zeros(1, MOST_READS, dtype=torch.int64))
        self.register_buffer("starts", torch.zeros(1, MOST_READS, dtype=torch.float64))
        self.register_buffer("fades", torch.full((1, MOST_READS), -1, dtype=torch.int64))  # no read yet
        self.most_reads = MOST_READS
        self.one = 1 << FRACTION_BITS
        self.bits = FRACTION_BITS
        self.half_turn = math.pi / 2.0

    def forward(self, signals: Tensor, crossfade: int, sample_rate: float) -> Tensor:
        batch, samples = signals.size(0), signals.size(2)
        if self.phase.size(0) != batch:
            self.restart(batch)
        size = self.table.size(1)
        frequency, start = self._read_signals(signals.double(), sample_rate)
        phase = self.phase[:, None] + torch.cumsum(self._increments(frequency, sample_rate), 1)
        turns = phase >> self.bits
        before = torch.cat([(self.phase >> self.bits)[:, None], turns[:, :-1]], 1)
        begins = turns > before
        if not self.begun:
            begins[:, 0] = True
            self.begun = True
        fades = torch.clamp((sample_rate / torch.clamp(frequency, min=1e-9)).floor(), 1.0, 2.0**40).long()
        fades = torch.clamp(fades, max=max(crossfade, 0))
        newest = self.most_reads - 1 + torch.cumsum(begins.long(), 1)  # the read that is newest at each sample
        at = torch.arange(samples, device=signals.device)[None].expand(batch, -1)
        onsets = self._appended(self.onsets, at, begins, newest)
        starts = self._appended(self.starts, start, begins, newest)
        lengths = self._appended(self.fades, fades, begins, newest)
        sound = self._painted(at, newest, onsets, starts, lengths, size)
        last = newest[:, -1:] + torch.arange(1 - self.most_reads, 1, device=signals.device)[None]
        self.onsets = torch.gather(onsets, 1, last) - samples
        self.starts = torch.gather(starts, 1, last)
        self.fades = torch.gather(lengths, 1, last)
        self.phase = phase[:, -1] & (self.one - 1)
        return sound

    @torch.jit.export
    def restart(self, batch: int) -> None:
        """Silence, then a read with the next sample."""
        device = self.table.device
        self.begun = False
        self.phase = torch.zeros([batch], dtype=torch.int64, device=device)
        self.onsets = torch.zeros([batch, self.most_reads], dtype=torch.int64, device=device)
        self.starts = torch.zeros([batch, self.most_reads], dtype=torch.float64, device=device)
        self.fades = torch.full([batch, self.most_reads], -1, dtype=torch.int64, device=device)  # none yet

    def _read_signals(self, signals: Tensor, sample_rate: float) -> tuple[Tensor, Tensor]:
        """Frequencies from 0 to half the rate, and starts in the table."""
        known = torch.nan_to_num(signals, nan=0.0, posinf=0.0, neginf=0.0)
        size = float(self.table.size(1))
        start = known[:, 1] - torch.floor(known[:, 1] / size) * size
        return torch.clamp(known[:, 0], 0.0, sample_rate / 2.0), torch.where(
            start < size, start, torch.zeros_like(start)
        )

    def _increments(self, frequency: Tensor, sample_rate: float) -> Tensor:
        return torch.floor(frequency / sample_rate * float(self.one) + 0.5).long()

    def _appended(self, kept: Tensor, values: Tensor, begins: Tensor, newest: Tensor) -> Tensor:
        """The kept numbers of reads, then those of the reads that begin in this block, by the number of the read."""
        room = torch.zeros([values.size(0), values.size(1) + 1], dtype=kept.dtype, device=kept.device)
        place = torch.where(begins, newest - self.most_reads, torch.full_like(newest, values.size(1)))
        return torch.cat([kept, room.scatter(1, place, values.to(kept.dtype))], 1)

    def _painted(
        self, at: Tensor, newest: Tensor, onsets: Tensor, starts: Tensor, lengths: Tensor, size: int
    ) -> Tensor:
        """Reads over one another, oldest first; of those beneath one that is fully there nothing is computed."""
        weights: list[Tensor] = []
        sounds: list[Tensor] = []
        covered = torch.zeros_like(at, dtype=torch.bool)
        for age in range(self.most_reads):
            read = newest - age
            k = at - torch.gather(onsets, 1, read)
            length = torch.gather(lengths, 1, read)
            weight = torch.sin(self.half_turn * (k + 1).double() / (length + 1).double()).square()
            weight = torch.where(k >= length, torch.ones_like(weight), weight)
            weight = torch.where(length < 0, torch.zeros_like(weight), weight)
            weights.append(weight)
            sounds.append(self._read(torch.gather(starts, 1, read), k, size))
            covered = covered | (weight >= 1.0) | (length < 0)
            if bool(covered.all()):
                break
        out = torch.zeros_like(sounds[0])
        for i in range(len(weights)):
            w = weights[len(weights) - 1 - i][:, None]
            out = (1.0 - w) * out + w * sounds[len(weights) - 1 - i]
        return out.float()

    def _read(self, start: Tensor, k: Tensor, size: int) -> Tensor:
        """Table samples (batch, channel, time), ``k`` after a start."""
        whole = torch.floor(start)
        first = (whole.long() + k) % size
        share = (start - whole)[:, None]
        near = self.table[:, first].transpose(0, 1).double()
        next_one = self.table[:, (first + 1) % size].transpose(0, 1).double()
        return near + share * (next_one - near)
