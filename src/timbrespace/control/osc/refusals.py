"""What was refused: counted always, told once in a while."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

AGAIN_S: Final = 60.0
"""Between two sentences about refusals of one kind."""
LONGEST: Final = 300


class Refusals:
    """Counts refusals by kind and tells of the first of each kind, then of the latest once a minute at most.

    ``tell`` gets one sentence of printable letters. Sentences that take time are given as functions that make them.
    """

    def __init__(self, tell: Callable[[str], None], *, again_s: float = AGAIN_S) -> None:
        self._tell = tell
        self._again_s = again_s
        self._counts: dict[str, int] = {}
        self._told: dict[str, tuple[float, int]] = {}

    @property
    def counts(self) -> dict[str, int]:
        """How many of each kind there were."""
        return dict(self._counts)

    @property
    def total(self) -> int:
        """How many there were."""
        return sum(self._counts.values())

    def note(self, kind: str, sentence: str | Callable[[], str]) -> None:
        """Count one refusal of a ``kind``; perhaps tell of it."""
        count = self._counts[kind] = self._counts.get(kind, 0) + 1
        now = time.monotonic()
        told_at, told_count = self._told.get(kind, (-self._again_s, 0))
        if now - told_at < self._again_s:
            return
        self._told[kind] = now, count
        text = sentence if isinstance(sentence, str) else sentence()
        more = f" ({count - told_count:,} like it in a minute)" if count - told_count > 1 else ""
        self._tell("OSC: " + text[:LONGEST] + more)
