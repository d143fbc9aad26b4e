"""The one tree: everything of an instrument that can be moved, by address, whichever way the numbers come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from timbrespace.control.messages import DO, SET
from timbrespace.core.errors import ParameterError
from timbrespace.core.knob import Knob
from timbrespace.instruments.base import Action, Dial

Kind = Literal["turn", "position", "do", "press", "one"]
UNIT: Final = Knob(0.0, 1.0)
GROUPS: Final = ("grain", "table", "fx")
"""Groups of dials with an address of their own, as in ``/ts/grain/pitch``."""


@dataclass(frozen=True)
class Command:
    """What an engine is asked for: a knob to ``set``, or an action to ``do``, with its numbers."""

    kind: str
    name: str
    values: tuple[float, ...] = ()


@dataclass(frozen=True)
class Use:
    """What an address does with as many numbers as ``labels`` has.

    ``turn`` sets the knob ``name`` to the number, ``position`` to its place in the range, from 0 to 1; ``do`` does the
    action with all numbers; ``press`` does an action that takes none, unless the number is 0, a button's release;
    ``one`` changes number ``index`` of an action's vector and keeps the others, which are ``start`` at first.
    """

    kind: Kind
    name: str
    labels: tuple[str, ...] = ()
    ranges: tuple[Knob | None, ...] = ()
    index: int = 0
    start: float = 0.0
    size: int = 0


@dataclass(frozen=True)
class Parameter:
    """An address and its uses, which differ in how many numbers they take."""

    address: str
    uses: tuple[Use, ...]
    about: str

    def use(self, count: int) -> Use:
        """What is done with so many numbers; raises :class:`ParameterError` if nothing is."""
        for use in self.uses:
            if len(use.labels) == count or (use.kind == "press" and count == 0):
                return use
        raise ParameterError(f"{self.address} takes {counts(self)}, and {count} came; nothing was done.")


@dataclass(frozen=True)
class Word:
    """An address of the vocabulary, and what it does where an instrument has it; ``{n}`` counts a vector's numbers."""

    address: str
    uses: tuple[Use, ...]
    about: str


def _turn(name: str) -> Use:
    return Use("turn", name, ("value",))


def _do(name: str) -> Use:
    return Use("do", name)


def _press(name: str) -> Use:
    return Use("press", name, ("pressed",), (UNIT,))


def _one(name: str, *, start: float) -> Use:
    return Use("one", name, ("value",), start=start)


VOCABULARY: Final = (
    Word("/ts/z", (_do("z"),), "The latent vector, as the decoder takes it."),
    Word("/ts/z/{n}", (_one("z", start=0.0),), "One latent; the others stay, at 0 at first."),
    Word("/ts/coord", (_do("coord"),), "The latent vector, each number from 0 to 1 across the range of its latent."),
    Word("/ts/coord/{n}", (_one("coord", start=0.5),), "One of them; the others stay, at 0.5 at first."),
    Word("/ts/xy", (_do("xy"),), "A point of the map: the first two axes, from 0 to 1."),
    Word("/ts/gain", (_turn("gain_db"),), "The level, in dB."),
    Word("/ts/play", (_press("play"),), "Sound."),
    Word("/ts/stop", (_press("stop"),), "Fade out and wait."),
    Word("/ts/panic", (_press("panic"),), "Silence at once."),
    Word("/ts/reset", (_press("reset"),), "Everything as at the beginning."),
    Word("/ts/note", (_do("note"),), "A note and how hard it is struck."),
    Word("/ts/corner", (_do("corner"),), "A point between four sounds, by the share of each."),
    Word("/ts/grain/dur", (_turn("duration"),), "As /ts/grain/duration."),
    Word("/ts/grain/dens", (_turn("density"),), "As /ts/grain/density."),
    Word("/ts/grain/dev", (_turn("deviation"),), "As /ts/grain/deviation."),
    Word("/ts/path/pos", (_turn("start"),), "Where on the path of a table, from 0 to 1."),
    Word("/ts/path/speed", (_turn("speed"),), "How fast along it, or along the motion of a sound."),
    Word("/ts/snap/recall", (_do("recall"),), "A snapshot."),
    Word("/ts/snap/morph", (_do("morph"),), "Between two snapshots."),
    Word("/coord", (_do("coord"), _one("coord", start=0.5)), "As /ts/coord; a single number is the first of them."),
    Word("/wek/outputs", (_do("xy"), _do("coord")), "From Wekinator: two numbers as /ts/xy, all as /ts/coord."),
    Word("/1/xy1", (_do("xy"),), "From TouchOSC: as /ts/xy."),
    Word("/1/fader{n}", (_one("coord", start=0.5),), "From TouchOSC: as /ts/coord/{n}."),
)
_BETWEEN_0_AND_1: Final = ("coord", "xy", "corner")


def tree(knobs: Mapping[str, Dial], actions: Mapping[str, Action]) -> dict[str, Parameter]:
    """Every address of an instrument with these dials and actions.

    ``/ts/knob/NAME`` sets a knob in its own unit, ``/ts/turn/NAME`` from 0 to 1 of its range, ``/ts/do/NAME`` does an
    action; then what :data:`GROUPS` and :data:`VOCABULARY` name, as far as the instrument has it.
    """
    found = [*_of_knobs(knobs.values()), *_of_actions(actions.values())]
    for word in VOCABULARY:
        found += _of_word(word, knobs, actions)
    return {parameter.address: parameter for parameter in found}


def lacking(parameters: Mapping[str, Parameter], address: str) -> bool:
    """Whether ``address`` is in the vocabulary, and the instrument of ``parameters`` has nothing for it."""
    if address in parameters:
        return False
    stem, _, last = address.rpartition("/")
    counted = f"{stem}/{last.rstrip('0123456789')}{{n}}"
    return any(word.address in (address, counted) for word in VOCABULARY)


def counts(parameter: Parameter) -> str:
    """How many numbers a parameter takes, in words."""
    wanted = sorted({len(use.labels) for use in parameter.uses} | ({0} if parameter.uses[0].kind == "press" else set()))
    words = " or ".join("no" if n == 0 else str(n) for n in wanted)
    return f"{words} number" + ("" if wanted[-1] == 1 else "s")


class Hand:
    """Makes commands of numbers; remembers the vectors of which only one number came."""

    def __init__(self) -> None:
        self._held: dict[str, list[float]] = {}

    def command(self, parameter: Parameter, numbers: Sequence[float], *, knobs: Mapping[str, Dial]) -> Command | None:
        """What to ask of the engine, if anything; raises :class:`ParameterError` for a wrong count of numbers."""
        use = parameter.use(len(numbers))
        if use.kind == "press":
            return None if 0.0 in numbers else Command(DO, use.name)
        if use.kind == "turn":
            return Command(SET, use.name, (float(numbers[0]),))
        if use.kind == "position":
            return Command(SET, use.name, (knobs[use.name].range.value(numbers[0]),))
        if use.kind == "do":
            values = list(numbers)
        else:
            values = self._held.get(use.name) or [use.start] * use.size
            values[use.index] = float(numbers[0])
        self._held[use.name] = values
        return Command(DO, use.name, tuple(values))


def description(parameters: Iterable[Parameter], values: Mapping[str, float]) -> dict[str, Any]:
    """The tree as OSCQuery describes one: nested ``CONTENTS`` with ``TYPE``, ``RANGE`` and, of knobs, ``VALUE``."""
    root: dict[str, Any] = {"FULL_PATH": "/", "CONTENTS": {}}
    for parameter in parameters:
        node = root
        path = ""
        for part in parameter.address.strip("/").split("/"):
            path += f"/{part}"
            node = node.setdefault("CONTENTS", {}).setdefault(part, {"FULL_PATH": path})
        use = parameter.uses[0]
        node |= {"TYPE": "f" * len(use.labels), "ACCESS": 2, "DESCRIPTION": parameter.about}
        node["RANGE"] = [{} if r is None else {"MIN": r.low, "MAX": r.high} for r in use.ranges]
        if use.kind == "turn" and use.name in values:
            node |= {"VALUE": [values[use.name]], "ACCESS": 3}
    return root


def _of_knobs(dials: Iterable[Dial]) -> list[Parameter]:
    found = []
    for dial in dials:
        turn = Use("turn", dial.name, (dial.range.unit or "value",), (dial.range,))
        position = Use("position", dial.name, ("position",), (UNIT,))
        found.append(Parameter(f"/ts/knob/{dial.name}", (turn,), f"{dial.label}: {dial.range}."))
        found.append(Parameter(f"/ts/turn/{dial.name}", (position,), f"{dial.label}: 0 to 1 across its range."))
        if dial.group in GROUPS:
            short = dial.name.removeprefix(f"{dial.group}_")
            found.append(Parameter(f"/ts/{dial.group}/{short}", (turn,), f"{dial.label}: {dial.range}."))
    return found


def _of_actions(actions: Iterable[Action]) -> list[Parameter]:
    found = []
    for action in actions:
        use = _fitted(_do(action.name) if action.values else _press(action.name), action)
        found.append(Parameter(f"/ts/do/{action.name}", (use,), action.about))
    return found


def _of_word(word: Word, knobs: Mapping[str, Dial], actions: Mapping[str, Action]) -> list[Parameter]:
    """The word's parameters: none, one, or one per number of a vector."""
    uses = []
    for use in word.uses:
        if use.kind == "turn" and use.name in knobs:
            uses.append(replace(use, ranges=(knobs[use.name].range,)))
        elif use.kind != "turn" and use.name in actions:
            uses.append(_fitted(use, actions[use.name]))
    if not uses:
        return []
    if "{n}" not in word.address:
        return [Parameter(word.address, tuple(uses), word.about)]
    return [
        Parameter(word.address.format(n=i + 1), (replace(uses[0], index=i),), word.about.format(n=i + 1))
        for i in range(uses[0].size)
    ]


def _fitted(use: Use, action: Action) -> Use:
    """The use with the numbers of the action."""
    span = UNIT if action.name in _BETWEEN_0_AND_1 else None
    if use.kind == "do":
        return replace(use, labels=action.values, ranges=(span,) * len(action.values))
    if use.kind == "one":
        return replace(use, ranges=(span,), size=len(action.values))
    return use
