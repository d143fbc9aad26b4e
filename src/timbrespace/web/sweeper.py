"""Ends connections that nobody means: those that never finish a request, and those that never finish closing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Any, Final

from uvicorn import Server
from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_S: Final = 5.0
CLOSING_S: Final = 3.0
MOST_UNFINISHED: Final = 200
"""Half requests at a time; browsers have a handful, and every one costs a file descriptor."""


class Sweeper:
    """Remembers since when a connection has been in a state it should leave, and ends it when it does not.

    The web server itself waits for the rest of a request without end, and for a client that takes nothing to close.
    """

    def __init__(self) -> None:
        self._unfinished: dict[Any, float] = {}
        self._closing: dict[Any, float] = {}

    def sweep(self, connections: Iterable[Any], now: float) -> int:
        """Look at every connection; returns how many were ended."""
        present = list(connections)
        self._closing = _since(self._closing, [c for c in present if _is_closing(c)], now)
        self._unfinished = _since(self._unfinished, [c for c in present if _is_unfinished(c)], now)
        spare = len(self._unfinished) - MOST_UNFINISHED
        oldest = list(self._unfinished)[: max(0, spare)]
        late = [c for c, since in self._unfinished.items() if now - since > REQUEST_S]
        stuck = [c for c, since in self._closing.items() if now - since > CLOSING_S]
        ended = {id(c): c for c in (*oldest, *late, *stuck)}
        for connection in ended.values():
            connection.transport.abort()
        return len(ended)

    async def run(self, server: Server) -> None:
        """Sweep the server's connections four times a second, for ever."""
        while True:
            self.sweep(server.server_state.connections, time.monotonic())
            await asyncio.sleep(0.25)


def _since(before: dict[Any, float], present: list[Any], now: float) -> dict[Any, float]:
    """Those present with the time they were first seen, the longest known first."""
    there = set(present)
    kept = {c: since for c, since in before.items() if c in there}
    return kept | {c: now for c in present if c not in kept}


def _is_closing(connection: Any) -> bool:
    return connection.transport is not None and connection.transport.is_closing()


def _is_unfinished(connection: Any) -> bool:
    """Whether a connection has begun a request, or has not even that, and no request of it is being answered."""
    if not isinstance(connection, H11Protocol) or _is_closing(connection):
        return False
    answered = connection.cycle is None or connection.cycle.response_complete
    return answered and connection.timeout_keep_alive_task is None
