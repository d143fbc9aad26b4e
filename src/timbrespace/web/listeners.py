"""Who hears the instrument: the newest listener, one at a time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field


@dataclass
class Listener:
    """One open sound connection and what it last reported; ``moved`` is set when a newer one took the sound."""

    moved: asyncio.Event = field(default_factory=asyncio.Event)
    lead_ms: float = 0.0
    buffer_ms: float = 0.0
    underruns: int = 0


class Listeners:
    """Hands the sound to the newest listener; when that one leaves, nobody has it."""

    def __init__(self) -> None:
        self.current: Listener | None = None

    def take(self) -> Listener:
        """A new listener, which has the sound from now on; the one before is told."""
        if self.current is not None:
            self.current.moved.set()
        self.current = Listener()
        return self.current

    def leave(self, listener: Listener) -> None:
        """Give the sound back, if ``listener`` still has it."""
        if self.current is listener:
            self.current = None
