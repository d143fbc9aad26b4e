"""Where the engine, the open pages and the takes meet."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from timbrespace.control.takes import Take
from timbrespace.core.errors import EngineError, TimbrespaceError
from timbrespace.core.files import storage_error
from timbrespace.web.atlas import Atlas
from timbrespace.web.listeners import Listeners
from timbrespace.web.messages import Event, Mistake, Order, Ping, Ranges, Record, SetKnob
from timbrespace.web.news import knob_tables, latency_ms, status_table
from timbrespace.web.playable import Playable, Sound
from timbrespace.web.remote import Remote
from timbrespace.web.shelf import Shelf
from timbrespace.web.throttle import Throttle

STATUS_S: Final = 0.1
RECENT_S: Final = 60.0
SETTLED_S: Final = 0.5
"""After a restart of the engine, until all that was asked meanwhile has been done."""


class Stage:
    """One instrument, any number of remotes, one listener at a time.

    ``facts`` say what is being played: whatever ``/api/info`` should tell. ``turned`` is asked which knobs were
    turned from elsewhere meanwhile.
    """

    def __init__(self, engine: Playable, atlas: Atlas, *, facts: dict[str, Any]) -> None:
        self.engine = engine
        self.atlas = atlas
        self.facts = facts
        self.turned: Callable[[], Mapping[str, float]] = dict
        self.shelf = Shelf()
        self.listeners = Listeners()
        self.closing = asyncio.Event()
        self.ranges = Ranges(engine.knobs, engine.actions, axes=len(atlas.axes), moments=len(atlas.points))
        self._remotes: set[Remote] = set()
        self._count = 0
        self._throttle = Throttle()

    @property
    def remotes(self) -> int:
        """How many remotes there are."""
        return len(self._remotes)

    def join(self, send: Callable[[str], Awaitable[None]]) -> Remote:
        """A new remote, which is told how things stand."""
        self._count += 1
        remote = Remote(self._count, send)
        self._remotes.add(remote)
        remote.tell({"type": "hello", "client": remote.number, "knobs": self.knobs(), **self._status()})
        return remote

    def leave(self, remote: Remote) -> None:
        """Forget a remote."""
        self._remotes.discard(remote)

    def pull(self, frames: int, *, urgent: bool) -> tuple[Sound, int]:
        """The next sound (frame, channel), ``frames`` or none of it, and the index of its first sample.

        Only where it is ``urgent``, because the listener runs dry, less is taken, and its lack counts as a dropout.
        """
        status = self.engine.status()
        if status.fill < frames and not urgent:
            return np.zeros((0, self.engine.channels), np.float32), status.heard
        return self.engine.read(frames), status.heard

    def knobs(self) -> list[dict[str, Any]]:
        """Every knob with its range and value."""
        return knob_tables(self.engine.knobs.values(), self.engine.status())

    def info(self) -> dict[str, Any]:
        """What is being played, and with which delay."""
        engine, status = self.engine, self.engine.status()
        latency = latency_ms(status, self.listeners.current, sample_rate=engine.sample_rate)
        return {**self.facts, "sample_rate": engine.sample_rate, "channels": engine.channels, "latency": latency}

    async def obey(self, order: Order, remote: Remote) -> None:
        """Do what a remote asks, and tell who is concerned."""
        if isinstance(order, Ping):
            remote.tell({"type": "pong", "t": order.t})
        elif isinstance(order, SetKnob):
            self._soon(order.name, lambda: self._turn(order, remote), remote)
        elif isinstance(order, Event):
            self._act(order, remote)
        elif isinstance(order, Record):
            await self._keep(lambda: self.engine.record(order.on))

    async def keep_recent(self, seconds: float) -> dict[str, Any]:
        """The last ``seconds`` as a take."""
        return await self._keep(lambda: self.engine.keep_recent(seconds)) or {}

    async def report(self) -> None:
        """Tell every remote ten times a second how the instrument is, until the end."""
        restarts, steady_at = 0, float("inf")
        while not self.closing.is_set():
            turned = self.turned()
            if self._remotes:
                for knob, value in turned.items():
                    self._tell_knob(knob, value)
                with suppress(EngineError):  # it is being closed
                    self._tell_all({"type": "status", **self._status()})
                    status = self.engine.status()
                    if status.restarts != restarts:
                        restarts, steady_at = status.restarts, time.monotonic() + SETTLED_S
                    elif time.monotonic() >= steady_at:  # the new process stands as it says, not as the pages think
                        steady_at = float("inf")
                        for knob, value in status.knobs.items():
                            self._tell_knob(knob, value)
            await asyncio.sleep(STATUS_S)

    async def _keep(self, make: Callable[[], Take | None]) -> dict[str, Any] | None:
        """Have a take made, off the loop: it writes to the disk; then everybody hears of it."""
        try:
            take = await asyncio.to_thread(make)
        except OSError as error:
            raise storage_error(error, Path(error.filename or "the folder of takes")) from None
        if take is None:
            return None
        table = self.shelf.put(take)
        self._tell_all({"type": "take", **table})
        return table

    def _soon(self, thing: str, action: Callable[[], None], remote: Remote) -> None:
        """Do what may come in floods; of several for one ``thing`` at once, only the last is done."""

        def attempt() -> None:
            try:
                action()
            except TimbrespaceError as error:
                remote.refuse(Mistake("refused", str(error)))

        self._throttle.call(thing, attempt)

    def _turn(self, order: SetKnob, remote: Remote) -> None:
        self._tell_knob(order.name, self.engine.set(order.name, order.value), remote.number)

    def _act(self, order: Event, remote: Remote) -> None:
        """Have the engine do something; what decides the same part of its state counts as the same thing."""
        state = self.engine.actions[order.name].state or order.name
        action = partial(self._reset if state == "all" else self.engine.send, order.name, *order.values)
        self._soon(f"state {state}", action, remote)

    def _reset(self, name: str, *values: float) -> None:
        self._throttle.flush()  # what was asked before must not come after
        self.engine.send(name, *values)
        for knob, dial in self.engine.knobs.items():
            self._tell_knob(knob, dial.default)

    def _tell_knob(self, name: str, value: float, by: int | None = None) -> None:
        self._tell_all({"type": "knob", "name": name, "value": value, "by": by})

    def _tell_all(self, message: dict[str, Any]) -> None:
        for remote in self._remotes:
            remote.tell(message)

    def _status(self) -> dict[str, Any]:
        status = self.engine.status()
        table = status_table(status, self.listeners.current, sample_rate=self.engine.sample_rate)
        return table | {"clients": self.remotes}
