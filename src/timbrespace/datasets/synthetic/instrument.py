"""What all instruments share: a range, techniques, and notes to play."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from timbrespace.datasets.synthetic.sound import Signal

DYNAMICS: dict[str, float] = {"pp": 0.1, "p": 0.3, "mf": 0.55, "f": 0.8, "ff": 1.0}
"""How strongly a note of each dynamics is played."""
PEAK_DB: dict[str, float] = {"pp": -13.0, "p": -10.0, "mf": -7.0, "f": -4.0, "ff": -1.0}
"""How high a note of each dynamics peaks, in dBFS."""


@dataclass(frozen=True)
class Note:
    """A note to play: ``frequency`` in Hz, ``strength`` in (0, 1], ``technique``, and for how long in ``seconds``."""

    frequency: float
    strength: float
    technique: str = "ordinario"
    seconds: float = 1.6


@dataclass(frozen=True)
class Instrument(ABC):
    """An instrument that sounds from MIDI note ``lowest`` to ``highest``."""

    name: str
    lowest: int
    highest: int

    @property
    @abstractmethod
    def family(self) -> str:
        """How it is excited: plucked, bowed, blown or struck."""

    @property
    @abstractmethod
    def techniques(self) -> tuple[str, ...]:
        """What it can do, the ordinary way first."""

    @abstractmethod
    def play(self, note: Note, sample_rate: int, generator: np.random.Generator) -> Signal:
        """The sound of a note, not yet at its final level."""


def partials(frequency: float, sample_rate: int, *, room_cents: float = 60.0) -> Signal:
    """The harmonic numbers 1, 2, ... that stay under Nyquist even ``room_cents`` above ``frequency``."""
    highest = frequency * 2.0 ** (room_cents / 1200.0)
    return np.arange(1.0, max(2.0, np.floor(0.46 * sample_rate / highest) + 1.0))
