"""The third idea: an instrument renders samples on request. No thread, no clock, no file, no device inside."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any, TypeVar

import numpy.typing as npt

from timbrespace.core.errors import ParameterError, did_you_mean
from timbrespace.core.knob import Knob
from timbrespace.core.shapes import Sound

ABSURD = 1e6
"""Numbers beyond this, either way, are accidents: they are refused, where others are held in the range."""


T = TypeVar("T")
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Dial:
    """A knob of an instrument: its range, where it starts, and how a page shows it.

    ``group`` puts dials that belong together side by side; ``axis`` is the axis of the space a dial acts on.
    """

    name: str
    range: Knob
    default: float
    label: str
    group: str = ""
    axis: int | None = None


@dataclass(frozen=True)
class Action:
    """Something an instrument can be told to do: what each of its numbers means.

    ``state`` names the part of the instrument's state that the action decides, until the next one of the same
    ``state``; what leaves no state has none. ``about`` is one sentence for people. Of several at the same sample that
    agree in their first ``alike`` numbers only the last matters; with None all do.
    """

    name: str
    values: tuple[str, ...] = ()
    state: str = ""
    about: str = ""
    alike: int | None = None


class Instrument(ABC):
    """Knobs, actions and samples on request.

    Samples depend on the order of calls alone: an action or a knob turned between two samples takes effect at the
    same sample whatever the sizes of the blocks rendered before and after. What is refused changes nothing.
    """

    @property
    @abstractmethod
    def sample_rate(self) -> int: ...

    @property
    @abstractmethod
    def channels(self) -> int: ...

    @property
    @abstractmethod
    def period(self) -> int:
        """Samples after which the cost of rendering repeats: one latent step, one grain, one block."""

    @property
    @abstractmethod
    def latency(self) -> int:
        """Samples from a decision to its sound, beyond the waiting for the next period."""

    @property
    @abstractmethod
    def sounding(self) -> bool:
        """Whether something else than silence is being rendered."""

    @property
    @abstractmethod
    def playing(self) -> bool:
        """Whether the instrument was told to play."""

    @abstractmethod
    def knobs(self) -> Mapping[str, Dial]:
        """All dials by name, in the order of showing."""

    @abstractmethod
    def actions(self) -> Mapping[str, Action]:
        """All actions by name."""

    @abstractmethod
    def get(self, name: str) -> float:
        """The value of a knob."""

    @abstractmethod
    def set(self, name: str, value: float) -> None:
        """Turn a knob; values outside its range are held at the end, what is no sensible number is refused."""

    @abstractmethod
    def act(self, name: str, *values: float) -> None:
        """Do one of the actions."""

    @abstractmethod
    def place(self) -> tuple[float, ...]:
        """Where the instrument is now, as coordinates a page can draw."""

    @abstractmethod
    def render(self, n_samples: int) -> Sound:
        """The next samples (channel, time)."""

    @property
    @abstractmethod
    def moment(self) -> int:
        """Index of the moment of the corpus that is nearest to what sounds."""

    @property
    @abstractmethod
    def mended(self) -> int:
        """Blocks so far that were no sound and were replaced by silence."""

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """What does not change, for pages and reports: plain numbers, texts and lists of them."""

    @abstractmethod
    def arrays(self) -> dict[str, Array]:
        """What does not change and is large, one row per thing that can be pointed at."""

    @abstractmethod
    def warm(self) -> None:
        """Do once, without any effect, what the first sound needs, so that it does not come late."""


def find(name: str, known: Mapping[str, T], *, what: str) -> T:
    """The dial or action of that name; raises :class:`ParameterError` naming the nearest."""
    if name not in known:
        raise ParameterError(f"This instrument has no {what} {name!r}. {did_you_mean(name, known)}")
    return known[name]


def checked_value(dial: Dial, value: float) -> float:
    """A knob's new value, held inside the range; raises :class:`ParameterError` for what is no sensible number."""
    if not _sensible(value):
        raise ParameterError(f"{dial.name!r} takes {dial.range}, not {value}; the knob stays where it was.")
    return dial.range.clamp(float(value))


def checked_values(action: Action, values: tuple[float, ...]) -> tuple[float, ...]:
    """An action's numbers; raises :class:`ParameterError` if they are too few, too many or no sensible numbers."""
    if len(values) != len(action.values):
        wanted = f"{len(action.values)} ({', '.join(action.values)})" if action.values else "no"
        raise ParameterError(f"{action.name!r} takes {wanted} numbers, and {len(values)} came; nothing was done.")
    for label, value in zip(action.values, values, strict=True):
        if not _sensible(value):
            raise ParameterError(f"{action.name!r} needs a sensible number for {label}, not {value}; nothing was done.")
    return tuple(float(v) for v in values)


def whole(label: str, value: float, *, below: int) -> int:
    """``value`` as an index under ``below``; raises :class:`ParameterError` otherwise."""
    if value != math.floor(value) or not 0 <= value < below:
        raise ParameterError(f"{label} is a whole number from 0 to {below - 1}, not {value:g}; nothing was done.")
    return int(value)


def _sensible(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, Real):
        return False
    return abs(float(value)) <= ABSURD  # False for NaN
