"""Risers, washes, wind and shimmer: textures whose filter moves over the whole loop and comes back to its start."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import fft

from timbrespace.datasets.synthetic.chords import KeyPatch, bell
from timbrespace.datasets.synthetic.filters import swept
from timbrespace.datasets.synthetic.oscillators import frequency_of, saw
from timbrespace.datasets.synthetic.rhythm import Grid
from timbrespace.datasets.synthetic.sound import Signal
from timbrespace.datasets.synthetic.space import loop_echo

Texture = Callable[[Grid, list[tuple[int, ...]], np.random.Generator], Signal]
"""(grid, one voiced chord per bar, generator) -> a loop."""


def periodic_noise(length: int, sample_rate: int, generator: np.random.Generator, *, tilt_db: float = -3.0) -> Signal:
    """Noise that repeats after ``length`` samples without a seam; its level falls by ``tilt_db`` per octave."""
    frequency = fft.rfftfreq(length, 1.0 / sample_rate)
    magnitude = (np.maximum(frequency, 20.0) / 1_000.0) ** (tilt_db / 6.02)
    turn = np.exp(2j * np.pi * generator.random(frequency.size))
    noise = np.asarray(fft.irfft(magnitude * turn, length), dtype=np.float64)
    out: Signal = noise / noise.std()
    return out


def steady(x: Signal, cutoff: Signal, sample_rate: int, *, q: float, mode: str = "low") -> Signal:
    """A loop through a swept filter that has run round once already, so that the end meets the start."""
    twice = swept(np.tile(x, 2), np.tile(cutoff, 2), sample_rate, q=q, mode="band" if mode == "band" else "low")
    return twice[x.size :]


def _drone(grid: Grid, chord: tuple[int, ...], generator: np.random.Generator) -> Signal:
    """The tones of a chord as saws, each tuned to whole periods per loop so that they run through its seam."""
    seconds = grid.length / grid.sample_rate
    time = np.arange(grid.length) / grid.sample_rate
    total = grid.silence()
    for midi in (chord[0] - 12, *chord):
        for _ in range(2):
            whole = round(frequency_of(midi + 0.06 * generator.standard_normal()) * seconds)
            total += saw(whole / seconds * time + generator.random(), whole / seconds, grid.sample_rate)
    out: Signal = total / total.std()
    return out


def riser(grid: Grid, chords: list[tuple[int, ...]], generator: np.random.Generator) -> Signal:
    """Noise and a chord that open towards the last beat, then fall back within it."""
    bars = np.arange(grid.length) / grid.length
    turn = 1.0 - 0.25 / grid.bars
    climb = np.minimum(bars / turn, 1.0) ** 1.6
    back = np.clip((bars - turn) / (1.0 - turn), 0.0, 1.0)
    climb = climb * (0.5 + 0.5 * np.cos(np.pi * back))
    low, high = generator.uniform(120.0, 300.0), generator.uniform(6_000.0, 11_000.0)
    cutoff = low * (high / low) ** climb
    noise = steady(
        periodic_noise(grid.length, grid.sample_rate, generator), cutoff, grid.sample_rate, q=3.5, mode="band"
    )
    drone = steady(_drone(grid, chords[0], generator), 0.4 * cutoff, grid.sample_rate, q=1.5)
    share = generator.uniform(0.35, 0.8)
    out: Signal = (0.15 + 0.85 * climb) * (share * noise / noise.std() + (1.0 - share) * drone / drone.std())
    return out


def wash(grid: Grid, chords: list[tuple[int, ...]], generator: np.random.Generator) -> Signal:
    """A chord behind a resonant filter that breathes in time with the bar."""
    bars = np.arange(grid.length) / grid.length * grid.bars
    rate = float(generator.choice([0.5, 1.0, 2.0])) if grid.bars > 1 else 1.0
    breath = 0.5 - 0.5 * np.cos(2.0 * np.pi * (rate * bars + generator.random()))
    low, octaves = generator.uniform(160.0, 320.0), generator.uniform(2.5, 4.5)
    swayed = steady(
        _drone(grid, chords[0], generator), low * 2.0 ** (octaves * breath), grid.sample_rate, q=generator.uniform(1, 5)
    )
    air = periodic_noise(grid.length, grid.sample_rate, generator)
    return swayed + 0.12 * air * breath


def wind(grid: Grid, chords: list[tuple[int, ...]], generator: np.random.Generator) -> Signal:
    """Noise that whistles the tones of the chord, each in its own slow gusts."""
    total = 0.15 * periodic_noise(grid.length, grid.sample_rate, generator, tilt_db=-6.0)
    bars = np.arange(grid.length) / grid.length
    for midi in chords[0]:
        gust = np.zeros(grid.length)
        for turns in (1, 2, 3):
            gust += np.cos(2.0 * np.pi * (turns * bars + generator.random())) / turns
        level = np.clip(0.5 + 0.5 * gust, 0.05, None) ** 1.5
        noise = periodic_noise(grid.length, grid.sample_rate, generator)
        pitch = frequency_of(midi + 12 * int(generator.integers(0, 2)))
        whistle = steady(noise, pitch * 2.0 ** (0.02 * gust), grid.sample_rate, q=30.0, mode="band")
        total += level * whistle / whistle.std()
    return total


def shimmer(grid: Grid, chords: list[tuple[int, ...]], generator: np.random.Generator) -> Signal:
    """A rain of small bells on the tones of the chords, dense towards the middle of each bar."""
    total = grid.silence()
    patch = KeyPatch(bright=float(generator.random()), long=0.6, rich=float(generator.random()))
    for step in range(grid.n_steps):
        chord = chords[step // 16 % len(chords)]
        for _ in range(int(generator.integers(0, 3)) + (4 <= step % 16 < 12)):
            frequency = frequency_of(int(generator.choice(chord)) + 12 * int(generator.integers(1, 3)))
            velocity = float(generator.uniform(0.2, 0.8))
            grain = bell(patch, frequency, 0.1, velocity, grid.sample_rate, generator)
            grid.place(total, grain, step, late=float(generator.uniform(0.0, grid.step_seconds)))
    return loop_echo(total, 3 * grid.step_seconds, 0.5, 0.6, grid.sample_rate)


TEXTURES: dict[str, Texture] = {"riser": riser, "wash": wash, "wind": wind, "shimmer": shimmer}
