"""From datagrams to commands: the last valid word of each address counts, and nothing that comes stops the thread."""

from __future__ import annotations

import math
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tests.control.osc_fakes import Steered
from timbrespace.control.osc.meters import packets
from timbrespace.control.osc.packets import MALFORMED, NUMBER, PATTERN, bundle, message, parse
from timbrespace.control.osc.ports import WEKINATOR_IN, WEKINATOR_OUT, OscPorts
from timbrespace.control.osc.receiver import OscReceiver
from timbrespace.control.osc.refusals import Refusals
from timbrespace.control.osc.switchboard import COUNT, LACKING, UNKNOWN, Switchboard
from timbrespace.control.parameters import tree
from timbrespace.core.errors import EngineError, ParameterError, StorageError

Numbers = tuple[float, ...]


def free_port() -> int:
    """A port that is free, as is the next one."""
    for _ in range(100):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one, socket.socket(type=socket.SOCK_DGRAM) as next_one:
            one.bind(("127.0.0.1", 0))
            port: int = one.getsockname()[1]
            try:
                next_one.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port
    raise AssertionError("no two free ports in a row")


def until(done: Callable[[], bool], seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while not done() and time.monotonic() < deadline:
        time.sleep(0.002)
    return done()


def switchboard(told: list[str] | None = None) -> tuple[Switchboard, Refusals]:
    steered = Steered()
    refusals = Refusals((told if told is not None else []).append)
    return Switchboard(tree(steered.knobs, steered.actions), refusals), refusals


def taken(board: Switchboard) -> list[tuple[str, Numbers]]:
    return [(parameter.address, numbers) for parameter, numbers in board.take()]


def test_the_last_word_of_each_address_counts_in_the_order_of_last_words() -> None:
    board, _ = switchboard()
    for packet in (
        message("/ts/stop"),
        message("/ts/z", 1.0, 1.0, 1.0, 1.0),
        bundle(message("/ts/play"), message("/ts/z", 2, 2, 2, 2)),
        message("/ts/gain", -3.0),
        message("/ts/stop"),
    ):
        board.put(packet)
    assert taken(board) == [("/ts/play", ()), ("/ts/z", (2.0,) * 4), ("/ts/gain", (-3.0,)), ("/ts/stop", ())]
    assert taken(board) == []
    assert (board.packets, board.messages) == (5, 6)


def test_a_beginning_that_is_known_is_read_as_one_that_is_not() -> None:
    board, refusals = switchboard()
    packet = message("/ts/z", 0.1, -0.2, 0.3, 1e6)
    for _ in range(3):
        board.put(packet)
        ((_, numbers),) = taken(board)
        assert numbers == struct.unpack(">4f", packet[-16:])
    for bad in (math.nan, math.inf, -math.inf, 1.1e6):
        for place in range(4):
            values = [0.0] * 4
            values[place] = bad
            board.put(message("/ts/z", *values))
    assert refusals.counts == {NUMBER: 16}
    for cut in (packet[:-1], packet[:-4], packet + bytes(4), packet + b"\0"):
        board.put(cut)
    assert refusals.counts == {NUMBER: 16, MALFORMED: 4}
    assert taken(board) == []
    for whole in (message("/ts/z", 0, 0, 0, 0), message("/ts/z", 1.0, 2.0, 3.0)):
        board.put(whole)
    assert taken(board) == [("/ts/z", (0.0,) * 4)]
    assert refusals.counts[COUNT] == 1


def test_what_is_wrong_leaves_what_came_before() -> None:
    board, _ = switchboard()
    board.put(message("/ts/gain", -3.0))
    for wrong in (
        message("/ts/gain"),
        message("/ts/gain", 1.0, 2.0),
        message("/ts/gain", math.nan),
        b"/ts/gain\0\0\0\0",
    ):
        board.put(wrong)
    board.put(bundle(message("/ts/gain", 5.0), message("/ts/*", 1.0)))
    assert taken(board) == [("/ts/gain", (-3.0,))]


def test_refusals_are_counted_by_kind_and_told_once() -> None:
    told: list[str] = []
    board, refusals = switchboard(told)
    for _ in range(50):
        for packet in (
            b"garbage!",
            message("/ts/*", 1.0),
            message("/ts/gain", math.inf),
            message("/ts/gian", 1.0),
            message("/ts/corner", 1.0),
            message("/ts/gain", "loud"),
            message("/ts/xy", 1.0),
        ):
            board.put(packet)
    assert refusals.counts == {MALFORMED: 100, PATTERN: 50, NUMBER: 50, UNKNOWN: 50, LACKING: 50, COUNT: 50}
    assert refusals.total == 350
    assert told == [
        "OSC: An OSC packet begins with '/' or '#bundle'.",
        "OSC: Patterns in OSC addresses are refused: '/ts/*'; send to one exact address.",
        "OSC: OSC numbers lie between -1,000,000 and 1,000,000, not at inf.",
        "OSC: There is no address /ts/gian. Did you mean '/ts/gain'?",
        "OSC: This instrument has nothing for /ts/corner; nothing was done.",
        "OSC: /ts/xy takes 2 numbers, and 1 came; nothing was done.",
    ]


def test_after_a_while_a_kind_is_told_again_with_its_count() -> None:
    told: list[str] = []
    refusals = Refusals(told.append, again_s=0.05)
    for _ in range(10):
        refusals.note("kind", "No.")
    time.sleep(0.06)
    refusals.note("kind", lambda: "x" * 1000)
    assert told[0] == "OSC: No."
    assert told[1].endswith("x (10 like it in a minute)")
    assert len(told[1]) < 400
    assert len(told) == 2


def test_other_addresses_after_another_instrument() -> None:
    board, refusals = switchboard()
    board.put(message("/ts/gain", 1.0))
    board.put(message("/ts/gain", 1.0))
    board.serve({})
    assert taken(board) == []
    board.put(message("/ts/gain", 1.0))
    assert refusals.counts == {LACKING: 1}


class Line:
    """A receiver, its engine, and a way to send to it."""

    def __init__(self, engine: Steered | None = None, *, wekinator: bool = False) -> None:
        self.ports = OscPorts(free_port(), wekinator=wekinator)
        self.told: list[str] = []
        self.engine = engine or Steered()
        self.receiver = OscReceiver(self.ports, tell=self.told.append)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def send(self, packet: bytes, port: int | None = None) -> None:
        self._socket.sendto(packet, ("127.0.0.1", port or self.ports.port))

    def close(self) -> None:
        self.receiver.close()
        self._socket.close()


@pytest.fixture
def line() -> Iterator[Line]:
    found = Line()
    found.receiver.steer(found.engine)
    yield found
    found.close()


def test_messages_move_the_engine(line: Line) -> None:
    line.send(message("/ts/coord/2", 0.25))
    assert until(lambda: len(line.engine.asked) == 1)
    line.send(message("/ts/grain/pitch", 8.0))
    assert until(lambda: len(line.engine.asked) == 2)
    assert line.engine.asked == [("coord", (0.5, 0.25, 0.5, 0.5)), ("pitch", (8.0,))]
    assert line.receiver.turned() == {"pitch": 4.0}
    assert line.receiver.turned() == {}
    counts = line.receiver.counts
    assert (counts.packets, counts.messages, counts.commands, counts.refused) == (2, 2, 2, {})


def test_a_flood_is_thinned_and_its_last_word_arrives(line: Line) -> None:
    for i in range(2001):
        line.send(message("/ts/z", *[i / 1000] * 4))
        if i % 50 == 0:
            line.send(b"\xff" * (i % 7))
            time.sleep(0.001)
    assert until(lambda: bool(line.engine.asked) and line.engine.asked[-1][1][0] == pytest.approx(2.0))
    assert len(line.engine.asked) < 500
    assert line.receiver.counts.refused[MALFORMED] == 41


def test_numbers_of_one_vector_become_one_command(line: Line) -> None:
    line.send(bundle(*[message(f"/ts/coord/{i + 1}", i / 4) for i in range(4)]))
    assert until(lambda: bool(line.engine.asked))
    assert line.engine.asked == [("coord", (0.0, 0.25, 0.5, 0.75))]


def test_what_came_before_the_engine_is_heard() -> None:
    line = Line()
    line.send(message("/ts/gain", -12.0))
    time.sleep(0.05)
    line.receiver.steer(line.engine)
    assert until(lambda: line.engine.asked == [("gain_db", (-12.0,))])
    line.close()


def test_nothing_stops_the_thread(capsys: pytest.CaptureFixture[str]) -> None:
    class Failing(Steered):
        def send(self, name: str, *values: float, at: int | None = None) -> None:
            if name == "panic":
                raise RuntimeError("a bug")
            if name == "stop":
                raise EngineError("The engine is gone.")
            super().send(name, *values)

        def status(self) -> object:  # type: ignore[override]
            raise EngineError("The engine is closed.")

    line = Line(Failing())
    line.receiver.steer(line.engine)
    for address in ("/ts/panic", "/ts/stop", "/ts/play"):
        line.send(message(address))
        time.sleep(0.02)
    assert until(lambda: line.engine.asked == [("play", ())])
    assert line.receiver.counts.refused == {"fault": 1, "engine": 1}
    assert line.told == ["OSC: RuntimeError('a bug'); please report this.", "OSC: The engine is gone."]
    line.close()
    line.receiver.close()
    assert threading.active_count() < 20
    assert capsys.readouterr().err == ""


def test_meters_come_twenty_times_a_second() -> None:
    line = Line()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind(("127.0.0.1", line.ports.answers))
        ear.settimeout(5)
        line.receiver.steer(line.engine)
        heard: dict[str, list[Numbers]] = {}
        begin = time.monotonic()
        while len(heard.get("/ts/out/drop", [])) < 21:
            (told,) = parse(ear.recv(2000))
            heard.setdefault(told.address, []).append(tuple(v for v in told.values if not isinstance(v, str)))
        took = time.monotonic() - begin
    line.close()
    assert took > 0.9
    assert {address: values[0] for address, values in heard.items()} == {
        "/ts/out/pos": (0.5, -1.0),
        "/ts/out/moment": (1.0,),
        "/ts/out/desc": (7.0, 8.0, 11.0, 13.0),
        "/ts/out/peak": (0.5, 0.25),
        "/ts/out/drop": (3.0,),
    }


def test_meters_without_descriptors_leave_them_out() -> None:
    steered = Steered()
    assert len(packets(steered.status(), {})) == 4
    steered.moment = 3
    assert len(packets(steered.status(), steered.arrays)) == 4


def test_wekinator_is_heard_and_told() -> None:
    try:
        line = Line(wekinator=True)
    except StorageError as error:  # somebody else has Wekinator's own ports, which cannot be chosen
        pytest.skip(str(error))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind(("127.0.0.1", WEKINATOR_IN))
        ear.settimeout(5)
        line.receiver.steer(line.engine)
        (told,) = parse(ear.recv(2000))
        assert (told.address, told.values) == ("/wek/inputs", (0.5, -1.0))
        line.send(message("/wek/outputs", 0.1, 0.2), WEKINATOR_OUT)
        assert until(lambda: bool(line.engine.asked))
    assert line.engine.asked[0][0] == "xy"
    line.close()


def test_a_port_in_use_is_named_with_a_free_one() -> None:
    line = Line()
    with pytest.raises(StorageError, match=f"OSC port {line.ports.port} is in use by another program; try --osc "):
        OscReceiver(line.ports)
    line.close()
    OscReceiver(line.ports).close()


@pytest.mark.parametrize("port", [0, -1, 80, 65_535, 10**6])
def test_ports_that_are_none(port: int) -> None:
    with pytest.raises(ParameterError, match="--osc is a port from 1024 to 65534"):
        OscPorts(port)


def test_an_address_of_another_machine() -> None:
    with pytest.raises(StorageError, match="--osc-host is an address of this machine"):
        OscPorts(free_port(), "192.0.2.1").open()


def test_it_listens_to_this_machine_alone_unless_asked() -> None:
    (listening,) = OscPorts(free_port()).open()
    assert listening.getsockname()[0] == "127.0.0.1"
    listening.close()
    (listening,) = OscPorts(free_port(), "0.0.0.0").open()
    assert listening.getsockname()[0] == "0.0.0.0"
    listening.close()
