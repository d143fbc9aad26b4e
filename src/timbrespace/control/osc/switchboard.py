"""From packets to the last valid numbers of every address, for as little time as a flood leaves."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from timbrespace.control.osc.packets import MALFORMED, OscError, OscMessage, parse
from timbrespace.control.osc.refusals import Refusals
from timbrespace.control.parameters import Parameter, lacking
from timbrespace.core.errors import ParameterError, did_you_mean
from timbrespace.instruments.base import ABSURD

UNKNOWN, LACKING, COUNT = "unknown", "lacking", "count"
"""Kinds of refusal: an address nobody knows, one this instrument has nothing for, numbers too few or too many."""
MAX_HEADS: Final = 1024

Numbers = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _Head:
    """What follows an address and its type tags that were read before."""

    parameter: Parameter
    numbers: struct.Struct


class Switchboard:
    """Sorts what comes by address; per address the last valid numbers wait until they are taken.

    A packet of one message of 32-bit floats whose beginning, address and type tags, was seen before is read in two
    steps, by looking the beginning up; everything else goes through :func:`parse`.
    """

    def __init__(self, parameters: Mapping[str, Parameter], refusals: Refusals) -> None:
        self._refusals = refusals
        self.packets = 0
        self.messages = 0
        self.serve(parameters)

    def serve(self, parameters: Mapping[str, Parameter]) -> None:
        """Know other addresses from now on; what waits for the old ones is forgotten."""
        self._parameters = parameters
        self._heads: dict[bytes, _Head] = {}
        self._waiting: dict[str, tuple[Parameter, Numbers]] = {}

    def put(self, packet: bytes) -> None:
        """Take a packet in; what is wrong with it is noted, and never raised."""
        self.packets += 1
        tags = packet.find(b",")
        end = (packet.find(b"\0", tags) + 4) & ~3
        head = self._heads.get(packet[:end])
        if head is not None and len(packet) == end + head.numbers.size:
            numbers = head.numbers.unpack_from(packet, end)
            if sum(map(abs, numbers)) <= ABSURD:  # so that each is, and none is not-a-number
                self._keep(head.parameter, numbers)
                return
        try:
            found = parse(packet)
        except OscError as error:
            self._refusals.note(error.kind, str(error))
            return
        for message in found:
            self._sort(message, packet[:end] if len(found) == 1 else b"")

    def take(self) -> list[tuple[Parameter, Numbers]]:
        """What waits, in the order of the last words."""
        taken = list(self._waiting.values())
        self._waiting.clear()
        return taken

    def _sort(self, message: OscMessage, head: bytes) -> None:
        parameter = self._parameters.get(message.address)
        if parameter is None:
            self._note_unknown(message.address)
            return
        numbers = tuple(v for v in message.values if not isinstance(v, str))
        if len(numbers) < len(message.values):
            self._refusals.note(MALFORMED, f"{message.address} takes numbers, not text; nothing was done.")
            return
        try:
            parameter.use(len(numbers))
        except ParameterError as error:
            self._refusals.note(COUNT, str(error))
            return
        self._learn(head, parameter, len(numbers))
        self._keep(parameter, numbers)

    def _learn(self, head: bytes, parameter: Parameter, count: int) -> None:
        """Remember the beginning of a packet of floats alone."""
        if len(self._heads) < MAX_HEADS and head.rstrip(b"\0").endswith(b"," + count * b"f") and head.startswith(b"/"):
            self._heads[head] = _Head(parameter, struct.Struct(f">{count}f"))

    def _keep(self, parameter: Parameter, numbers: Numbers) -> None:
        self.messages += 1
        self._waiting.pop(parameter.address, None)  # so that the order is that of the last words
        self._waiting[parameter.address] = parameter, numbers

    def _note_unknown(self, address: str) -> None:
        if lacking(self._parameters, address):
            self._refusals.note(LACKING, f"This instrument has nothing for {address}; nothing was done.")
        else:
            near = lambda: f"There is no address {address}. {_near(address, self._parameters)}"  # noqa: E731
            self._refusals.note(UNKNOWN, near)


def _near(address: str, parameters: Mapping[str, Parameter]) -> str:
    """The end of a sentence: what may have been meant."""
    meant = did_you_mean(address, parameters)
    return meant if meant.startswith("Did") else "They are listed in docs/osc.md."
