"""A motion as numbers: channels over time at a constant rate."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from jaxtyping import Float
from torch import Tensor

from timbrespace.core.errors import DataError, ParameterError, did_you_mean

Motion = Float[Tensor, "step channel"]


@dataclass(frozen=True)
class Stretch:
    """Steps ``start`` up to, without, ``end`` of a track, and what they are called."""

    start: int
    end: int
    name: str


@dataclass(frozen=True)
class Track:
    """``values`` (step, channel) float32 at ``rate_hz`` steps per second; NaN where nothing is known.

    ``names`` has one entry per channel. ``label`` says what the motion is. ``stretches`` are the gestures in it, in
    the order of time; ``apart`` says that they were recorded apart, so that the track as a whole is no motion.
    ``notes`` are sentences on what was left out or assumed when it was read.
    """

    values: Motion
    names: tuple[str, ...]
    rate_hz: float
    label: str = ""
    stretches: tuple[Stretch, ...] = ()
    apart: bool = False
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or 0 in self.values.shape:
            raise ParameterError(f"A motion needs values (step, channel), not shape {tuple(self.values.shape)}.")
        if len(self.names) != self.values.shape[1]:
            raise ParameterError(f"{self.values.shape[1]} channels need as many names, not {len(self.names)}.")
        if not (math.isfinite(self.rate_hz) and self.rate_hz > 0):
            raise ParameterError(f"A motion's rate is a positive number of steps per second, not {self.rate_hz}.")

    @property
    def seconds(self) -> float:
        """Duration: one period of the rate per step."""
        return self.values.shape[0] / self.rate_hz

    @property
    def extent(self) -> float:
        """How far it moves: the root of the summed variances of its channels, in their unit."""
        known = self.values.double()
        around = known - known.nanmean(0)
        return math.sqrt(float(around.square().nanmean(0).nansum()))

    def choose(self, columns: Sequence[str]) -> Track:
        """The channels named, in the order given; numbers count from 1. Raises :class:`ParameterError`."""
        chosen = [self._channel(column) for column in columns]
        if not chosen:
            raise ParameterError("No column was named; give some, such as x,y, or leave the choice out for all.")
        if len(set(chosen)) < len(chosen):
            raise ParameterError(f"A column is named twice in {','.join(columns)}; name each one once.")
        return replace(self, values=self.values[:, chosen], names=tuple(self.names[c] for c in chosen))

    def cut(self, start: int, end: int, *, label: str) -> Track:
        """Steps ``start`` up to, without, ``end``."""
        inside = tuple(
            Stretch(max(s.start, start) - start, min(s.end, end) - start, s.name)
            for s in self.stretches
            if s.start < end and s.end > start
        )
        return replace(self, values=self.values[start:end], label=label, stretches=inside, apart=False)

    def noted(self, notes: Iterable[str]) -> Track:
        """The same with more notes."""
        return replace(self, notes=(*self.notes, *notes))

    def _channel(self, column: str) -> int:
        if column in self.names:
            return self.names.index(column)
        folded = [n.casefold() for n in self.names]
        if column.casefold() in folded:
            return folded.index(column.casefold())
        if column.isdecimal() and 1 <= int(column) <= len(self.names):
            return int(column) - 1
        raise ParameterError(
            f"There is no column {column!r} of numbers in {self.label or 'this motion'}."
            f" {did_you_mean(column, self.names)}"
        )


def gestures(track: Track) -> list[Track]:
    """The gestures in a motion, one track each; the motion itself where none are marked."""
    if not track.stretches:
        return [track]
    return [
        replace(track.cut(s.start, s.end, label=_joined(track.label, s.name)), stretches=()) for s in track.stretches
    ]


def gesture(track: Track, which: int | str) -> Track:
    """The gesture of a number, from 1, or the first one whose name holds a text. Raises :class:`DataError`."""
    found = gestures(track)
    if isinstance(which, int):
        if not 1 <= which <= len(found):
            raise DataError(
                f"{track.label} holds {len(found)} gestures, 1 to {len(found)}, and none of number {which}."
            )
        return found[which - 1]
    named = [g for g in found if which.casefold() in g.label.casefold()]
    if not named:
        raise DataError(f"No gesture of {track.label} is called {which!r}. {did_you_mean(which, _names(track))}")
    return named[0]


def _names(track: Track) -> list[str]:
    return [s.name for s in track.stretches][:12] or [track.label]


def _joined(label: str, name: str) -> str:
    return f"{label} {name}".strip()
