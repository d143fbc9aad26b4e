"""The words of ``/ws/control``: JSON text in, checked before anything is done; JSON text out."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from timbrespace.core.errors import did_you_mean
from timbrespace.instruments.base import ABSURD, Action, Dial
from timbrespace.web.refusals import error_body

MAX_CHARACTERS: Final = 4096
_KINDS: Final = ("event", "set", "record", "ping")
_FARTHEST: Final = 1e4
"""Coordinates lie within a few units; what is beyond this is a mistake of the sender."""
_LONGEST_S: Final = 600.0
_MAX_COUNT: Final = 2**53


class Mistake(Exception):  # an answer to the client
    """What is wrong with a message: a code for programs, a sentence for people, what to do."""

    def __init__(self, code: str, sentence: str, hint: str = "") -> None:
        super().__init__(sentence)
        self.code, self.sentence, self.hint = code, sentence, hint

    def message(self) -> dict[str, str]:
        """As the client reads it."""
        return {"type": "error", **error_body(self.code, self.sentence, self.hint)}


@dataclass(frozen=True)
class SetKnob:
    """Turn a knob; the value lies inside its range."""

    name: str
    value: float


@dataclass(frozen=True)
class Event:
    """Something to do, with the numbers it takes."""

    name: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class Record:
    """Begin or end a take."""

    on: bool


@dataclass(frozen=True)
class Ping:
    """Asks for an answer, to measure how long it takes."""

    t: float


@dataclass(frozen=True)
class Ranges:
    """What the instrument at hand allows."""

    knobs: Mapping[str, Dial]
    actions: Mapping[str, Action]
    axes: int
    moments: int


Order = SetKnob | Event | Record | Ping
Check = Callable[[Any, str, Ranges], float]


@dataclass(frozen=True)
class Report:
    """What a listener says of its buffer, in frames.

    ``received`` counts all frames it got on this connection, ``t`` is its clock in ms when it looked; both are
    optional and make the pacing exact.
    """

    buffer: float
    lead_ms: float | None
    underruns: int
    received: int | None
    t: float | None


def parse(text: str | None, ranges: Ranges) -> Order:
    """The order in a message of ``/ws/control``; raises :class:`Mistake`."""
    table = _table(text)
    kind = table.get("type")
    if kind == "set":
        return _set_knob(table, ranges)
    if kind == "event":
        return _event(table, ranges)
    if kind == "record":
        if not isinstance(table.get("on"), bool):
            raise Mistake("bad_message", "'record' takes 'on', true or false.")
        return Record(table["on"])
    if kind == "ping":
        return Ping(_number(table.get("t", 0.0), "t"))
    raise Mistake("bad_message", "A message's 'type' is one of " + ", ".join(_KINDS) + ".")


def parse_report(text: str | None) -> Report:
    """A message of ``/ws/audio``; raises :class:`Mistake`."""
    table = _table(text)
    return Report(
        buffer=_amount(table.get("buffer"), "buffer"),
        lead_ms=_amount(table["lead_ms"], "lead_ms") if "lead_ms" in table else None,
        underruns=int(_amount(table.get("underruns", 0), "underruns")),
        received=int(_amount(table["received"], "received")) if "received" in table else None,
        t=_number(table["t"], "t") if "t" in table else None,
    )


def _parse_json(text: str | None) -> Any:
    """JSON as the standard has it, without NaN and infinities."""
    if text is None:
        raise Mistake("bad_message", "Messages here are JSON text, not binary.")
    if len(text) > MAX_CHARACTERS:
        raise Mistake("too_long", f"A message has at most {MAX_CHARACTERS} characters, and this one has {len(text)}.")
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        hint = 'Send an object such as {"type": "ping", "t": 0}; NaN and Infinity are no JSON.'
        raise Mistake("bad_json", "This is not JSON.", hint) from None


def _table(text: str | None) -> dict[str, Any]:
    table = _parse_json(text)
    if not isinstance(table, dict):
        raise Mistake("bad_message", "A message is a JSON object.")
    return table


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _number(value: Any, what: str) -> float:
    """A finite number; booleans are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Mistake("bad_number", f"'{what}' is a number.")
    if not (abs(value) <= 1e300 and math.isfinite(value)):
        raise Mistake("bad_number", f"'{what}' is a finite number.")
    return float(value)


def _amount(value: Any, what: str) -> float:
    number = _number(value, what)
    if not 0.0 <= number <= _MAX_COUNT:
        raise Mistake("out_of_range", f"'{what}' is no less than 0.")
    return number


def _set_knob(table: dict[str, Any], ranges: Ranges) -> SetKnob:
    name = table.get("name")
    if not isinstance(name, str) or name not in ranges.knobs:
        raise Mistake("unknown_knob", "There is no such knob.", did_you_mean(str(name)[:40], ranges.knobs))
    value, dial = _number(table.get("value"), name), ranges.knobs[name]
    if abs(value) > ABSURD:
        raise Mistake("out_of_range", f"'{name}' goes from {dial.range}.", "Send a value inside that range.")
    return SetKnob(name, dial.range.clamp(value))


def _event(table: dict[str, Any], ranges: Ranges) -> Event:
    name, values = table.get("name"), table.get("values", [])
    if not isinstance(name, str) or name not in ranges.actions:
        raise Mistake("unknown_event", "There is no such event.", did_you_mean(str(name)[:40], ranges.actions))
    labels = ranges.actions[name].values
    if not isinstance(values, list) or len(values) != len(labels):
        wanted = f"{len(labels)} values: {', '.join(labels)}" if labels else "no values"
        raise Mistake("bad_values", f"'{name}' takes {wanted}.")
    checked = tuple(_CHECKS.get(label, _coordinate)(v, label, ranges) for label, v in zip(labels, values, strict=True))
    if name == "place" and checked[0] == checked[1]:
        raise Mistake("bad_values", "'place' takes two different axes.")
    return Event(name, checked)


def _whole(value: Any, end: int, what: str) -> float:
    number = _number(value, what)
    if number != int(number) or not 0 <= number < end:
        raise Mistake("out_of_range", f"'{what}' is a whole number from 0 to {end - 1}.")
    return number


def _axis(value: Any, label: str, ranges: Ranges) -> float:
    return _whole(value, ranges.axes, label)


def _moment(value: Any, label: str, ranges: Ranges) -> float:
    return _whole(value, ranges.moments, label)


def _seed(value: Any, label: str, ranges: Ranges) -> float:
    return _whole(value, int(ABSURD), label)


def _seconds(value: Any, label: str, ranges: Ranges) -> float:
    number = _number(value, label)
    if not 0.0 < number <= _LONGEST_S:
        raise Mistake("out_of_range", f"'{label}' lies above 0 and up to {_LONGEST_S:g}.")
    return number


def _coordinate(value: Any, label: str, ranges: Ranges) -> float:
    number = _number(value, label)
    if abs(number) > _FARTHEST:
        raise Mistake("out_of_range", f"'{label}' lies between -{_FARTHEST:g} and {_FARTHEST:g}.")
    return number


_CHECKS: Final[dict[str, Check]] = {
    "axis_x": _axis,
    "axis_y": _axis,
    "moment": _moment,
    "from": _moment,
    "to": _moment,
    "seed": _seed,
    "seconds": _seconds,
}
"""By what an action calls its numbers; any other is a coordinate."""
