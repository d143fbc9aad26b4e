"""Struck bars, plates and tines: marimba, vibraphone, bell, electric piano."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from timbrespace.datasets.synthetic.envelopes import decay, n_of, released
from timbrespace.datasets.synthetic.filters import band_pass, resonator
from timbrespace.datasets.synthetic.instrument import Instrument, Note
from timbrespace.datasets.synthetic.sound import Signal
from timbrespace.datasets.synthetic.space import room

Mode = tuple[float, float, float]
"""(frequency over the fundamental, amplitude, decay over the fundamental's)."""


@dataclass(frozen=True)
class Struck(Instrument):
    """Modes that ring, excited by a mallet: the harder and stronger the stroke, the shorter the contact.

    ``modes`` are the ratios of the bar, plate or tine; ``ring`` is the fundamental's decay by 60 dB in seconds
    at 440 Hz, ``contact`` the mallet's time on the bar in seconds at pp, ``knock`` its noise, ``motor`` the
    depth of a rotating damper (Fletcher, Rossing, The Physics of Musical Instruments, 1998, chapters 19 and 21).
    """

    modes: tuple[Mode, ...]
    ring: float
    contact: float
    knock: float
    motor: float

    @property
    def family(self) -> str:
        return "struck"

    @property
    def techniques(self) -> tuple[str, ...]:
        return ("ordinario", "tremolo", "muted")

    def play(self, note: Note, sample_rate: int, generator: np.random.Generator) -> Signal:
        n = n_of(note.seconds + 0.4, sample_rate)
        force = self._strokes(note, n, sample_rate, generator)
        total = np.zeros(n)
        ring = self.ring * (440.0 / note.frequency) ** 0.5 * (0.12 if note.technique == "muted" else 1.0)
        for ratio, amplitude, share in self.modes:
            frequency = ratio * note.frequency
            if frequency < 0.45 * sample_rate:
                level = amplitude * generator.uniform(0.85, 1.15)
                total += level * resonator(force, frequency, max(0.02, ring * share), sample_rate)
        total /= max(1e-9, float(np.abs(total).max()))
        turns = np.sin(2.0 * np.pi * (generator.uniform(4.0, 6.0) * np.arange(n) / sample_rate + generator.random()))
        total *= 1.0 - self.motor * (0.5 + 0.5 * turns)
        total += self._knock(note, n, sample_rate, generator)
        total = released(total, 0.3, sample_rate)
        return room(total, 1.0, 0.08, sample_rate, generator)

    def _strokes(self, note: Note, n: int, sample_rate: int, generator: np.random.Generator) -> Signal:
        """The mallet's force: one raised cosine, or a roll of them."""
        force = np.zeros(n)
        rolled = note.technique == "tremolo"
        rate = generator.uniform(10.0, 13.0)
        for i in range(int(note.seconds * rate) if rolled else 1):
            strength = note.strength * (generator.uniform(0.7, 1.0) if rolled else 1.0)
            width = max(3, round(self.contact * (1.0 - 0.75 * strength) * sample_rate))
            start = round((i / rate + (0.005 * generator.random() if rolled else 0.0)) * sample_rate)
            blow = np.hanning(width + 2)[1:-1]
            force[start : start + width] += (0.4 + 0.6 * strength) * blow / blow.sum()
        return force

    def _knock(self, note: Note, n: int, sample_rate: int, generator: np.random.Generator) -> Signal:
        noise = band_pass(generator.standard_normal(n), 250.0, 800.0 + 3_000.0 * note.strength, sample_rate)
        return self.knock * note.strength * decay(n, 0.03, sample_rate) * noise / max(1e-9, float(noise.std()))


STRUCK = (
    Struck("marimba", 45, 91, modes=((1.0, 1.0, 1.0), (3.98, 0.45, 0.3), (9.9, 0.3, 0.12), (16.5, 0.12, 0.06)),
           ring=0.9, contact=0.0026, knock=0.05, motor=0.0),
    Struck("vibraphone", 53, 89, modes=((1.0, 1.0, 1.0), (4.0, 0.35, 0.5), (10.2, 0.18, 0.25), (17.8, 0.05, 0.1)),
           ring=5.0, contact=0.0018, knock=0.02, motor=0.3),
    Struck("bell", 60, 84,
           modes=((0.5, 0.35, 1.6), (1.0, 1.0, 1.0), (1.19, 0.6, 0.9), (1.5, 0.3, 0.5), (2.0, 0.7, 0.55),
                  (2.52, 0.3, 0.35), (2.66, 0.25, 0.3), (3.01, 0.4, 0.3), (4.17, 0.35, 0.22), (5.43, 0.25, 0.15),
                  (6.8, 0.18, 0.1)),
           ring=4.5, contact=0.0009, knock=0.03, motor=0.0),
    Struck("electric-piano", 40, 84,
           modes=((1.0, 1.0, 1.0), (2.0, 0.4, 0.75), (3.0, 0.22, 0.5), (4.0, 0.1, 0.4), (5.0, 0.07, 0.3),
                  (6.27, 0.25, 0.12), (17.5, 0.2, 0.05)),
           ring=3.2, contact=0.0022, knock=0.03, motor=0.12),
)  # fmt: skip
