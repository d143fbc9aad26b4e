"""Bass voices: subtractive (saw, acid, sub, reese) and frequency modulation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from timbrespace.core.errors import ParameterError, did_you_mean
from timbrespace.datasets.synthetic.envelopes import decay, gate, n_of
from timbrespace.datasets.synthetic.filters import swept
from timbrespace.datasets.synthetic.oscillators import detuned_saws, fm, phase_of, pulse, saw, sine
from timbrespace.datasets.synthetic.sound import Signal

SOUNDS = ("saw", "acid", "sub", "reese", "fm")


@dataclass(frozen=True)
class BassPatch:
    """A bass sound: filter at rest (Hz), how many octaves its envelope opens it, for how long (s), and resonance.

    ``ratio`` and ``index`` are the modulator's for ``fm``.
    """

    sound: str
    cutoff: float
    octaves: float
    seconds: float
    q: float
    ratio: float
    index: float

    def __post_init__(self) -> None:
        if self.sound not in SOUNDS:
            raise ParameterError(f"There is no bass sound {self.sound!r}. {did_you_mean(self.sound, SOUNDS)}")


def bass_patch(sound: str, generator: np.random.Generator) -> BassPatch:
    """A patch of a kind, its settings drawn where they sound right."""
    resonant = sound == "acid"
    return BassPatch(
        sound=sound,
        cutoff=generator.uniform(180.0, 450.0) if resonant else generator.uniform(160.0, 800.0),
        octaves=generator.uniform(2.5, 4.2) if resonant else generator.uniform(1.0, 3.2),
        seconds=generator.uniform(0.12, 0.5),
        q=generator.uniform(4.0, 9.0) if resonant else generator.uniform(0.7, 2.2),
        ratio=float(generator.choice([1.0, 2.0, 3.0, 0.5])),
        index=generator.uniform(1.5, 5.0),
    )


def bass_note(
    patch: BassPatch,
    frequency: float,
    held: float,
    velocity: float,
    sample_rate: int,
    generator: np.random.Generator,
    *,
    glide_from: float | None = None,
) -> Signal:
    """One note held for ``held`` seconds; with ``glide_from`` (Hz) it slides from there in about 60 ms."""
    release = 0.06
    n = n_of(held + release, sample_rate)
    time = np.arange(n) / sample_rate
    start = frequency if glide_from is None else glide_from
    course = frequency * (start / frequency) ** np.exp(-time / 0.02)
    phase = phase_of(course, sample_rate)
    amplitude = gate(n, attack=0.004, held=held, release=release, sample_rate=sample_rate, sustain=0.7)
    source = _source(patch, phase, frequency, max(start, frequency), velocity, sample_rate, generator)
    opening = patch.octaves * (0.5 + 0.5 * velocity) * decay(n, 3.0 * patch.seconds, sample_rate)
    # Two filters in a row make the 24 dB per octave of the machines these sounds are known from.
    cutoff = np.maximum(patch.cutoff, 1.2 * frequency) * 2.0**opening
    steep = swept(swept(source, cutoff, sample_rate, q=patch.q), cutoff, sample_rate, q=0.6)
    out = source if patch.sound in ("fm", "sub") else np.tanh(1.3 * steep)
    return velocity * amplitude * out


def _source(
    patch: BassPatch,
    phase: Signal,
    frequency: float,
    highest: float,
    velocity: float,
    sample_rate: int,
    generator: np.random.Generator,
) -> Signal:
    fundamental = sine(phase)
    match patch.sound:
        case "saw":
            return 0.7 * saw(phase, highest, sample_rate) + 0.3 * fundamental
        case "acid":
            return 0.7 * pulse(phase, highest, sample_rate, width=0.45) + 0.3 * saw(phase, highest, sample_rate)
        case "reese":
            rough = detuned_saws(frequency, phase.size, sample_rate, generator, voices=3, cents=14.0)
            return 0.8 * rough + 0.3 * fundamental
        case "fm":
            index = patch.index * velocity * decay(phase.size, 2.5 * patch.seconds, sample_rate) + 0.25
            return fm(phase, ratio=patch.ratio, index=index, highest=highest, sample_rate=sample_rate)
        case _:
            warmth = np.tanh((1.0 + 1.5 * patch.q * decay(phase.size, patch.seconds, sample_rate)) * fundamental)
            return warmth + 0.3 * sine(2.0 * phase) + 0.12 * sine(3.0 * phase)
