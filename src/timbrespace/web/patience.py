"""Small helpers of both sockets: how many mistakes are answered, and waiting for the first of several to end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final

from starlette.websockets import WebSocketDisconnect

PER_SECOND: Final = 10.0


class Patience:
    """A bucket of ten answers that refills by ten a second: a client that sends nonsense in a flood is not answered."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._left = PER_SECOND
        self._at = clock()

    def allows(self) -> bool:
        """Whether one more answer is due."""
        now = self._clock()
        self._left = min(PER_SECOND, self._left + PER_SECOND * (now - self._at))
        self._at = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


async def until_first(*work: Coroutine[Any, Any, Any]) -> None:
    """Run coroutines until the first of them ends, then end the others; a client that left is no error."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            with suppress(WebSocketDisconnect):
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
