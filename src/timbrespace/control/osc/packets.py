"""Packets of Open Sound Control 1.0, read with bounds: whatever arrives, the answer is messages or one sentence.

M. Wright 2002, The Open Sound Control 1.0 specification. Of it, time tags are read over (everything acts at once) and
patterns in addresses are refused: matching them can take exponential time.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from timbrespace.core.errors import ParameterError
from timbrespace.instruments.base import ABSURD

MAX_BYTES: Final = 8192
MAX_DEPTH: Final = 4
"""Bundles within bundles."""
MAX_MESSAGES: Final = 128
MAX_ARGUMENTS: Final = 2048
"""In all messages of a packet together."""
MAX_STRING: Final = 256

MALFORMED, PATTERN, NUMBER = "malformed", "pattern", "number"
"""Kinds of refusal: no OSC at all or beyond the bounds; an address with wild cards; a number that makes no sense."""

Value: TypeAlias = float | str

_BUNDLE: Final = b"#bundle\0"
_WILD: Final = frozenset("*?[]{}")
_PLAIN: Final = re.compile(r"/[!$-)+.->@-Z\\^-z|~-]*")
"""Printable ASCII but for space, quotation marks, the comma, ``#`` and wild cards."""
_INT, _TIME, _FLOAT, _DOUBLE = (struct.Struct(f">{letter}") for letter in "iqfd")


class OscError(ParameterError):
    """A packet that is refused; ``kind`` says of which sort, for counting."""

    def __init__(self, kind: str, sentence: str) -> None:
        super().__init__(sentence)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class OscMessage:
    """An address and its values; what has no value (nil, blobs, time tags) is left out."""

    address: str
    values: tuple[Value, ...] = ()


def parse(packet: bytes) -> list[OscMessage]:
    """The messages of a packet, in order; raises :class:`OscError`, and nothing else, for all that is refused.

    One bad message refuses the whole packet. The time taken is linear in its length, which is ``MAX_BYTES`` at most.
    """
    if len(packet) > MAX_BYTES:
        raise OscError(MALFORMED, f"An OSC packet has {MAX_BYTES} bytes at most.")
    reader = _Reader(packet)
    reader.element(0, len(packet), depth=0)
    return reader.messages


class _Reader:
    """Goes through one packet; ``left`` is how many arguments are still allowed."""

    def __init__(self, packet: bytes) -> None:
        self._packet = packet
        self._left = MAX_ARGUMENTS
        self.messages: list[OscMessage] = []

    def element(self, start: int, end: int, *, depth: int) -> None:
        """A message or a bundle, which ends at ``end`` exactly."""
        if end - start < 4 or (end - start) % 4:
            raise OscError(MALFORMED, f"OSC elements have a multiple of four bytes, not {end - start}.")
        if self._packet.startswith(b"/", start):
            self._message(start, end)
        elif self._packet.startswith(_BUNDLE, start, end):
            self._bundle(start, end, depth=depth + 1)
        else:
            raise OscError(MALFORMED, "An OSC packet begins with '/' or '#bundle'.")

    def _bundle(self, start: int, end: int, *, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise OscError(MALFORMED, f"OSC bundles lie within each other {MAX_DEPTH} deep at most.")
        at = start + 16  # the name and the time tag, which is not looked at
        if at > end:
            raise OscError(MALFORMED, "An OSC bundle ends before its time tag does.")
        while at < end:
            (size,) = _INT.unpack_from(self._packet, at)  # every length here is a multiple of four
            if not 0 < size <= end - at - 4:
                raise OscError(MALFORMED, f"An element of {size} bytes does not fit into its OSC bundle.")
            self.element(at + 4, at + 4 + size, depth=depth)
            at += 4 + size

    def _message(self, start: int, end: int) -> None:
        if len(self.messages) == MAX_MESSAGES:
            raise OscError(MALFORMED, f"An OSC packet holds {MAX_MESSAGES} messages at most.")
        address, at = self._string(start, end)
        _check_address(address)
        tags, at = self._string(at, end, longest=MAX_ARGUMENTS)
        if not tags.startswith(","):
            raise OscError(MALFORMED, "An OSC message without type tags is refused.")
        self._left -= len(tags) - 1
        if self._left < 0:
            raise OscError(MALFORMED, f"An OSC packet holds {MAX_ARGUMENTS} arguments at most.")
        values, at = self._arguments(tags[1:], at, end)
        if at != end:
            raise OscError(MALFORMED, f"{end - at} bytes follow the arguments of an OSC message.")
        self.messages.append(OscMessage(address, tuple(values)))

    def _arguments(self, tags: str, at: int, end: int) -> tuple[list[Value], int]:
        """The values of the arguments, and the place after them."""
        values: list[Value] = []
        if at + 4 * len(tags) == end and not tags.strip("f"):  # the usual message, at once
            values.extend(struct.unpack_from(f">{len(tags)}f", self._packet, at))
            if sum(map(abs, values)) <= ABSURD:  # type: ignore[arg-type]  # floats all
                return values, end
            values.clear()
        for tag in tags:
            read = _READERS.get(tag)
            if read is None:
                raise OscError(MALFORMED, f"OSC arguments of type {tag!r} are refused; send numbers.")
            at = read(self, at, end, values)
        return values, at

    def _string(self, start: int, end: int, *, longest: int = MAX_STRING) -> tuple[str, int]:
        """An ASCII string and the place after its zeros."""
        stop = self._packet.find(b"\0", start, end)
        after = stop + 4 - (stop - start) % 4
        if stop < 0 or stop - start > longest or after > end or any(self._packet[stop:after]):
            raise OscError(MALFORMED, f"OSC strings end with zeros and have {longest} bytes at most.")
        try:
            return self._packet[start:stop].decode("ascii"), after
        except UnicodeDecodeError:
            raise OscError(MALFORMED, "OSC strings are ASCII.") from None

    def unpack(self, form: struct.Struct, at: int, end: int, values: list[Value]) -> int:
        """One number."""
        after = at + form.size
        if after > end:
            raise OscError(MALFORMED, "An OSC message ends before its arguments do.")
        (number,) = form.unpack_from(self._packet, at)
        if not -ABSURD <= number <= ABSURD:  # nor is not-a-number
            raise OscError(NUMBER, f"OSC numbers lie between -1,000,000 and 1,000,000, not at {number:.9g}.")
        values.append(float(number))
        return after

    def text(self, at: int, end: int, values: list[Value]) -> int:
        """One string."""
        string, after = self._string(at, end)
        values.append(string)
        return after

    def blob(self, at: int, end: int, values: list[Value]) -> int:
        """Bytes, read over."""
        size = _INT.unpack_from(self._packet, at)[0] if at + 4 <= end else -1
        after = at + 4 + (size + 3) // 4 * 4
        if size < 0 or after > end:
            raise OscError(MALFORMED, "An OSC blob is longer than its message.")
        return after

    def time(self, at: int, end: int, values: list[Value]) -> int:
        """A time tag, read over."""
        if at + 8 > end:
            raise OscError(MALFORMED, "An OSC message ends before its arguments do.")
        return at + 8


def _number(form: struct.Struct) -> _Read:
    return lambda reader, at, end, values: reader.unpack(form, at, end, values)


def _constant(value: float | None) -> _Read:
    def read(reader: _Reader, at: int, end: int, values: list[Value]) -> int:
        if value is not None:
            values.append(value)
        return at

    return read


_Read: TypeAlias = Callable[[_Reader, int, int, list[Value]], int]
_READERS: Final[dict[str, Callable[..., Any]]] = {
    "i": _number(_INT),
    "h": _number(_TIME),
    "f": _number(_FLOAT),
    "d": _number(_DOUBLE),
    "T": _constant(1.0),
    "F": _constant(0.0),
    "I": _constant(1.0),
    "N": _constant(None),
    "s": _Reader.text,
    "b": _Reader.blob,
    "t": _Reader.time,
}


def _check_address(address: str) -> None:
    if _PLAIN.fullmatch(address):
        return
    if _WILD & set(address):
        raise OscError(PATTERN, f"Patterns in OSC addresses are refused: {address!r}; send to one exact address.")
    raise OscError(MALFORMED, f"{address!r} is no OSC address.")


def message(address: str, *values: Value) -> bytes:
    """The packet of one message: whole numbers of type int as such, others as 32-bit floats, strings as strings."""
    tags, arguments = ",", b""
    for value in values:
        tag = "s" if isinstance(value, str) else "i" if type(value) is int else "f"
        tags += tag
        arguments += _padded(value) if isinstance(value, str) else struct.pack(f">{tag}", value)
    return _padded(address) + _padded(tags) + arguments


def bundle(*elements: bytes) -> bytes:
    """A packet of packets, to be acted on at once."""
    return b"".join([_BUNDLE, struct.pack(">q", 1), *(struct.pack(">i", len(e)) + e for e in elements)])


def _padded(text: str) -> bytes:
    raw = text.encode("ascii")
    return raw + bytes(4 - len(raw) % 4)
