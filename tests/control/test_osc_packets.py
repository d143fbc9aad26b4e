"""What is no good packet gives one sentence and nothing else; what is one is read as python-osc reads it."""

from __future__ import annotations

import contextlib
import json
import math
import random
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.osc import SEEDS, largest, mutated
from hypothesis import given, settings
from hypothesis import strategies as st
from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message import OscMessage as TheirMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from timbrespace.control.osc import packets
from timbrespace.control.osc.packets import MALFORMED, NUMBER, PATTERN, OscError, OscMessage, bundle, message, parse

NUMBERS = st.floats(-1e6, 1e6, width=32) | st.integers(-(10**6), 10**6)
TEXTS = st.text(st.characters(codec="ascii", exclude_characters="\0"), max_size=50)
NAMES = st.text("abcxyzABC_-.0123456789", min_size=1, max_size=12)
ADDRESSES = st.lists(NAMES, min_size=1, max_size=4).map(lambda parts: "/" + "/".join(parts))


def theirs(address: str, values: list[float | int | str | bool]) -> bytes:
    builder = OscMessageBuilder(address)
    for value in values:
        builder.add_arg(value)
    return builder.build().dgram


@given(ADDRESSES, st.lists(NUMBERS | TEXTS | st.booleans(), max_size=20))
@settings(max_examples=200, deadline=None)
def test_what_python_osc_builds_is_read(address: str, values: list[float | int | str | bool]) -> None:
    (read,) = parse(theirs(address, values))
    assert read == OscMessage(address, tuple(v if isinstance(v, str) else float(v) for v in values))


@given(ADDRESSES, st.lists(NUMBERS | TEXTS, max_size=20))
@settings(max_examples=200, deadline=None)
def test_python_osc_reads_what_is_built(address: str, values: list[float | int | str]) -> None:
    packet = message(address, *values)
    read = TheirMessage(packet)
    assert (read.address, list(read)) == (address, values)
    (again,) = parse(packet)
    assert again.values == tuple(read)


def test_bundles_of_python_osc_are_read_in_order() -> None:
    inner = OscBundleBuilder(IMMEDIATELY)
    inner.add_content(OscBundleBuilder(0.0).build())
    for i in range(3):
        inner.add_content(TheirMessage(theirs(f"/inner/{i}", [i, 0.5])))
    outer = OscBundleBuilder(1e9)  # a time, which is not waited for
    outer.add_content(TheirMessage(theirs("/first", [])))
    outer.add_content(inner.build())
    found = parse(outer.build().dgram)
    assert [m.address for m in found] == ["/first", "/inner/0", "/inner/1", "/inner/2"]
    assert found[3].values == (2.0, 0.5)
    assert parse(bundle()) == []
    mine = OscBundle(bundle(message("/a", 1.5), bundle(message("/b", 2))))
    assert [m.address for m in mine.content(1)] == ["/b"]


def test_every_type() -> None:
    tags = b",ifsTFNIdhtbi\0\0\0"
    arguments = [struct.pack(">if", 7, 0.25), b"abc\0", struct.pack(">dqQ", -2.5, 9, 2**63), b"\0\0\0\5blobs\0\0\0"]
    (read,) = parse(b"/types\0\0" + tags + b"".join(arguments) + struct.pack(">i", 3))
    assert read.values == (7.0, 0.25, "abc", 1.0, 0.0, 1.0, -2.5, 9.0, 3.0)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 1e30, -1.1e6])
@pytest.mark.parametrize("place", [0, 7, 15])
def test_numbers_that_make_no_sense(number: float, place: int) -> None:
    values = [0.5] * 16
    values[place] = number
    with pytest.raises(OscError, match="OSC numbers lie between -1,000,000 and 1,000,000, not at") as caught:
        parse(message("/ts/z", *values))
    assert caught.value.kind == NUMBER
    with pytest.raises(OscError) as caught:
        parse(b"/a\0\0,d\0\0" + struct.pack(">d", number))
    assert caught.value.kind == NUMBER


def test_integers_beyond_the_bounds() -> None:
    with pytest.raises(OscError, match="between -1,000,000 and 1,000,000, not at 1000001"):
        parse(message("/a", 1_000_001))
    with pytest.raises(OscError):
        parse(b"/a\0\0,h\0\0" + struct.pack(">q", -(2**63)))
    assert parse(message("/a", *[1e6] * 16))[0].values == (1e6,) * 16


@pytest.mark.parametrize("letter", "*?[]{}")
def test_patterns_are_refused(letter: str) -> None:
    with pytest.raises(OscError, match="Patterns in OSC addresses are refused") as caught:
        parse(message(f"/ts/{letter}"))
    assert caught.value.kind == PATTERN


@pytest.mark.parametrize(
    ("packet", "sentence"),
    [
        (b"", "a multiple of four bytes, not 0"),
        (b"/a\0", "a multiple of four bytes, not 3"),
        (b"abcd", "begins with '/' or '#bundle'"),
        (b"#bundle\0", "ends before its time tag"),
        (b"#bundle\0" + bytes(8) + struct.pack(">i", 400) + b"/a\0\0", "An element of 400 bytes does not fit"),
        (b"#bundle\0" + bytes(8) + struct.pack(">i", -4), "An element of -4 bytes does not fit"),
        (b"#bundle\0" + bytes(8) + struct.pack(">i", 0), "An element of 0 bytes does not fit"),
        (b"#bundle\0" + bytes(8) + struct.pack(">i", 2) + bytes(4), "a multiple of four bytes, not 2"),
        (b"/abc", "strings end with zeros"),
        (b"/a\0\0", "strings end with zeros"),
        (b"/a\0x,\0\0\0", "strings end with zeros"),
        (b"/a\0\0if\0\0", "without type tags"),
        (b"/a\0\0,i\0\0", "ends before its arguments"),
        (b"/a\0\0,t\0\0" + bytes(4), "ends before its arguments"),
        (b"/a\0\0,b\0\0", "blob is longer than its message"),
        (b"/a\0\0,b\0\0\0\0\0\x09abcdefgh", "blob is longer than its message"),
        (b"/a\0\0,b\0\0\xff\xff\xff\xff", "blob is longer than its message"),
        (b"/a\0\0,s\0\0abcd", "strings end with zeros"),
        (b"/a\0\0,s\0\0ab\xff\0", "OSC strings are ASCII"),
        (b"/a\0\0,[f]\0\0\0\0" + bytes(4), "arguments of type '\\['"),
        (b"/a\0\0,\0\0\0abcd", "4 bytes follow the arguments"),
        (b"/\xc3\xa4\0,\0\0\0", "OSC strings are ASCII"),
        (b"/a b\0\0\0\0,\0\0\0", "'/a b' is no OSC address"),
        (b"/a\x07\0,\0\0\0", "is no OSC address"),
        (b"/a" * 2050 + b",\0\0\0", "strings end with zeros"),
        (b"/" + b"a" * 8191, "8192 bytes|end with zeros"),
        (b"/" + b"a" * 8195, "has 8192 bytes at most"),
        (message("/a", "x" * 257), "have 256 bytes at most"),
        (message("/" + "a" * 256), "have 256 bytes at most"),
    ],
)
def test_what_is_malformed(packet: bytes, sentence: str) -> None:
    with pytest.raises(OscError, match=sentence) as caught:
        parse(packet)
    assert caught.value.kind == MALFORMED


def test_bounds() -> None:
    nested = message("/a")
    for _ in range(packets.MAX_DEPTH):
        nested = bundle(nested)
    assert [m.address for m in parse(nested)] == ["/a"]
    with pytest.raises(OscError, match="4 deep at most"):
        parse(bundle(nested))
    deepest = message("/a")
    while len(deepest) < packets.MAX_BYTES - 40:
        deepest = bundle(deepest)
    with pytest.raises(OscError, match="4 deep at most"):
        parse(deepest)
    many = [message("/a")] * packets.MAX_MESSAGES
    assert len(parse(bundle(*many))) == packets.MAX_MESSAGES
    with pytest.raises(OscError, match="128 messages at most"):
        parse(bundle(*many, message("/a")))
    full = b"/a\0\0," + b"T" * (packets.MAX_ARGUMENTS // 2) + bytes(3)
    assert len(parse(bundle(full, full))) == 2
    with pytest.raises(OscError, match="2048 arguments at most"):
        parse(bundle(full, full, b"/a\0\0,T\0\0"))


def test_mutated_packets_are_read_or_refused() -> None:
    hand = random.Random(7)
    read = 0
    for _ in range(4000):
        packet = mutated(hand.choice(SEEDS), hand)
        found: list[OscMessage] = []
        with contextlib.suppress(OscError):
            found = parse(packet)
        read += bool(found)
        for one in found:
            assert one.address.startswith("/")
            assert all(isinstance(v, str) or abs(v) <= 1e6 for v in one.values)
    assert read > 50


@pytest.mark.slow
def test_100_000_mutated_packets_are_read_or_refused() -> None:
    """In a process of its own, where types are not checked at every call."""
    script = Path(__file__).parents[2] / "benchmarks" / "osc.py"
    command = [sys.executable, str(script), "--mutations", "100000", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    told = json.loads(done.stdout)["mutations"]
    assert sum(told[kind] for kind in ("read", MALFORMED, PATTERN, NUMBER)) == told["packets"] == 100_000
    assert told["read"] > 1000


@given(st.binary(max_size=400) | st.binary(max_size=200).map(lambda b: b"/a\0\0," + b))
@settings(max_examples=500, deadline=None)
def test_any_bytes_are_read_or_refused(packet: bytes) -> None:
    sentence = ""
    try:
        parse(packet)
    except OscError as error:
        sentence = str(error)
    assert sentence == "" or sentence.endswith(".")


def test_the_largest_packets_are_within_the_bounds() -> None:
    sizes = [len(packet) for packet in largest()]
    assert min(sizes) > 2000
    assert max(sizes) == packets.MAX_BYTES
