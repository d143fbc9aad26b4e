"""A drum machine: every voice is synthesised from sines, pulses and noise.

Each voice takes a generator (which draws its character), the velocity in (0, 1] and how ``deep`` it is in
[0, 1] (lower and longer), and returns one stroke.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from timbrespace.datasets.synthetic.envelopes import decay, n_of, rise
from timbrespace.datasets.synthetic.filters import band_pass, high_pass, low_pass, resonator, swept
from timbrespace.datasets.synthetic.oscillators import phase_of, pulse, sine, steady_phase
from timbrespace.datasets.synthetic.sound import Signal

Voice = Callable[[np.random.Generator, float, float, int], Signal]


def _falling(start: float, end: float, seconds: float, n_samples: int, sample_rate: int) -> Signal:
    """A frequency that falls from ``start`` to ``end`` Hz; two thirds of the way (in octaves) in ``seconds``."""
    time = np.arange(n_samples) / sample_rate
    return end * (start / end) ** np.exp(-time / seconds)


def kick(generator: np.random.Generator, velocity: float, deep: float, sample_rate: int) -> Signal:
    """A sine that falls from a few hundred Hz to the fundamental, a click, a bent amplitude."""
    length = 0.22 + 0.55 * deep * generator.uniform(0.6, 1.0)
    n = n_of(length, sample_rate)
    end = generator.uniform(46.0, 58.0) - 8.0 * deep
    sweep = _falling(generator.uniform(200.0, 420.0), end, generator.uniform(0.018, 0.04), n, sample_rate)
    tone = sine(phase_of(sweep, sample_rate)) * decay(n, 1.25 * length, sample_rate)
    drive = generator.uniform(1.1, 2.4)
    click = high_pass(generator.standard_normal(n), 1_500.0, sample_rate) * decay(n, 0.015, sample_rate)
    fade = 1.0 - rise(n, length, sample_rate)
    out: Signal = velocity * (
        np.tanh(drive * tone) / np.tanh(drive) * fade + 0.12 * velocity * generator.uniform(0.2, 1) * click
    )
    return out


def snare(generator: np.random.Generator, velocity: float, deep: float, sample_rate: int) -> Signal:
    """Two modes of a skin and the rattle of wires."""
    length = generator.uniform(0.14, 0.24) + 0.12 * deep
    n = n_of(1.4 * length, sample_rate)
    pitch = generator.uniform(165.0, 235.0) - 25.0 * deep
    low = sine(phase_of(_falling(1.5 * pitch, pitch, 0.012, n, sample_rate), sample_rate)) * decay(n, 0.16, sample_rate)
    high = sine(steady_phase(1.72 * pitch, n, sample_rate)) * decay(n, 0.09, sample_rate)
    noise = high_pass(generator.standard_normal(n), generator.uniform(900.0, 2_200.0), sample_rate)
    wires = low_pass(noise, 5_000.0 + 9_000.0 * velocity, sample_rate, order=1) * decay(n, length, sample_rate)
    return velocity * (0.75 * low + 0.35 * high + generator.uniform(0.28, 0.45) * wires)


def clap(generator: np.random.Generator, velocity: float, deep: float, sample_rate: int) -> Signal:
    """Four bursts of noise, the last of which rings."""
    n = n_of(0.4, sample_rate)
    envelope = np.zeros(n)
    gap = generator.uniform(0.009, 0.013)
    for i in range(3):
        start = round(i * gap * generator.uniform(0.9, 1.1) * sample_rate)
        envelope[start:] += decay(n - start, 0.022, sample_rate)
    start = round(3 * gap * sample_rate)
    envelope[start:] += 0.8 * decay(n - start, generator.uniform(0.2, 0.32) + 0.06 * deep, sample_rate)
    centre = generator.uniform(950.0, 1_500.0)
    noise = generator.standard_normal(n)
    body = band_pass(noise, centre / 1.35, centre * 1.5, sample_rate) + 0.15 * high_pass(noise, 3_000.0, sample_rate)
    return velocity * 0.9 * body * envelope


def _metal(generator: np.random.Generator, n_samples: int, sample_rate: int) -> Signal:
    """Six pulse waves at the unrelated frequencies of a classic drum machine's cymbal, tuned as one."""
    tune = generator.uniform(0.9, 1.5)
    total = np.zeros(n_samples)
    for frequency in (205.3, 304.4, 369.6, 522.7, 540.0, 800.0):
        phase = steady_phase(tune * frequency, n_samples, sample_rate, start=generator.random())
        total += pulse(phase, tune * frequency, sample_rate)
    return total


def _hat(generator: np.random.Generator, velocity: float, length: float, sample_rate: int) -> Signal:
    n = n_of(1.3 * length, sample_rate)
    noise_share = generator.uniform(0.15, 0.6)
    source = (1.0 - noise_share) * _metal(generator, n, sample_rate) + noise_share * generator.standard_normal(n)
    bright = high_pass(source, generator.uniform(5_500.0, 8_000.0), sample_rate, order=3)
    return velocity * 0.8 * bright * decay(n, length, sample_rate) * rise(n, 0.0008, sample_rate)


def closed_hat(generator: np.random.Generator, velocity: float, deep: float, sample_rate: int) -> Signal:
    """Metal, short; longer when struck harder."""
    return _hat(generator, velocity, (0.05 + 0.05 * velocity) * generator.uniform(0.8, 1.3) + 0.02 * deep, sample_rate)


def open_hat(generator: np.random.Generator, velocity: float, deep: float, sample_rate: int) -> Signal:
    """Metal that rings."""
    return _hat(generator, 0.85 * velocity, generator.uniform(0.28, 0.5) + 0.15 * deep, sample_rate)


def rim(generator: np.random.Generator, velocity: float, deep: float, sample_rate: int) -> Signal:
    """A stick on the rim: two short modes and a tick."""
    n = n_of(0.12, sample_rate)
    pitch = generator.uniform(420.0, 560.0) - 60.0 * deep
    tick = generator.standard_normal(n) * decay(n, 0.004, sample_rate)
    low = sine(steady_phase(pitch, n, sample_rate)) * decay(n, 0.05, sample_rate)
    high = sine(steady_phase(pitch * generator.uniform(3.1, 3.6), n, sample_rate)) * decay(n, 0.04, sample_rate)
    return velocity * high_pass(np.tanh(1.2 * (low + high + 0.4 * tick)), 250.0, sample_rate)


def tom(generator: np.random.Generator, velocity: float, deep: float, sample_rate: int) -> Signal:
    """A tuned drum whose pitch sinks a little."""
    length = generator.uniform(0.35, 0.55) + 0.25 * deep
    n = n_of(length, sample_rate)
    pitch = generator.choice([82.0, 98.0, 123.0, 147.0, 185.0]) * (1.0 - 0.15 * deep)
    sweep = _falling(1.6 * pitch, pitch, 0.05, n, sample_rate)
    skin = sine(phase_of(sweep, sample_rate)) + 0.25 * sine(phase_of(1.59 * sweep, sample_rate)) * decay(
        n, 0.15, sample_rate
    )
    stick = band_pass(generator.standard_normal(n), 300.0, 2_500.0, sample_rate) * decay(n, 0.03, sample_rate)
    return velocity * (skin * decay(n, 1.1 * length, sample_rate) * (1.0 - rise(n, length, sample_rate)) + 0.3 * stick)


def cowbell(generator: np.random.Generator, velocity: float, deep: float, sample_rate: int) -> Signal:
    """Two pulse waves a wide fifth apart through a band-pass."""
    n = n_of(0.45, sample_rate)
    tune = generator.uniform(0.85, 1.2) * (1.0 - 0.1 * deep)
    pair = sum(pulse(steady_phase(tune * f, n, sample_rate), tune * f, sample_rate) for f in (540.0, 800.0))
    envelope = 0.6 * decay(n, 0.05, sample_rate) + 0.4 * decay(n, generator.uniform(0.25, 0.45), sample_rate)
    return velocity * band_pass(np.asarray(pair), 600.0 * tune, 3_200.0 * tune, sample_rate) * envelope


def shaker(generator: np.random.Generator, velocity: float, deep: float, sample_rate: int) -> Signal:
    """Grains thrown forward: bright noise that swells and stops."""
    length = generator.uniform(0.07, 0.13) + 0.03 * deep
    n = n_of(length, sample_rate)
    centre = generator.uniform(4_500.0, 7_500.0)
    noise = band_pass(generator.standard_normal(n), centre, 1.7 * centre, sample_rate)
    peak = generator.uniform(0.2, 0.45) * length
    swell = rise(n, peak, sample_rate) * (1.0 - rise(n, length, sample_rate))
    return 0.7 * velocity * noise * swell


def zap(generator: np.random.Generator, velocity: float, deep: float, sample_rate: int) -> Signal:
    """A laser: a sine that dives through six octaves, shaken by a second one."""
    length = generator.uniform(0.12, 0.35)
    n = n_of(length, sample_rate)
    top = min(generator.uniform(3_000.0, 9_000.0), 0.3 * sample_rate)
    sweep = _falling(top, generator.uniform(60.0, 140.0), generator.uniform(0.02, 0.07) * (1 + deep), n, sample_rate)
    wobble = generator.uniform(0.0, 1.2) * sine(phase_of(1.5 * sweep, sample_rate)) / (2.0 * np.pi)
    tone = sine(phase_of(sweep, sample_rate) + wobble)
    return velocity * 0.7 * tone * decay(n, 1.2 * length, sample_rate) * (1.0 - rise(n, length, sample_rate))


def bell_tick(generator: np.random.Generator, velocity: float, deep: float, sample_rate: int) -> Signal:
    """A small block of wood or glass: one clear mode, one above it."""
    n = n_of(0.3, sample_rate)
    pitch = generator.uniform(700.0, 1_900.0) * (1.0 - 0.3 * deep)
    strike = np.zeros(n)
    contact = n_of(0.0006, sample_rate)
    strike[:contact] = np.hanning(contact) / contact * 3.0
    ring = resonator(strike, pitch, 0.12 + 0.15 * deep, sample_rate)
    overtone = resonator(strike, min(2.7 * pitch, 0.4 * sample_rate), 0.06, sample_rate)
    return velocity * (ring + 0.4 * overtone + 0.2 * swept(strike, 2_500.0, sample_rate, mode="band"))


VOICES: dict[str, Voice] = {
    "kick": kick,
    "snare": snare,
    "clap": clap,
    "closed-hat": closed_hat,
    "open-hat": open_hat,
    "rim": rim,
    "tom": tom,
    "shaker": shaker,
    "cowbell": cowbell,
    "zap": zap,
    "block": bell_tick,
}
MIX: dict[str, float] = {
    "kick": 1.0,
    "snare": 0.75,
    "clap": 0.65,
    "closed-hat": 0.3,
    "open-hat": 0.3,
    "rim": 0.4,
    "tom": 0.6,
    "shaker": 0.25,
    "cowbell": 0.3,
    "zap": 0.3,
    "block": 0.4,
}
"""How loud each voice peaks in a mix."""
