"""The control socket: orders, echoes, and whatever a broken or hostile program may send instead."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.web.conftest import Running
from tests.web.fake_engine import dials
from timbrespace.instruments.latent_controls import ACTIONS
from timbrespace.web import remote as remote_module
from timbrespace.web.messages import Mistake, Order, Ranges, parse, parse_report
from timbrespace.web.remote import Remote

RANGES = Ranges(dials(), ACTIONS, axes=6, moments=50)


@asynccontextmanager
async def remote(running: Running, path: str = "/ws/control", **more: Any) -> AsyncIterator[ClientConnection]:
    address = f"ws://127.0.0.1:{running.port}{path}"
    options: dict[str, Any] = {"max_size": None, "max_queue": None, "compression": None, "close_timeout": 1}
    async with connect(address, additional_headers=running.token, **options, **more) as socket:
        yield socket


async def next_of(socket: ClientConnection, kind: str) -> dict[str, Any]:
    """The next message of a kind; others are passed over."""
    while True:
        message = json.loads(await asyncio.wait_for(socket.recv(), 8))
        if message["type"] == kind:
            return dict(message)


async def say(socket: ClientConnection, **message: Any) -> None:
    await socket.send(json.dumps(message))


def test_the_greeting_says_how_things_stand(running: Running, do: Any) -> None:
    async def talk() -> None:
        async with remote(running) as socket:
            hello = json.loads(await socket.recv())
            assert hello["type"] == "hello"
            assert {k["name"] for k in hello["knobs"]} == set(dials())
            assert {"playing", "clients", "place", "latency_ms", "level_db"} <= set(hello)

    do(talk())


def test_status_comes_ten_times_a_second(running: Running, do: Any) -> None:
    async def talk() -> None:
        async with remote(running) as socket:
            for _ in range(3):
                status = await next_of(socket, "status")
            assert status["latency_ms"]["total"] == pytest.approx(
                sum(v for k, v in status["latency_ms"].items() if k != "total"), abs=0.3
            )
            assert len(status["level_db"]) == 1

    do(talk())


def test_a_knob_is_turned_and_everybody_hears_of_it(running: Running, do: Any) -> None:
    async def talk() -> None:
        async with remote(running) as one, remote(running) as two:
            me = (await next_of(one, "hello"))["client"]
            await say(one, type="set", name="gain_db", value=-6)
            for socket in (one, two):
                echo = await next_of(socket, "knob")
                assert echo == {"type": "knob", "name": "gain_db", "value": -6.0, "by": me}
            assert running.engine.log[-1] == ("set", "gain_db", -6.0)
            await say(two, type="set", name="gain_db", value=99)  # beyond the end
            for socket in (one, two):
                assert (await next_of(socket, "knob"))["value"] == 12.0
            await say(one, type="event", name="reset", values=[])
            seen = {(await next_of(two, "knob"))["name"] for _ in dials()}
            assert seen == set(dials())

    do(talk())


def test_events_reach_the_engine_as_they_were_said(running: Running, do: Any) -> None:
    async def talk() -> None:
        async with remote(running) as socket:
            for name, values in (("play", []), ("place", [0, 2, 0.5, -1.25]), ("moment", [7]), ("line", [1, 2, 3.5])):
                await say(socket, type="event", name=name, values=values)
                await asyncio.sleep(0.02)
            await say(socket, type="ping", t=12.5)
            assert await next_of(socket, "pong") == {"type": "pong", "t": 12.5}
        told = [("play",), ("place", 0.0, 2.0, 0.5, -1.25), ("moment", 7.0), ("line", 1.0, 2.0, 3.5)]
        assert running.engine.log[-4:] == told

    do(talk())


def test_of_a_flood_the_last_value_counts(running: Running, do: Any) -> None:
    async def talk() -> None:
        before = len(running.engine.log)
        async with remote(running) as socket:
            for i in range(1001):
                await say(socket, type="event", name="place", values=[0, 1, i / 1000, 0])
            await say(socket, type="set", name="speed", value=2)
            while (await next_of(socket, "knob"))["name"] != "speed":
                pass
            await asyncio.sleep(0.02)
        done = [e for e in running.engine.log[before:] if e[0] == "place"]
        assert done[-1] == ("place", 0.0, 1.0, 1.0, 0.0)
        assert len(done) < 1001

    do(talk())


BAD: dict[str, str | bytes] = {
    "nothing": "",
    "half an object": "{",
    "NaN": '{"type":"set","name":"gain_db","value":NaN}',
    "infinity": '{"type":"set","name":"gain_db","value":-Infinity}',
    "1e30": '{"type":"set","name":"gain_db","value":1e30}',
    "1e400": '{"type":"set","name":"gain_db","value":1e400}',
    "a huge whole number": '{"type":"set","name":"gain_db","value":' + "9" * 3000 + "}",
    "a number too long to read": '{"type":"set","name":"gain_db","value":' + "9" * 4000 + "}",
    "a string for a number": '{"type":"set","name":"gain_db","value":"-6"}',
    "true for a number": '{"type":"set","name":"gain_db","value":true}',
    "null for a number": '{"type":"set","name":"gain_db","value":null}',
    "no value": '{"type":"set","name":"gain_db"}',
    "a list for a name": '{"type":"set","name":["gain_db"],"value":1}',
    "unknown knob": '{"type":"set","name":"gian_db","value":1}',
    "a knob of Python": '{"type":"set","name":"__class__","value":1}',
    "unknown event": '{"type":"event","name":"explode","values":[]}',
    "a method": '{"type":"event","name":"close","values":[]}',
    "too few values": '{"type":"event","name":"place","values":[0,1,2]}',
    "too many values": '{"type":"event","name":"play","values":[1]}',
    "values that are no list": '{"type":"event","name":"play","values":{}}',
    "place far away": '{"type":"event","name":"place","values":[0,1,1e30,0]}',
    "place on one axis": '{"type":"event","name":"place","values":[1,1,0,0]}',
    "place on an axis that is not there": '{"type":"event","name":"place","values":[0,6,0,0]}',
    "place on a negative axis": '{"type":"event","name":"place","values":[-1,0,0,0]}',
    "moment 0.5": '{"type":"event","name":"moment","values":[0.5]}',
    "moment that is not there": '{"type":"event","name":"audition","values":[50]}',
    "a line without time": '{"type":"event","name":"line","values":[0,1,0]}',
    "recording 1": '{"type":"record","on":1}',
    "ping of text": '{"type":"ping","t":"now"}',
    "unknown type": '{"type":"eval","code":"1"}',
    "no type": "{}",
    "a list": "[]",
    "a number": "7",
    "deep nesting": "[" * 4000,
    "a deep object": '{"a":' * 800,
    "a megabyte": "x" * 1_000_000,
    "binary": b"\x00\xff\xfe",
    "OSC in binary": b"/ts/gain\x00\x00\x00\x00,f\x00\x00\x7f\xc0\x00\x00",
}


@pytest.mark.parametrize("name", BAD)
def test_nonsense_is_answered_and_changes_nothing(name: str, running: Running, do: Any) -> None:
    async def talk() -> None:
        async with remote(running) as socket:
            await next_of(socket, "hello")
            log, values = list(running.engine.log), running.engine.status().knobs
            await socket.send(BAD[name])
            error = await next_of(socket, "error")
            assert error["code"]
            assert error["message"].endswith(".")
            assert {"code", "message", "hint"} <= set(error)
            assert (running.engine.log, running.engine.status().knobs) == (log, values)
            await say(socket, type="ping", t=1)
            await next_of(socket, "pong")  # still here

    do(talk())


def test_invalid_text_ends_that_connection_alone(running: Running, do: Any) -> None:
    """RFC 6455, 8.1: text that is no UTF-8 fails the connection; others go on."""

    async def talk() -> None:
        async with remote(running) as good, remote(running) as bad:
            await bad.send(b"\xff\xfe{", text=True)
            with pytest.raises(ConnectionClosed):
                while True:
                    await asyncio.wait_for(bad.recv(), 3)
            await say(good, type="ping", t=1)
            await next_of(good, "pong")

    do(talk())


def test_a_flood_of_nonsense_is_answered_in_moderation(running: Running, do: Any) -> None:
    async def talk() -> None:
        async with remote(running) as socket:
            for _ in range(2000):
                await socket.send("{")
            await say(socket, type="ping", t=1)
            errors = 0
            while (message := json.loads(await socket.recv()))["type"] != "pong":
                errors += message["type"] == "error"
            assert 1 <= errors < 60

    do(talk())


class Deaf:
    """A connection whose client takes nothing after the first ``n`` messages."""

    def __init__(self, n: int) -> None:
        self.left = n
        self.sent: list[str] = []

    async def send_text(self, text: str) -> None:
        if self.left == 0:
            await asyncio.sleep(60)
        self.left -= 1
        self.sent.append(text)


def test_a_client_that_does_not_listen_is_dropped(do: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert remote_module.PATIENCE_S == 2.0
    monkeypatch.setattr(remote_module, "PATIENCE_S", 0.05)

    async def talk() -> None:
        client = Remote(1, Deaf(0).send_text)
        client.tell({"type": "knob"})
        await asyncio.wait_for(client.deliver(), 1)
        assert client.lost

    do(talk())


def test_nothing_piles_up_for_a_client_that_does_not_listen(do: Any) -> None:
    async def talk() -> None:
        client = Remote(1, Deaf(0).send_text)
        for i in range(10_000):
            client.tell({"type": "knob", "i": i})
        assert client.lost
        await asyncio.wait_for(client.deliver(), 1)

    do(talk())


def test_of_two_statuses_only_the_newer_is_sent(do: Any) -> None:
    async def talk() -> None:
        deaf = Deaf(3)
        client = Remote(1, deaf.send_text)
        for i in range(5):
            client.tell({"type": "status", "i": i})
            client.tell({"type": "knob", "i": i}) if i < 2 else None
        task = asyncio.create_task(client.deliver())
        await asyncio.sleep(0.05)
        task.cancel()
        assert [json.loads(text) for text in deaf.sent] == [
            {"type": "knob", "i": 0},
            {"type": "knob", "i": 1},
            {"type": "status", "i": 4},
        ]

    do(talk())


def test_recording_gives_the_sound_that_was_heard(running: Running, do: Any) -> None:
    async def talk() -> None:
        async with remote(running) as socket, remote(running, "/ws/audio") as sound:
            await say(socket, type="record", on=True)
            await asyncio.sleep(0.2)
            for _ in range(20):
                await sound.recv()
            await say(socket, type="record", on=False)
            take = await next_of(socket, "take")
            assert take["url"] == f"/api/takes/{take['id']}.wav"
            found = running.stage.shelf.find(take["id"])
            assert found is not None
            info = soundfile.info(found.path)
            assert (info.subtype, info.samplerate, info.frames) == ("PCM_24", 44_100, found.frames)
            assert take["seconds"] == found.frames / 44_100

    do(talk())


@given(st.text(max_size=200))
def test_any_text_is_an_order_or_a_mistake(text: str) -> None:
    try:
        found: Any = parse(text, RANGES)
    except Mistake as mistake:
        found = mistake
    assert isinstance(found, Order) or found.message()["type"] == "error"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.sampled_from(["event", "set", "record", "ping"]),
    st.sampled_from([*ACTIONS, *dials()]) | json_values,
    st.lists(json_values, max_size=4) | json_values,
    json_values,
)
def test_any_object_is_an_order_within_the_ranges_or_a_mistake(kind: str, name: Any, values: Any, value: Any) -> None:
    text = json.dumps({"type": kind, "name": name, "values": values, "value": value, "on": value, "t": value})
    try:
        order = parse(text, RANGES)
    except Mistake:
        return
    for number in getattr(order, "values", ()):
        assert abs(number) <= 1e6
    if hasattr(order, "value"):
        assert dials()[order.name].range.contains(order.value)


@given(st.dictionaries(st.sampled_from(["buffer", "lead_ms", "underruns", "received", "t"]), json_values))
def test_any_report_is_one_or_a_mistake(table: dict[str, Any]) -> None:
    try:
        report = parse_report(json.dumps(table))
    except Mistake:
        return
    assert report.buffer >= 0
