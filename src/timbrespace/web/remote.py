"""One open page: what it is to be told, in order, without anyone ever waiting for it."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final

from timbrespace.web.messages import Mistake
from timbrespace.web.patience import Patience

PATIENCE_S: Final = 2.0
"""A client that takes longer to take a message is dropped."""
_MOST: Final = 256


class Remote:
    """A control connection with its outgoing messages, which ``send`` sends; of two statuses only the newer one is.

    ``lost`` is set when it is too slow: then it is dropped, and nothing more is kept for it.
    """

    def __init__(self, number: int, send: Callable[[str], Awaitable[None]]) -> None:
        self.number = number
        self.lost = False
        self._send = send
        self._queue: deque[str] = deque()
        self._status: str | None = None
        self._wake = asyncio.Event()
        self._patience = Patience()

    def tell(self, message: dict[str, Any]) -> None:
        """Put a message on its way."""
        text = json.dumps(message, allow_nan=False)
        if message.get("type") == "status":
            self._status = text
        elif len(self._queue) < _MOST:
            self._queue.append(text)
        else:
            self.lost = True
        self._wake.set()

    def refuse(self, mistake: Mistake) -> None:
        """Tell the client what was wrong, unless it has been told often enough just now."""
        if self._patience.allows():
            self.tell(mistake.message())

    async def deliver(self) -> None:
        """Send what there is to say, until the client takes too long; returns then."""
        while not self.lost:
            await self._wake.wait()
            self._wake.clear()
            while self._queue or self._status is not None:
                text = self._queue.popleft() if self._queue else self._take_status()
                try:
                    async with asyncio.timeout(PATIENCE_S):
                        await self._send(text)
                except TimeoutError:
                    self.lost = True
                    return

    def _take_status(self) -> str:
        text, self._status = self._status or "", None
        return text
