"""Classic granular playback of a table: two signals, and the length of a crossfade."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from timbrespace.core.errors import ParameterError
from timbrespace.instruments.sound_table_kernels import MOST_READS, play

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class TableState:
    """What playing remembers: phase and number of reads; per read its age, its start and the length of its fade."""

    numbers: Array = field(default_factory=lambda: np.array([0, -1]))
    ages: Array = field(default_factory=lambda: np.zeros(MOST_READS, np.int64))
    starts: Array = field(default_factory=lambda: np.zeros(MOST_READS))
    fades: Array = field(default_factory=lambda: np.zeros(MOST_READS, np.int64))

    def copy(self) -> TableState:
        """The same, on its own."""
        return TableState(self.numbers.copy(), self.ages.copy(), self.starts.copy(), self.fades.copy())


def render_table(
    table: Array, frequency: Array, start: Array, *, crossfade: int, sample_rate: float, state: TableState
) -> tuple[Array, TableState]:
    """Sound (channel, time) of a ``table`` (channel, N), and the state to go on with; any cut gives the same samples.

    ``frequency`` (time,) in Hz and ``start`` (time,) in samples of the table are signals, ``crossfade`` is a number C.

    - A phase in fixed point, 64 bits with 40 behind the point, begins at 0 and grows at every sample n by
      ``floor(f[n] / sample_rate * 2^40 + 1/2)``; f is held between 0 and half the rate. What is not finite is 0.
    - Whenever its whole part grows, and at the very first sample, a read begins at this sample at
      ``s[n] - floor(s[n] / N) N``. It reads one sample of the table per sample, around its end, with linear
      interpolation between two for the fraction of its start. The pitch is the table's; f is the rate of the grains.
    - A read fades in over what sounded before: ``y <- (1 - w) y + w x``, from the oldest to the newest, beginning with
      silence, where ``w = sin²(pi/2 (k + 1) / (F + 1))`` for its k-th sample while k < F and 1 afterwards, with
      ``F = min(C, max(1, floor(sample_rate / f[n])))`` at its onset. So no grain rate clicks; with C = 0 a read
      begins at once.
    - At most 16 reads are alive: whoever reached w = 1 ends those before it, a seventeenth ends the oldest.

    Sums are of double precision, the sound of single.
    """
    if table.ndim != 2 or table.shape[1] == 0:
        raise ParameterError(f"A sound table has shape (channel, sample), not {tuple(table.shape)}.")
    if frequency.shape != start.shape or frequency.ndim != 1:
        raise ParameterError(
            f"Frequency and start are signals of one length, not of shapes {frequency.shape} and {start.shape}."
        )
    after = state.copy()
    out = np.zeros((len(table), len(frequency)), np.float32)
    play(
        np.ascontiguousarray(table, np.float32),
        np.ascontiguousarray(frequency, np.float64),
        np.ascontiguousarray(start, np.float64),
        int(crossfade),
        float(sample_rate),
        after.numbers,
        after.ages,
        after.starts,
        after.fades,
        out,
    )
    return out, after
