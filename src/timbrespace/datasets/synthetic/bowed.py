"""Bowed strings: violin, viola, cello, contrabass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from timbrespace.datasets.synthetic.envelopes import drift, gate, n_of, pink, released, rise
from timbrespace.datasets.synthetic.filters import band_pass, body
from timbrespace.datasets.synthetic.instrument import Instrument, Note, partials
from timbrespace.datasets.synthetic.oscillators import harmonics, phase_of
from timbrespace.datasets.synthetic.sound import Signal
from timbrespace.datasets.synthetic.space import room
from timbrespace.datasets.synthetic.strings import string


@dataclass(frozen=True)
class Bowed(Instrument):
    """Helmholtz motion (a sawtooth with the bow's comb), noise of the bow, and a body.

    Under vibrato the overtones slide over the body's resonances (Hz, Q, dB), and each swells in its own
    rhythm: that is what makes a string sound alive (Fletcher, Rossing, The Physics of Musical Instruments, 1998).
    ``attack`` is in seconds.
    """

    attack: float
    peaks: tuple[tuple[float, float, float], ...]

    @property
    def family(self) -> str:
        return "bowed"

    @property
    def techniques(self) -> tuple[str, ...]:
        return ("ordinario", "tremolo", "pizzicato", "staccato", "harmonics", "ponticello")

    def play(self, note: Note, sample_rate: int, generator: np.random.Generator) -> Signal:
        dry = (self._pizzicato if note.technique == "pizzicato" else self._bow)(note, sample_rate, generator)
        return room(body(dry, self.peaks, sample_rate), 1.1, 0.12, sample_rate, generator)

    def _pizzicato(self, note: Note, sample_rate: int, generator: np.random.Generator) -> Signal:
        n = n_of(min(1.2, note.seconds), sample_rate)
        seconds = 0.9 * (220.0 / note.frequency) ** 0.4
        hardness = 0.1 + 0.45 * note.strength
        tone = string(
            note.frequency, n, sample_rate, generator, seconds=seconds, hardness=hardness, position=0.25, damping=0.45
        )
        return released(tone, 0.2, sample_rate)

    def _bow(self, note: Note, sample_rate: int, generator: np.random.Generator) -> Signal:
        short = note.technique == "staccato"
        held = 0.14 + 0.08 * float(generator.random()) if short else note.seconds
        attack = 0.025 if short else self.attack * (1.5 - 0.8 * note.strength)
        n = n_of(held + 0.25, sample_rate)
        phase = phase_of(self._pitch(note, n, sample_rate, generator), sample_rate, start=generator.random())
        amplitude = gate(n, attack=attack, held=held, release=0.12, sample_rate=sample_rate)
        amplitude = amplitude * (1.0 + 0.05 * drift(n, 3.0, sample_rate, generator))
        if note.technique == "tremolo":
            amplitude = amplitude * _strokes(n, sample_rate, generator)
        tone = harmonics(phase, self._spectrum(note, sample_rate))
        return amplitude * (tone + self._bow_noise(note, phase, sample_rate, generator))

    def _pitch(self, note: Note, n: int, sample_rate: int, generator: np.random.Generator) -> Signal:
        """The frequency: a scoop at the start, vibrato that sets in late, and a hand's small errors."""
        time = np.arange(n) / sample_rate
        still = note.technique in ("staccato", "tremolo", "harmonics")
        depth = 0.0 if still else generator.uniform(9.0, 17.0)
        rate = generator.uniform(5.0, 6.1) + 0.15 * drift(n, 1.0, sample_rate, generator)
        wave = np.sin(2.0 * np.pi * phase_of(rate, sample_rate))
        cents = depth * rise(n, 0.7, sample_rate) * wave - 14.0 * np.exp(-time / 0.03)
        return note.frequency * 2.0 ** ((cents + 1.0 * drift(n, 4.0, sample_rate, generator)) / 1200.0)

    def _spectrum(self, note: Note, sample_rate: int) -> Signal:
        """1/k with the zeros of the bow's place; the harder and the nearer to the bridge, the brighter."""
        k = partials(note.frequency, sample_rate)
        if note.technique == "harmonics":
            return 0.5 * k**-2.4
        bridge = note.technique == "ponticello"
        place = 0.045 if bridge else 0.13 - 0.04 * note.strength
        comb = 0.25 + 0.75 * np.abs(np.sin(np.pi * k * place))
        cutoff = (1_200.0 + 4_500.0 * note.strength**1.3) * (1.7 if bridge else 1.0)
        softened = 1.0 / np.sqrt(1.0 + (k * note.frequency / cutoff) ** 4)
        amplitudes = comb * softened / (k**0.6 if bridge else k)
        out: Signal = amplitudes / np.linalg.norm(amplitudes)
        return out

    def _bow_noise(self, note: Note, phase: Signal, sample_rate: int, generator: np.random.Generator) -> Signal:
        """Hair on the string: noise that is loudest in the slip of each period, and a scratch at the start."""
        n = phase.size
        noise = band_pass(pink(n, generator), 500.0, 7_000.0, sample_rate)
        slip = 0.35 + 0.65 * np.exp(-6.0 * (phase - np.floor(phase)))
        amount = {"harmonics": 0.09, "ponticello": 0.07, "tremolo": 0.05}.get(note.technique, 0.025)
        scratch = 1.0 + 5.0 * np.exp(-np.arange(n) / (0.03 * sample_rate))
        return amount * (0.6 + 0.4 * note.strength) * slip * scratch * noise / max(1e-9, float(noise.std()))


def _strokes(n: int, sample_rate: int, generator: np.random.Generator) -> Signal:
    """The amplitude of a bow that turns some twelve times a second, never quite evenly."""
    rate = generator.uniform(10.5, 13.0) * (1.0 + 0.05 * drift(n, 6.0, sample_rate, generator))
    turn = np.abs(np.sin(np.pi * phase_of(rate, sample_rate))) ** 0.7
    return (0.12 + 0.88 * turn) * (1.0 + 0.12 * drift(n, 11.0, sample_rate, generator))


BOWED = (
    Bowed(
        "violin", 55, 96, attack=0.07,
        peaks=((280.0, 8.0, 6.0), (460.0, 10.0, 5.0), (550.0, 11.0, 6.0), (1_050.0, 5.0, 3.0), (1_500.0, 5.0, -4.0),
               (2_600.0, 2.2, 6.0), (6_000.0, 1.0, -8.0)),
    ),
    Bowed(
        "viola", 48, 84, attack=0.09,
        peaks=((220.0, 8.0, 6.0), (360.0, 9.0, 5.0), (620.0, 8.0, 5.0), (1_200.0, 3.0, 4.0), (2_000.0, 2.0, 2.0),
               (4_500.0, 1.0, -9.0)),
    ),
    Bowed(
        "cello", 36, 76, attack=0.1,
        peaks=((98.0, 7.0, 5.0), (180.0, 8.0, 6.0), (230.0, 9.0, 4.0), (600.0, 4.0, 4.0), (1_500.0, 2.5, 3.0),
               (3_500.0, 1.0, -9.0)),
    ),
    Bowed(
        "contrabass", 28, 60, attack=0.13,
        peaks=((62.0, 6.0, 4.0), (110.0, 7.0, 6.0), (300.0, 4.0, 4.0), (800.0, 2.5, 3.0), (2_500.0, 1.0, -8.0)),
    ),
)  # fmt: skip
