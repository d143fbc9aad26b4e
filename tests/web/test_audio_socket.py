"""The audio socket: one listener at a time, blocks in order, nothing lost, nobody waited for."""

from __future__ import annotations

import asyncio
import json
import socket as socket_module
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from tests.web.conftest import Running
from tests.web.fake_engine import FakeEngine, atlas
from tests.web.test_control_socket import remote
from timbrespace.web import audio_socket
from timbrespace.web.audio_socket import MOVED, SLOW
from timbrespace.web.serve import bind
from timbrespace.web.sound_frames import Sound, unpack
from timbrespace.web.stage import Stage


async def blocks(socket: ClientConnection, n: int) -> tuple[Sound, list[int], list[int]]:
    """The next ``n`` blocks: the sound, sequences, sample indices."""
    waves, sequences, indices = [], [], []
    while len(waves) < n:
        message = await asyncio.wait_for(socket.recv(), 3)
        if isinstance(message, bytes):
            wave, sequence, index = unpack(message)
            waves.append(wave)
            sequences.append(sequence)
            indices.append(index)
    return np.concatenate(waves), sequences, indices


async def closed_with(socket: ClientConnection, *, seconds: float = 4.0) -> tuple[int | None, list[dict[str, Any]]]:
    """How the server ended the connection, and the words it said before."""
    words = []
    with pytest.raises(ConnectionClosed):
        async with asyncio.timeout(seconds):
            while True:
                message = await socket.recv()
                if isinstance(message, str):
                    words.append(json.loads(message))
    return socket.close_code, words


async def report(socket: ClientConnection, buffer: float = 4410, **more: float) -> None:
    await socket.send(json.dumps({"buffer": buffer, "lead_ms": 100, "underruns": 0} | more))


def test_the_stream_is_as_announced(running: Running, do: Any) -> None:
    async def listen() -> None:
        running.engine.send("play")
        async with remote(running, "/ws/audio") as socket:
            hello = json.loads(await socket.recv())
            described = {"protocol": "ts.pcm.v1", "sr": 44_100, "ch": 1, "block": 512, "format": "f32"}
            assert hello == {"type": "hello", "lead_ms": 100.0} | described
            wave, sequences, indices = await blocks(socket, 30)
            assert sequences == list(range(30))
            assert np.array_equal(np.diff(indices), np.full(29, 512))
            assert wave.shape == (30 * 512, 1)
            assert 0.05 < np.abs(wave).max() <= 1
            assert np.abs(np.diff(wave[:, 0])).max() < 0.05  # no step between blocks

    do(listen())


def test_the_lead_comes_at_once_and_then_a_block_at_a_time(running: Running, do: Any) -> None:
    async def listen() -> None:
        async with remote(running, "/ws/audio") as socket:
            start = time.monotonic()
            await blocks(socket, 8)
            first = time.monotonic() - start
            await blocks(socket, 40)
            rest = time.monotonic() - start
            assert first < 0.2
            assert rest == pytest.approx((48 * 512 - 4410) / 44_100, abs=0.2)

    do(listen())


def test_a_full_listener_gets_no_more(running: Running, do: Any) -> None:
    async def listen() -> None:
        async with remote(running, "/ws/audio") as socket:
            await blocks(socket, 8)
            got = 8 * 512
            for _ in range(10):  # it says that it holds all it ever got
                await report(socket, buffer=got, received=got)
                end = time.monotonic() + 0.1
                while (left := end - time.monotonic()) > 0:
                    try:
                        message = await asyncio.wait_for(socket.recv(), left)
                    except TimeoutError:
                        break
                    got += len(unpack(message)[0]) if isinstance(message, bytes) else 0
            assert got < 0.5 * 44_100  # one that uses it up would have got twice that

    do(listen())


def test_the_newest_listener_takes_the_sound(running: Running, do: Any) -> None:
    async def listen() -> None:
        async with remote(running, "/ws/audio") as old:
            await blocks(old, 8)
            async with remote(running, "/ws/audio") as new, remote(running) as control:
                code, words = await closed_with(old)
                assert code == MOVED
                assert words[-1] == {"type": "moved"}
                await blocks(new, 20)
                await control.send('{"type":"ping","t":0}')  # it can still be played from anywhere

    do(listen())


def test_a_listener_that_falls_silent_is_dropped(running: Running, do: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert audio_socket.PATIENCE_S == 2.0
    monkeypatch.setattr(audio_socket, "PATIENCE_S", 0.5)

    async def listen() -> None:
        async with remote(running, "/ws/audio") as socket:
            await report(socket)
            start = time.monotonic()
            code, _ = await closed_with(socket)
            assert code == SLOW
            assert time.monotonic() - start > 0.4
            await asyncio.sleep(0.05)
            assert running.stage.listeners.current is None

    do(listen())


def test_a_listener_that_takes_nothing_does_not_disturb_the_next(running: Running, do: Any) -> None:
    async def listen() -> None:
        async with remote(running, "/ws/audio") as stuck:
            await report(stuck)
            stuck.transport.pause_reading()
            async with remote(running, "/ws/audio") as good:
                wave, sequences, _ = await blocks(good, 60)
                assert sequences == list(range(60))
                assert len(wave) == 60 * 512
            stuck.transport.abort()

    do(listen())


@pytest.mark.parametrize(
    "text",
    [
        "{", "[]", '{"buffer":-1}', '{"buffer":NaN}', '{"buffer":"full"}', '{"lead_ms":60}', '{"buffer":1e300}',
        '{"buffer":100,"lead_ms":-5}', '{"buffer":100,"received":1e99}', "x" * 100_000, b"\x00\x01",
    ],
)  # fmt: skip
def test_reports_that_make_no_sense_are_answered(text: str | bytes, running: Running, do: Any) -> None:
    async def listen() -> None:
        async with remote(running, "/ws/audio") as socket:
            await socket.send(text)
            while isinstance(message := await asyncio.wait_for(socket.recv(), 3), bytes) or "hello" in message:
                pass
            assert json.loads(message)["type"] == "error"
            await blocks(socket, 10)

    do(listen())


def test_an_engine_that_has_nothing_yet_is_waited_for(running: Running, do: Any) -> None:
    async def listen() -> None:
        running.engine.dry = True
        try:
            async with remote(running, "/ws/audio") as socket:
                await asyncio.sleep(0.1)
                running.engine.dry = False
                _, sequences, _ = await blocks(socket, 10)
                assert sequences == list(range(10))
        finally:
            running.engine.dry = False

    do(listen())


def test_an_empty_engine_is_asked_only_where_its_lack_is_heard(tmp_path: Path) -> None:
    engine = FakeEngine(tmp_path, moments=50)
    stage = Stage(engine, atlas(50), facts={})
    engine.dry = True
    assert len(stage.pull(512, urgent=False)[0]) == 0
    assert engine.reads == 0
    stage.pull(512, urgent=True)
    assert engine.reads == 1
    engine.dry = False
    wave, index = stage.pull(512, urgent=False)
    assert (len(wave), index) == (512, 0)
    assert stage.pull(512, urgent=False)[1] == 512


def test_small_blocks_do_not_wait_for_each_other() -> None:
    """Asyncio switches Nagle's algorithm off for sockets that name their protocol; else blocks come 40 ms late."""
    with bind(0) as listening:
        assert listening.proto == socket_module.IPPROTO_TCP


def test_what_the_listener_reports_is_on_the_meters(running: Running, do: Any) -> None:
    async def listen() -> None:
        async with remote(running, "/ws/audio") as socket, remote(running) as control:
            await report(socket, buffer=2205, underruns=3)
            await asyncio.sleep(0.25)
            async with asyncio.timeout(2):
                while (status := json.loads(await control.recv())).get("underruns") != 3:
                    await report(socket, buffer=2205, underruns=3)
            assert status["latency_ms"]["lead"] == 50.0
            assert status["listening"]

    do(listen())
