"""What was done to an instrument and when: enough to bring another one to where it is, and to play all of it again."""

from __future__ import annotations

import heapq
import itertools
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from timbrespace.control.messages import DO, SET
from timbrespace.core.errors import ParameterError
from timbrespace.instruments.base import Action, Dial, Instrument


@dataclass(frozen=True, slots=True)
class Event:
    """Something done at a sample: an action (``do``) with its numbers, or a knob ``set`` to one."""

    sample: int
    kind: str
    name: str
    values: tuple[float, ...] = ()

    def row(self) -> list[Any]:
        """As JSON holds it: ``[sample, kind, name, value, ...]``."""
        return [self.sample, self.kind, self.name, *self.values]

    @classmethod
    def of(cls, row: Iterable[Any]) -> Event:
        """The inverse of :meth:`row`; raises :class:`ParameterError` for another row."""
        match list(row):
            case [int(sample), str(kind), str(name), *values] if kind in (DO, SET) and _numbers(values):
                return cls(sample, kind, sys.intern(name), tuple(float(v) for v in values))
        raise ParameterError("An event is a row of sample, 'do' or 'set', a name and numbers.")

    def apply(self, instrument: Instrument) -> None:
        """Do it; raises :class:`ParameterError` if the instrument refuses."""
        if self.kind == SET:
            if len(self.values) != 1:
                raise ParameterError(f"A knob is set to one number, not {len(self.values)}; it stays where it was.")
            instrument.set(self.name, self.values[0])
        else:
            instrument.act(self.name, *self.values)


class Queue:
    """Events waiting for their sample, in the order of samples, then of arrival."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Event]] = []
        self._order = itertools.count()

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, event: Event) -> None:
        heapq.heappush(self._heap, (event.sample, next(self._order), event))

    def due(self, sample: int) -> Event | None:
        """The next event whose time has come at ``sample``, taken out; None if there is none."""
        if self._heap and self._heap[0][0] <= sample:
            return heapq.heappop(self._heap)[2]
        return None

    def until_next(self, sample: int) -> int | None:
        """Samples from ``sample`` to the next event; None if none waits."""
        return max(0, self._heap[0][0] - sample) if self._heap else None


def last_words(events: Sequence[Event], actions: Mapping[str, Action]) -> list[Event]:
    """Those of the events of one sample that matter, in order: a flood of one knob or one drag leaves its last.

    Only what cannot be refused where a later one is accepted is left out.
    """
    kept: list[Event] = []
    said: set[tuple[object, ...]] = set()
    for event in reversed(events):
        action = actions.get(event.name) if event.kind == DO else None
        alike = 0 if event.kind == SET else None if action is None else action.alike
        words = (event.kind, event.name, *event.values[: alike or 0])
        if alike is None:
            said.clear()  # what comes before something else may matter to it
        elif words in said:
            continue
        said.add(words)
        kept.append(event)
    return kept[::-1]


@dataclass
class Session:
    """The life of one instrument: what it is of, and all events since it began, whose samples count from there.

    In the count of the engine it began at sample ``origin`` and is heard from sample ``joined`` on. ``given`` is
    what it was told at its beginning, which is among the events as soon as it was done.
    """

    origin: int
    actions: Mapping[str, Action]
    events: list[Event] = field(default_factory=list)
    joined: int = 0
    given: Sequence[Event] = ()
    model: Path = Path()
    seed: int = 0
    knobs: Mapping[str, Dial] = field(default_factory=dict)

    def note(self, event: Event) -> None:
        self.events.append(event)

    def essence(self) -> list[Event]:
        """The least events that bring a fresh instrument to where this one was told to be, but for its motion."""
        knobs: dict[str, Event] = {}
        states: dict[str, Event] = {}
        for event in (*self.given, *self.events):
            if event.kind == SET:
                knobs[event.name] = event
                continue
            state = self.actions[event.name].state if event.name in self.actions else ""
            if state == "all":
                knobs.clear()
                states = {k: e for k, e in states.items() if k == "playing"}
            elif state:
                states[state] = event
        return [*knobs.values(), *(e for _, e in sorted(states.items()))]


def _numbers(values: list[Any]) -> bool:
    return all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
