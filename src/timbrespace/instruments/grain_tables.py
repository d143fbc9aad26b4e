"""The sounds that grains are read from: decoded step by step, as far as they are read, and kept for the next grain."""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from timbrespace.core.codec import LiveCodec
from timbrespace.instruments.strand import LEAD_IN, Strand

BEFORE: Final = 1
"""Samples in front of a table's first: what interpolation needs there."""
AFTER: Final = 4
"""Samples that interpolation may need beyond the last that is read."""
LONGEST: Final = 256
"""Latent steps a table grows to: the longest loop and the longest grain at 48 Hz."""
KEPT: Final = 4096
"""Latent steps kept in all tables together."""
ALIKE: Final = 1e-5
"""Latents that differ by less, or by this share, are the same: sums in another order."""

Array = npt.NDArray[Any]


class Budget:
    """How many latent steps may be decoded: ``rate`` per sample on average, and ``most`` at once.

    What is spent may go into debt, which is paid off before anything more is spent, so that large grains are possible
    and the mean holds. It counts samples, not the clock of the machine: the same notes are played on any.
    """

    def __init__(self, *, rate: float, most: float) -> None:
        self._rate = rate
        self._most = most
        self.refill()

    def refill(self) -> None:
        """Owe nothing and have all that can be spent at once."""
        self._left = self._most
        self._waited = 0

    def wait(self, samples: int) -> None:
        """Let ``samples`` pass."""
        self._waited += samples

    def spend(self, steps: int) -> bool:
        """Take ``steps``, if nothing is owed."""
        self._left = min(self._most, self._left + self._waited * self._rate)
        self._waited = 0
        if self._left <= 0:
            return False
        self._left -= steps
        return True


class Table:
    """The sound of a few latent steps, decoded no further than it was read.

    ``sound`` (channel, time) has its first sample at ``BEFORE``; before it stands the same once more.
    """

    def __init__(self, strand: Strand, latents: Array, samples: int, *, channels: int) -> None:
        self._strand = strand
        self.latents = latents
        self.sound = np.zeros((channels, BEFORE + samples), np.float32)
        self._filled = 0
        self._next = LEAD_IN
        strand.begin(self._source, lead=latents[:LEAD_IN])

    @property
    def room(self) -> int:
        """Samples that can be read."""
        return self.sound.shape[1] - BEFORE

    @property
    def mended(self) -> int:
        """Blocks that were not finite."""
        return self._strand.mended

    def row_of(self, latents: Array) -> int | None:
        """The row from which on this table's latents are the same, as far as it goes; None where there is none."""
        for row in np.flatnonzero(_alike(self.latents, latents[:1])).tolist():
            both = min(len(self.latents) - row, len(latents))
            if _alike(self.latents[row : row + both], latents[:both]).all():
                return int(row)
        return None

    def lengthen(self, more: Array, samples: int) -> None:
        """Be able to go on for ``more`` latents (step, latent), which may be none, and to ``samples`` in all."""
        self.latents = np.concatenate([self.latents, more])
        if samples > self.room:
            longer = np.zeros((len(self.sound), BEFORE + samples), np.float32)
            longer[:, : self.sound.shape[1]] = self.sound
            self.sound = longer

    def reach(self, samples: int) -> None:
        """Decode until ``samples`` are there."""
        missing = min(samples, self.room) - self._filled
        if missing <= 0:
            return
        at = BEFORE + self._filled
        self.sound[:, at : at + missing] = self._strand.render(missing)
        if self._filled == 0:
            self.sound[:, :BEFORE] = self.sound[:, BEFORE : BEFORE + 1]
        self._filled += missing

    def _source(self) -> Array:
        step = self.latents[min(self._next, len(self.latents) - 1)]
        self._next += 1
        return step


class Tables:
    """Tables by their latents, the last used ones kept; a new one costs steps of the budget, an old one nothing."""

    def __init__(self, codec: LiveCodec, *, budget: Budget) -> None:
        self._codec = codec
        self._budget = budget
        self._latency = codec.stream().latency
        self._tables: OrderedDict[bytes, Table] = OrderedDict()
        self._mended = 0

    @property
    def mended(self) -> int:
        """Decoded blocks that were not finite."""
        return self._mended + sum(table.mended for table in self._tables.values())

    def steps(self, samples: int) -> int:
        """Latent steps, leading ones included, that a table of as many samples takes."""
        return LEAD_IN + math.ceil((samples + self._latency) / self._codec.ratio)

    def find(self, latents: Array, samples: int) -> tuple[Table, int] | None:
        """A table with the sound of ``latents`` (step, latent), ``LEAD_IN`` of them leading, and where it begins there.

        Where a table runs through these latents already, as the last one does while a motion goes on, it is the sound
        that follows there, and only what is missing at its end is decoded. None where that is beyond the budget.
        """
        latents = np.ascontiguousarray(latents, np.float32)
        key = latents[: LEAD_IN + 1].tobytes()
        for name in dict.fromkeys((key, next(reversed(self._tables), key))):
            table = self._tables.get(name)
            row = table.row_of(latents) if table else None
            if table is None or row is None or row + len(latents) > max(LONGEST, len(latents)):
                continue
            more = latents[len(table.latents) - row :]
            if len(more) and not self._budget.spend(len(more)):
                return None
            table.lengthen(more, row * self._codec.ratio + samples)
            self._tables.move_to_end(name)
            return table, row * self._codec.ratio
        return self._new(key, latents, samples)

    def clear(self) -> None:
        """Forget all tables; grains keep theirs. The budget is as at the beginning."""
        while self._tables:
            self._forget(next(iter(self._tables)))
        self._budget.refill()

    def last(self, samples: int) -> Table | None:
        """The table used last of those that have as many samples; None if none has."""
        return next((t for t in reversed(self._tables.values()) if t.room >= samples), None)

    def _new(self, key: bytes, latents: Array, samples: int) -> tuple[Table, int] | None:
        if not self._budget.spend(len(latents)):
            return None
        self._forget(key)
        channels = self._codec.channels
        strand = Strand(self._codec.stream(), ratio=self._codec.ratio, channels=channels)
        table = Table(strand, latents, samples, channels=channels)
        self._tables[key] = table
        while len(self._tables) > 1 and sum(len(t.latents) for t in self._tables.values()) > KEPT:
            self._forget(next(iter(self._tables)))
        return table, 0

    def _forget(self, key: bytes) -> None:
        table = self._tables.pop(key, None)
        self._mended += table.mended if table else 0


def _alike(a: Array, b: Array) -> Array:
    """Of each row whether it is the same in both."""
    return np.asarray((np.abs(a - b) <= ALIKE * (1 + np.abs(b))).all(1))
