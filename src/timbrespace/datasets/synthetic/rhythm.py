"""The grid a loop is played on: sixteenths, swung, with a hand that is never quite exact."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from timbrespace.datasets.synthetic.sound import Signal
from timbrespace.datasets.synthetic.space import add_wrapped

STEPS = 16
"""Sixteenths in a bar of 4/4."""
VELOCITY = {"x": 1.0, "o": 0.6, ",": 0.35}
"""How loud the marks of a drum pattern are: accent, normal, ghost."""


@dataclass(frozen=True)
class Grid:
    """``bars`` of 4/4 at ``bpm``; ``swing`` is the share of the first of each two sixteenths (0.5 is straight)."""

    bpm: int
    bars: int
    swing: float
    sample_rate: int

    @property
    def n_steps(self) -> int:
        return self.bars * STEPS

    @property
    def step_seconds(self) -> float:
        """The length of an unswung sixteenth."""
        return 15.0 / self.bpm

    @property
    def length(self) -> int:
        """The loop's length in samples."""
        return round(self.n_steps * self.step_seconds * self.sample_rate)

    def seconds(self, step: int) -> float:
        """When a step falls: even ones on the beat's grid, odd ones late by the swing."""
        pair, odd = divmod(step, 2)
        return (2 * pair + 2.0 * self.swing * odd) * self.step_seconds

    def silence(self) -> Signal:
        return np.zeros(self.length)

    def place(self, loop: Signal, sound: Signal, step: int, *, late: float = 0.0) -> None:
        """Add ``sound`` to ``loop`` at a step, ``late`` seconds after the grid; tails wrap round."""
        add_wrapped(loop, sound, round((self.seconds(step) + late) * self.sample_rate))


@dataclass(frozen=True)
class Hand:
    """A player: strays from the grid by ``timing`` seconds and from the written loudness by ``touch`` (a share)."""

    generator: np.random.Generator
    timing: float = 0.0025
    touch: float = 0.07

    def late(self) -> float:
        """How late (or early) this stroke comes, in seconds; never further than twice the usual."""
        return self.timing * float(np.clip(self.generator.standard_normal(), -2.0, 2.0))

    def velocity(self, written: float) -> float:
        """How hard this stroke is."""
        return written * float(1.0 + self.touch * np.clip(self.generator.standard_normal(), -2.0, 2.0))


def strokes(pattern: str, n_steps: int) -> Iterator[tuple[int, float]]:
    """Where a drum pattern (one or more bars, repeated) strikes, and how hard."""
    for step in range(n_steps):
        mark = pattern[step % len(pattern)]
        if mark in VELOCITY:
            yield step, VELOCITY[mark]


def spans(pattern: str, n_steps: int) -> Iterator[tuple[int, int, str]]:
    """The notes of a pitched pattern as (step, steps held, mark); ``-`` holds the note before, ``.`` rests."""
    step = 0
    while step < n_steps:
        mark = pattern[step % len(pattern)]
        end = step + 1
        while end < n_steps and pattern[end % len(pattern)] == "-":
            end += 1
        if mark not in ".-":
            yield step, end - step, mark
        step = end


def varied(pattern: str, generator: np.random.Generator, *, chance: float = 0.06) -> str:
    """A drum pattern with a few ghost notes added and a few weak strokes left out; accents stay."""
    marks = list(pattern)
    for place, mark in enumerate(marks):
        if generator.random() < chance:
            marks[place] = "," if mark == "." else mark if mark == "x" else "."
    return "".join(marks)
