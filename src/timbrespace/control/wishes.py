"""What a player asked for and the instrument has not done yet: another instrument is told, should this one fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from timbrespace.control.messages import DO, SET
from timbrespace.control.session import Event
from timbrespace.instruments.base import Action, Dial

PLAYING = "playing"


class Wishes:
    """The last word on every knob, and on whether to play, until it is known to have been done."""

    def __init__(self) -> None:
        self._knobs: dict[str, Event] = {}
        self._playing: Event | None = None

    def note(self, event: Event, actions: Mapping[str, Action]) -> None:
        """Somebody asked for it, to be done at once."""
        if event.kind == SET:
            self._knobs[event.name] = event
        elif (state := actions[event.name].state) == PLAYING:
            self._playing = event
        elif state == "all":
            self._knobs.clear()

    def settle(self, done: Event) -> None:
        """It was done."""
        if done.kind == SET:
            wish = self._knobs.get(done.name)
            if wish is not None and wish.values == done.values:
                del self._knobs[done.name]
        elif self._playing is not None and self._playing.name == done.name:
            self._playing = None

    def clear(self) -> None:
        """Forget them."""
        self._knobs.clear()
        self._playing = None

    def events(self) -> list[Event]:
        """All of them: knobs first."""
        return [*self._knobs.values(), *([] if self._playing is None else [self._playing])]


def carried(
    events: Sequence[Event], before: Mapping[str, Action], knobs: Mapping[str, Dial], actions: Mapping[str, Action]
) -> list[Event]:
    """Of what was told one instrument, in order, what means the same to another one with these knobs and actions.

    The knobs that both have, held inside the other's range, and whether to play.
    """
    turned: dict[str, Event] = {}
    playing: list[Event] = []
    for event in events:
        if event.kind == SET and event.name in knobs:
            value = knobs[event.name].range.clamp(event.values[0])
            turned[event.name] = Event(0, SET, event.name, (value,))
        elif event.kind == DO and before[event.name].state == PLAYING and event.name in actions:
            playing = [Event(0, DO, event.name, event.values)]
    return [*turned.values(), *playing]
