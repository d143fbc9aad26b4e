"""Plucked strings: guitar, harp, koto, mandolin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from timbrespace.datasets.synthetic.envelopes import n_of, released
from timbrespace.datasets.synthetic.filters import body
from timbrespace.datasets.synthetic.instrument import Instrument, Note
from timbrespace.datasets.synthetic.sound import Signal
from timbrespace.datasets.synthetic.space import room
from timbrespace.datasets.synthetic.strings import string


@dataclass(frozen=True)
class Plucked(Instrument):
    """A string and a body.

    ``ring`` is the decay by 60 dB in seconds at 220 Hz, ``position`` where it is plucked (share of the
    string), ``hardness`` of the finger or plectrum, ``damping`` of high overtones, ``strings`` how many are
    tuned together, ``peaks`` the body's resonances (Hz, Q, dB).
    """

    ring: float
    position: float
    hardness: float
    damping: float
    strings: int
    peaks: tuple[tuple[float, float, float], ...]

    @property
    def family(self) -> str:
        return "plucked"

    @property
    def techniques(self) -> tuple[str, ...]:
        return ("ordinario", "muted", "harmonics", "tremolo")

    def play(self, note: Note, sample_rate: int, generator: np.random.Generator) -> Signal:
        if note.technique == "tremolo":
            dry = self._tremolo(note, sample_rate, generator)
        else:
            dry = self._pluck(note, note.technique, note.strength, note.seconds, sample_rate, generator)
        dry = released(dry, 0.25 * min(1.0, note.seconds), sample_rate)
        return room(body(dry, self.peaks, sample_rate), 0.7, 0.06, sample_rate, generator)

    def _pluck(
        self,
        note: Note,
        technique: str,
        strength: float,
        seconds: float,
        sample_rate: int,
        generator: np.random.Generator,
    ) -> Signal:
        """One pluck: two polarisations of each string, a fraction of a cent apart, so that the tone beats slowly."""
        ring = self.ring * (220.0 / note.frequency) ** 0.5 * (0.18 if technique == "muted" else 1.0)
        hardness = self.hardness * (0.15 + 0.85 * strength) * (0.35 if technique in ("harmonics", "muted") else 1.0)
        n = n_of(seconds, sample_rate)
        total = np.zeros(n)
        for number in range(2 * self.strings):
            cents = (0.4 if number % 2 else -0.4) + (1.2 if number >= 2 else 0.0) - 0.6 * (self.strings - 1)
            total += string(
                note.frequency * 2.0 ** (cents / 1200.0),
                n,
                sample_rate,
                generator,
                seconds=ring * (1.0 if number % 2 else 0.6),
                hardness=hardness,
                position=0.5 if technique == "harmonics" else self.position * generator.uniform(0.9, 1.1),
                damping=min(0.5, self.damping * (1.8 if technique == "muted" else 1.0)),
                roughness=0.1 + 0.3 * strength,
            )
        return total

    def _tremolo(self, note: Note, sample_rate: int, generator: np.random.Generator) -> Signal:
        """Plucks some eleven times a second, each stopping the one before."""
        total = np.zeros(n_of(note.seconds + 0.3, sample_rate))
        rate = generator.uniform(9.5, 12.5)
        n_plucks = int(note.seconds * rate)
        for i in range(n_plucks):
            start = round((i / rate + 0.004 * abs(generator.standard_normal())) * sample_rate)
            strength = note.strength * generator.uniform(0.75, 1.0)
            last = i == n_plucks - 1
            one = self._pluck(note, "ordinario", strength, 0.6 if last else 1.0 / rate, sample_rate, generator)
            one = one[: total.size - start]
            total[start : start + one.size] += (0.5 + 0.5 * strength) * released(one, 0.012, sample_rate)
        return total


PLUCKED = (
    Plucked(
        "guitar", 40, 79, ring=4.0, position=0.16, hardness=0.55, damping=0.28, strings=1,
        peaks=((102.0, 8.0, 7.0), (205.0, 9.0, 6.0), (390.0, 6.0, 4.0), (2_600.0, 2.0, -4.0)),
    ),
    Plucked(
        "harp", 43, 91, ring=5.5, position=0.38, hardness=0.4, damping=0.16, strings=1,
        peaks=((140.0, 4.0, 4.0), (280.0, 4.0, 3.0), (1_200.0, 1.5, -3.0)),
    ),
    Plucked(
        "koto", 48, 84, ring=2.2, position=0.08, hardness=0.85, damping=0.2, strings=1,
        peaks=((310.0, 5.0, 6.0), (620.0, 6.0, 5.0), (1_900.0, 3.0, 4.0)),
    ),
    Plucked(
        "mandolin", 55, 88, ring=1.5, position=0.12, hardness=0.9, damping=0.34, strings=2,
        peaks=((210.0, 5.0, 4.0), (440.0, 5.0, 5.0), (950.0, 4.0, 4.0), (3_000.0, 2.0, 3.0)),
    ),
)  # fmt: skip
