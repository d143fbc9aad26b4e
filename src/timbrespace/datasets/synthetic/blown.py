"""Blown pipes: flute, clarinet, oboe, trumpet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from timbrespace.datasets.synthetic.envelopes import drift, gate, n_of, pink, rise
from timbrespace.datasets.synthetic.filters import band_pass, swept
from timbrespace.datasets.synthetic.instrument import Instrument, Note, partials
from timbrespace.datasets.synthetic.oscillators import harmonics, phase_of
from timbrespace.datasets.synthetic.sound import Signal
from timbrespace.datasets.synthetic.space import room


@dataclass(frozen=True)
class Blown(Instrument):
    """Two harmonic spectra, one for soft and one for strong breath, between which the breath moves, and air.

    The k-th harmonic of the strong breath falls as k^-``slope``, rounded off above ``cutoff`` Hz; ``even``
    is how much of the even harmonics a pipe lets through (little in one that is closed at one end);
    ``formants`` are broad peaks (Hz, width in octaves, gain in dB), ``breath`` the share of noise, ``attack``
    in seconds. That brightness follows loudness is what tells a blown tone from a played-back one
    (Risset, Mathews 1969, doi.org/10.1063/1.3035399).
    """

    slope: float
    cutoff: float
    even: float
    formants: tuple[tuple[float, float, float], ...]
    breath: float
    attack: float
    vibrato: float

    @property
    def family(self) -> str:
        return "blown"

    @property
    def techniques(self) -> tuple[str, ...]:
        return ("ordinario", "staccato", "flutter", "non-vibrato", "breathy")

    def play(self, note: Note, sample_rate: int, generator: np.random.Generator) -> Signal:
        short = note.technique == "staccato"
        held = 0.13 + 0.08 * float(generator.random()) if short else note.seconds
        n = n_of(held + 0.2, sample_rate)
        trill = self._vibrato(note, n, sample_rate, generator)
        breath = self._breath(note, n, held, trill, sample_rate, generator)
        onset = np.exp(-np.arange(n) / (0.02 * sample_rate))
        cents = 0.35 * self.vibrato * trill + 0.8 * drift(n, 3.0, sample_rate, generator) - 18.0 * onset
        phase = phase_of(note.frequency * 2.0 ** (cents / 1200.0), sample_rate, start=generator.random())
        # The strong spectrum sets in later than the soft one, and leaves first.
        press = np.clip(breath, 0.0, 1.2) ** 1.5 * note.strength
        soft = harmonics(phase, self._spectrum(note.frequency, 0.0, sample_rate))
        strong = harmonics(phase, self._spectrum(note.frequency, 1.0, sample_rate))
        tone = breath * ((1.0 - press) * soft + press * strong)
        air = self._air(note, breath, sample_rate, generator)
        return room(tone + air, 1.2, 0.12, sample_rate, generator)

    def _vibrato(self, note: Note, n: int, sample_rate: int, generator: np.random.Generator) -> Signal:
        """A swing of about 5 Hz in [-1, 1] that sets in after a moment, or none."""
        if note.technique not in ("ordinario", "breathy"):
            return np.zeros(n)
        rate = generator.uniform(4.5, 5.6) + 0.2 * drift(n, 1.0, sample_rate, generator)
        return rise(n, 0.8, sample_rate) * np.sin(2.0 * np.pi * phase_of(rate, sample_rate))

    def _breath(
        self, note: Note, n: int, held: float, trill: Signal, sample_rate: int, generator: np.random.Generator
    ) -> Signal:
        """The pressure of the breath in [0, 1]: attack, unsteadiness, vibrato, a rolled tongue for flutter."""
        attack = 0.02 if note.technique == "staccato" else self.attack * (1.4 - 0.7 * note.strength)
        breath = gate(n, attack=attack, held=held, release=0.09, sample_rate=sample_rate, sustain=0.9)
        breath = breath * (1.0 + 0.01 * self.vibrato * trill + 0.03 * drift(n, 5.0, sample_rate, generator))
        if note.technique == "flutter":
            rate = generator.uniform(22.0, 28.0) * (1.0 + 0.04 * drift(n, 8.0, sample_rate, generator))
            breath = breath * (0.6 + 0.4 * np.sin(2.0 * np.pi * phase_of(rate, sample_rate)))
        return breath

    def _spectrum(self, frequency: float, strength: float, sample_rate: int) -> Signal:
        """The harmonics' amplitudes for a soft (0) or a strong (1) breath, of unit norm."""
        k = partials(frequency, sample_rate)
        cutoff = self.cutoff * (0.3 + 0.7 * strength)
        levels = k ** -(self.slope + 1.6 * (1.0 - strength))
        levels = levels / (1.0 + (k * frequency / cutoff) ** 3)
        levels = levels * np.where(k % 2 == 0, self.even + (1.0 - self.even) * np.minimum(1.0, k / 14.0), 1.0)
        for centre, octaves, gain_db in self.formants:
            distance = np.log2(k * frequency / centre) / octaves
            levels = levels * 10.0 ** (gain_db / 20.0 * np.exp(-0.5 * distance**2))
        return levels / np.linalg.norm(levels)

    def _air(self, note: Note, breath: Signal, sample_rate: int, generator: np.random.Generator) -> Signal:
        """Noise of the breath, coloured by the pipe, and the chiff with which a tone starts."""
        amount = self.breath * (4.0 if note.technique == "breathy" else 1.0)
        noise = pink(breath.size, generator)
        piped = swept(noise, note.frequency, sample_rate, q=9.0, mode="band")
        piped += 0.7 * swept(noise, 2.0 * note.frequency, sample_rate, q=9.0, mode="band")
        wide = band_pass(noise, 800.0, 6_000.0, sample_rate)
        colour = 0.6 * piped / max(1e-9, float(piped.std())) + 0.4 * wide / max(1e-9, float(wide.std()))
        time = np.arange(breath.size) / sample_rate
        chiff = 3.0 * np.exp(-time / 0.025) * rise(breath.size, 0.006, sample_rate)
        return amount * (0.5 + 0.5 * note.strength) * (breath + chiff) * colour


BLOWN = (
    Blown("flute", 60, 93, slope=1.5, cutoff=3_600.0, even=1.0, formants=((900.0, 0.7, 4.0),),
          breath=0.045, attack=0.07, vibrato=16.0),
    Blown("clarinet", 50, 86, slope=0.7, cutoff=3_400.0, even=0.07, formants=((1_500.0, 0.6, 3.0),),
          breath=0.012, attack=0.06, vibrato=3.0),
    Blown("oboe", 58, 88, slope=0.35, cutoff=4_200.0, even=1.0, formants=((1_150.0, 0.35, 9.0), (2_800.0, 0.3, 6.0)),
          breath=0.008, attack=0.04, vibrato=9.0),
    Blown("trumpet", 54, 82, slope=0.15, cutoff=5_500.0, even=1.0, formants=((1_250.0, 0.6, 5.0),),
          breath=0.008, attack=0.045, vibrato=7.0),
)  # fmt: skip
