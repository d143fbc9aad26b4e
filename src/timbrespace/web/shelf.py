"""The takes of a session, which clients know by their ids alone."""

from __future__ import annotations

from typing import Final

from timbrespace.control.takes import Take

MAX_TAKES: Final = 1000
"""More are still written, but the oldest leave the list."""


class Shelf:
    """Takes by id, in the order of making. A request names an id of this table, never a file."""

    def __init__(self) -> None:
        self._takes: dict[str, Take] = {}

    def put(self, take: Take) -> dict[str, str | float]:
        """Add a take; returns it as clients see it."""
        self._takes[take.path.stem] = take
        if len(self._takes) > MAX_TAKES:
            del self._takes[next(iter(self._takes))]
        return _table(take)

    def find(self, name: str) -> Take | None:
        """The take of that id."""
        return self._takes.get(name)

    def list(self) -> list[dict[str, str | float]]:
        """All takes as clients see them, the newest first."""
        return [_table(take) for take in reversed(self._takes.values())]


def _table(take: Take) -> dict[str, str | float]:
    name = take.path.stem
    return {"id": name, "seconds": take.seconds, "url": f"/api/takes/{name}.wav"}
