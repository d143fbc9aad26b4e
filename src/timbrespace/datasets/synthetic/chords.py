"""Keyboard voices for chords and arpeggios: pad, stab, electric piano, organ; pluck, bell, chip, string."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from timbrespace.datasets.synthetic.envelopes import decay, gate, n_of
from timbrespace.datasets.synthetic.filters import swept
from timbrespace.datasets.synthetic.oscillators import (
    detuned_saws,
    fm,
    pulse,
    saw,
    sine,
    steady_phase,
)
from timbrespace.datasets.synthetic.sound import Signal
from timbrespace.datasets.synthetic.strings import string

_DRAWBARS = (0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0)


@dataclass(frozen=True)
class KeyPatch:
    """What the voices of one part share, each in [0, 1]: ``bright``, ``long``, ``rich`` (detuning, index, drawbars)."""

    bright: float
    long: float
    rich: float


def key_patch(generator: np.random.Generator) -> KeyPatch:
    """A patch drawn evenly."""
    bright, long, rich = generator.random(3)
    return KeyPatch(bright=float(bright), long=float(long), rich=float(rich))


KeyVoice = Callable[[KeyPatch, float, float, float, int, np.random.Generator], Signal]
"""(patch, frequency in Hz, seconds held, velocity, sample rate, generator) -> one note with its release."""


def pad(
    patch: KeyPatch, frequency: float, held: float, velocity: float, sample_rate: int, generator: np.random.Generator
) -> Signal:
    """Detuned saws that swell behind a filter that opens and closes."""
    attack = min(0.05 + 0.4 * patch.long, 0.5 * held)
    release = 0.25 + 0.8 * patch.long
    n = n_of(held + release, sample_rate)
    source = detuned_saws(frequency, n, sample_rate, generator, voices=4, cents=6.0 + 12.0 * patch.rich)
    envelope = gate(n, attack=attack, held=held, release=release, sample_rate=sample_rate)
    cutoff = frequency * (1.5 + envelope * (2.0 + 8.0 * patch.bright * velocity))
    return velocity * envelope * swept(source, cutoff, sample_rate, q=0.8)


def stab(
    patch: KeyPatch, frequency: float, held: float, velocity: float, sample_rate: int, generator: np.random.Generator
) -> Signal:
    """Detuned saws behind a filter that snaps shut."""
    length = min(held, 0.12 + 0.3 * patch.long)
    n = n_of(length + 0.15, sample_rate)
    source = detuned_saws(frequency, n, sample_rate, generator, voices=3, cents=4.0 + 10.0 * patch.rich)
    snap = decay(n, 0.25 + 0.5 * patch.long, sample_rate)
    cutoff = 350.0 + (1_500.0 + 6_000.0 * patch.bright) * velocity * snap
    envelope = gate(n, attack=0.003, held=length, release=0.15, sample_rate=sample_rate, sustain=0.4)
    return velocity * envelope * swept(source, cutoff, sample_rate, q=1.0 + 2.0 * patch.rich)


def electric_piano(
    patch: KeyPatch, frequency: float, held: float, velocity: float, sample_rate: int, generator: np.random.Generator
) -> Signal:
    """Frequency modulation 1:1 for the body and 14:1 for the tine, after the best-known preset of 1983."""
    release = 0.18
    n = n_of(held + release, sample_rate)
    phase = steady_phase(frequency, n, sample_rate)
    index = (0.35 + 1.6 * velocity * patch.bright) * decay(n, 0.9 + 1.5 * patch.long, sample_rate) + 0.08
    tone = fm(phase, ratio=1.0, index=index, highest=frequency, sample_rate=sample_rate)
    tine_index = 0.5 * velocity * decay(n, 0.4, sample_rate)
    tine = fm(phase, ratio=14.0, index=tine_index, highest=frequency, sample_rate=sample_rate)
    ring = decay(n, (2.2 + 2.5 * patch.long) * (220.0 / frequency) ** 0.3, sample_rate)
    shake = 1.0 - 0.22 * patch.rich * (0.5 + 0.5 * sine(steady_phase(4.6, n, sample_rate, start=generator.random())))
    envelope = gate(n, attack=0.002, held=held, release=release, sample_rate=sample_rate)
    return velocity * envelope * shake * (0.85 * tone * ring + 0.2 * tine * decay(n, 0.7, sample_rate))


def organ(
    patch: KeyPatch, frequency: float, held: float, velocity: float, sample_rate: int, generator: np.random.Generator
) -> Signal:
    """Drawbars with a key click and a slow rotary speaker."""
    n = n_of(held + 0.06, sample_rate)
    levels = np.array([0.6, 1.0, 0.7 * patch.rich, 0.5, 0.4 * patch.bright, 0.25 * patch.bright, 0.2 * patch.bright])
    start = float(generator.random())
    time = np.arange(n) / sample_rate
    rotor = 0.8 + 5.4 * patch.long
    # Doppler: a phase that swings by a fixed time, so that all drawbars bend alike.
    swing = 0.00012 * np.sin(2.0 * np.pi * (rotor * time + start))
    phase = frequency * (time + swing)
    tone = np.zeros(n)
    for bar, level in zip(_DRAWBARS, levels, strict=True):
        if bar * frequency < 0.45 * sample_rate:
            tone += level * sine(bar * phase + generator.random())
    click = generator.standard_normal(n) * decay(n, 0.012, sample_rate)
    envelope = gate(n, attack=0.005, held=held, release=0.05, sample_rate=sample_rate)
    pulse_of_rotor = 1.0 + 0.12 * np.sin(2.0 * np.pi * (rotor * time + start + 0.25))
    return velocity * envelope * pulse_of_rotor * (0.35 * tone + 0.06 * swept(click, 2_500.0, sample_rate))


def pluck(
    patch: KeyPatch, frequency: float, held: float, velocity: float, sample_rate: int, generator: np.random.Generator
) -> Signal:
    """Two detuned saws, a filter that closes at once."""
    length = held + 0.1 + 0.4 * patch.long
    n = n_of(length, sample_rate)
    source = detuned_saws(frequency, n, sample_rate, generator, voices=2, cents=3.0 + 7.0 * patch.rich)
    shape = decay(n, 0.3 + 0.6 * patch.long, sample_rate)
    cutoff = frequency * (1.0 + 14.0 * (0.25 + patch.bright) * velocity * shape)
    envelope = gate(n, attack=0.002, held=0.6 * length, release=0.4 * length, sample_rate=sample_rate)
    return velocity * envelope * np.sqrt(shape) * swept(source, cutoff, sample_rate, q=1.0 + 2.5 * patch.bright)


def bell(
    patch: KeyPatch, frequency: float, held: float, velocity: float, sample_rate: int, generator: np.random.Generator
) -> Signal:
    """Frequency modulation at an inharmonic ratio: glass when rich, a music box when not."""
    ratio = float(generator.choice([3.5, 2.76])) if patch.rich > 0.5 else 4.0
    n = n_of(held + 0.5 + 0.9 * patch.long, sample_rate)
    index = (0.6 + 1.8 * patch.bright * velocity) * decay(n, 0.8, sample_rate)
    phase = steady_phase(frequency, n, sample_rate)
    tone = fm(phase, ratio=ratio, index=index, highest=frequency, sample_rate=sample_rate)
    length = n / sample_rate
    envelope = gate(n, attack=0.002, held=0.7 * length, release=0.3 * length, sample_rate=sample_rate)
    return 0.8 * velocity * tone * decay(n, 1.2 * length, sample_rate) * envelope


def chip(
    patch: KeyPatch, frequency: float, held: float, velocity: float, sample_rate: int, generator: np.random.Generator
) -> Signal:
    """A bare pulse wave, as a games console plays it."""
    n = n_of(0.8 * held + 0.03, sample_rate)
    width = (0.5, 0.25, 0.125)[min(2, int(3 * patch.rich))]
    phase = steady_phase(frequency, n, sample_rate, start=generator.random())
    tone = pulse(phase, frequency, sample_rate, width=width) + 0.3 * patch.bright * saw(phase, frequency, sample_rate)
    envelope = gate(n, attack=0.002, held=0.8 * held, release=0.03, sample_rate=sample_rate, sustain=0.35)
    return 0.7 * velocity * tone * envelope


def string_pluck(
    patch: KeyPatch, frequency: float, held: float, velocity: float, sample_rate: int, generator: np.random.Generator
) -> Signal:
    """A plucked string, as bright as it is struck."""
    n = n_of(held + 0.4 + 0.8 * patch.long, sample_rate)
    hardness = 0.25 + 0.6 * patch.bright * velocity
    tone = string(frequency, n, sample_rate, generator, seconds=0.8 + 2.0 * patch.long, hardness=hardness)
    length = n / sample_rate
    return velocity * tone * gate(n, attack=0.0, held=0.7 * length, release=0.3 * length, sample_rate=sample_rate)


CHORD_VOICES: dict[str, KeyVoice] = {"pad": pad, "stab": stab, "epiano": electric_piano, "organ": organ}
ARP_VOICES: dict[str, KeyVoice] = {"pluck": pluck, "bell": bell, "chip": chip, "string": string_pluck}
