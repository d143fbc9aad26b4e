"""Of a flood of values for one thing, the last one counts: what comes too fast is held back and replaced."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from typing import Final

SPACING_S: Final = 0.004
"""Two hundred and fifty values a second for each thing: more than any hand or screen makes."""


class Throttle:
    """Calls come through at once if the last one for the same thing is long enough ago; else the newest comes later.

    Nothing is ever late by more than ``SPACING_S``, and the last value always arrives.
    """

    def __init__(self, *, spacing_s: float = SPACING_S) -> None:
        self._spacing = spacing_s
        self._waiting: dict[Hashable, Callable[[], None] | None] = {}

    def call(self, thing: Hashable, action: Callable[[], None]) -> None:
        """Do ``action`` now or soon, unless a newer one for the same ``thing`` comes first."""
        if thing in self._waiting:
            self._waiting[thing] = action
            return
        self._open(thing)
        action()

    def flush(self) -> None:
        """Do now all that was held back."""
        for thing, action in list(self._waiting.items()):
            if action is not None:
                self._waiting[thing] = None
                action()

    def _open(self, thing: Hashable) -> None:
        self._waiting[thing] = None
        asyncio.get_running_loop().call_later(self._spacing, self._close, thing)

    def _close(self, thing: Hashable) -> None:
        action = self._waiting.pop(thing)
        if action is not None:
            self._open(thing)
            action()
