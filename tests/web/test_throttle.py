"""Floods: the last value arrives, the first at once, and in between only so many."""

from __future__ import annotations

import asyncio
from typing import Any

from timbrespace.web.patience import PER_SECOND, Patience
from timbrespace.web.throttle import Throttle


def test_the_first_comes_at_once_and_the_last_for_certain(do: Any) -> None:
    async def flood() -> None:
        done: list[int] = []
        throttle = Throttle(spacing_s=0.02)
        for i in range(100):
            throttle.call("knob", lambda i=i: done.append(i))
        assert done == [0]
        await asyncio.sleep(0.06)
        assert done == [0, 99]
        throttle.call("knob", lambda: done.append(100))
        assert done == [0, 99, 100]

    do(flood())


def test_things_do_not_wait_for_each_other(do: Any) -> None:
    async def flood() -> None:
        done: list[str] = []
        throttle = Throttle(spacing_s=1.0)
        for thing in "abab":
            throttle.call(thing, lambda thing=thing: done.append(thing))
        assert done == ["a", "b"]
        throttle.flush()
        assert done == ["a", "b", "a", "b"]
        throttle.flush()
        assert len(done) == 4

    do(flood())


def test_patience_is_refilled() -> None:
    now = [0.0]
    patience = Patience(clock=lambda: now[0])
    assert sum(patience.allows() for _ in range(100)) == PER_SECOND
    now[0] = 0.5
    assert sum(patience.allows() for _ in range(100)) == PER_SECOND / 2
    now[0] = 100.0
    assert sum(patience.allows() for _ in range(100)) == PER_SECOND
