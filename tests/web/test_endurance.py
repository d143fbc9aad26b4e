"""Clients that begin and do not end: the sound goes on, and nothing of them stays."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import numpy as np
import pytest

from tests.web.conftest import Running
from tests.web.raw import ask
from tests.web.test_audio_socket import blocks
from tests.web.test_control_socket import remote
from tests.web.test_security import good
from timbrespace.web import security, sweeper
from timbrespace.web.sweeper import CLOSING_S, MOST_UNFINISHED, Sweeper

HALVES = (
    b"",
    b"GET / HT",
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n",
    b"POST /api/takes/recent HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4000\r\n\r\nabc",
)


def test_half_requests_neither_stay_nor_disturb(running: Running, do: Any) -> None:
    async def crowd() -> None:
        async with remote(running, "/ws/audio") as socket:
            await blocks(socket, 8)
            opened = []
            for i in range(2 * MOST_UNFINISHED):
                reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
                writer.write(HALVES[i % len(HALVES)])
                opened.append((reader, writer))
            _, sequences, indices = await blocks(socket, 80)
            assert np.array_equal(np.diff(sequences), np.ones(79))
            assert np.array_equal(np.diff(indices), np.full(79, 512))
            answer = await ask(running.port, "/api/info", good(running))
            assert answer.status == 200
            await asyncio.sleep(0.6)
            ends = [asyncio.wait_for(reader.read(), 0.3) for reader, _ in opened]
            still = sum(isinstance(end, TimeoutError) for end in await asyncio.gather(*ends, return_exceptions=True))
            assert still <= MOST_UNFINISHED + 5
            for _, writer in opened:
                writer.transport.abort()

    do(crowd())


class Transport:
    def __init__(self) -> None:
        self.closing = self.aborted = False

    def is_closing(self) -> bool:
        return self.closing

    def abort(self) -> None:
        self.aborted = True


class Connection:
    def __init__(self) -> None:
        self.transport = Transport()


def test_what_does_not_finish_closing_is_ended() -> None:
    broom, one, two = Sweeper(), Connection(), Connection()
    one.transport.closing = True
    assert broom.sweep([one, two], 0.0) == 0
    assert broom.sweep([one, two], CLOSING_S - 0.1) == 0
    assert broom.sweep([one, two], CLOSING_S + 0.1) == 1
    assert (one.transport.aborted, two.transport.aborted) == (True, False)


def test_a_request_that_never_ends_is_given_up(running: Running, do: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeper, "REQUEST_S", 0.5)

    async def wait() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n")
        began = asyncio.get_running_loop().time()
        with suppress(ConnectionResetError):
            assert await asyncio.wait_for(reader.read(), 5) == b""
        assert asyncio.get_running_loop().time() - began > 0.3
        writer.transport.abort()

    do(wait())


def test_a_body_that_never_comes_is_given_up(running: Running, do: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "BODY_SECONDS", 0.2)

    async def wait() -> None:
        headers = [*good(running), ("Content-Length", "10")]
        lines = ["POST /api/takes/recent HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\nabc")
        assert b" 408 " in await asyncio.wait_for(reader.readline(), 7)
        writer.transport.abort()

    do(wait())
