"""The thread that listens: packets in, commands to the engine, meters out."""

from __future__ import annotations

import contextlib
import select
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Protocol, runtime_checkable

import numpy.typing as npt

from timbrespace.control.messages import SET
from timbrespace.control.osc.meters import WEKINATOR, packet, packets
from timbrespace.control.osc.packets import MAX_BYTES
from timbrespace.control.osc.ports import LOOPBACK, WEKINATOR_IN, OscPorts
from timbrespace.control.osc.refusals import Refusals
from timbrespace.control.osc.switchboard import Numbers, Switchboard
from timbrespace.control.parameters import Command, Hand, Parameter, tree
from timbrespace.control.status import Status
from timbrespace.core.errors import EngineError, TimbrespaceError
from timbrespace.instruments.base import Action, Dial

PACE_S: Final = 0.005
"""Between two handings over: of what came in between for one address the last value counts."""
DRAIN_S: Final = 0.002
"""As long as packets are read without a rest, so that a flood takes a third of a core at most."""
METERS_S: Final = 0.05
REFUSED, FAULT = "engine", "fault"
"""Kinds of refusal: by the engine, and by a fault of ours."""


@runtime_checkable
class Steerable(Protocol):
    """What the receiver needs of an engine."""

    knobs: dict[str, Dial]
    actions: dict[str, Action]
    arrays: dict[str, npt.NDArray[Any]]

    def send(self, name: str, *values: float, at: int | None = None) -> None: ...
    def set(self, name: str, value: float, *, at: int | None = None) -> float: ...
    def status(self) -> Status: ...


@dataclass(frozen=True)
class OscCounts:
    """What came: ``packets``, valid ``messages`` in them, ``commands`` that the engine took, refusals by kind."""

    packets: int = 0
    messages: int = 0
    commands: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)


class OscReceiver:
    """Steers a started engine by what comes to ``ports``, in a thread of its own, until :meth:`close`.

    The ports are opened by the constructor, before there need be an engine; :meth:`steer` begins. What is refused is
    counted and told to ``tell``, once in a while per kind, and stops nothing.

    What comes while nothing has come for ``PACE_S`` is handed over at once; else up to that much later, the last
    value of each address alone. Used as a context manager.
    """

    def __init__(self, ports: OscPorts, *, tell: Callable[[str], None] | None = None) -> None:
        self._ports = ports
        self._sockets = ports.open()
        self._refusals = Refusals(tell or _print)
        self._switchboard = Switchboard({}, self._refusals)
        self._hand = Hand()
        self._knobs: Mapping[str, Dial] = {}
        self._actions: Mapping[str, Action] = {}
        self._commands = 0
        self._turned: dict[str, float] = {}
        self._turning = threading.Lock()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> OscReceiver:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def steer(self, engine: Steerable) -> OscReceiver:
        """Begin to listen, and to answer; what came before is heard now."""
        self._look_at(engine)
        self._thread = threading.Thread(target=self._run, args=(engine,), name="timbrespace-osc", daemon=True)
        self._thread.start()
        return self

    def close(self) -> None:
        """End the thread and give the ports back. May be called again."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join()
        for one in self._sockets:
            one.close()

    @property
    def counts(self) -> OscCounts:
        """What came so far."""
        return OscCounts(self._switchboard.packets, self._switchboard.messages, self._commands, self._refusals.counts)

    def turned(self) -> dict[str, float]:
        """The knobs that were turned since this was asked last, for others that show them."""
        with self._turning:
            turned, self._turned = self._turned, {}
        return turned

    def _run(self, engine: Steerable) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as answers:
            answers.setblocking(False)
            due = time.monotonic()
            while not self._closing.is_set():
                ready, _, _ = select.select(self._sockets, [], [], max(0.0, due - time.monotonic()))
                try:
                    self._drain(ready)
                    self._hand_over(engine)
                    if time.monotonic() >= due:
                        due = time.monotonic() + METERS_S
                        self._answer(engine, answers)
                except Exception as error:  # a fault of ours, which must not silence the hand that plays
                    self._refusals.note(FAULT, f"{error!r}; please report this.")
                if ready:
                    self._closing.wait(PACE_S)  # what comes meanwhile waits in the sockets

    def _drain(self, ready: Sequence[socket.socket]) -> None:
        for one in ready:
            until = time.monotonic() + DRAIN_S
            with contextlib.suppress(BlockingIOError, ConnectionError):  # the latter: an answer nobody wanted
                while time.monotonic() < until:
                    self._switchboard.put(one.recv(MAX_BYTES + 1))

    def _hand_over(self, engine: Steerable) -> None:
        waiting = self._switchboard.take()
        if not waiting:
            return
        commands: dict[tuple[str, str], Command] = {}
        for parameter, numbers in waiting:
            command = self._command(parameter, numbers)
            if command is not None:
                commands.pop((command.kind, command.name), None)
                commands[command.kind, command.name] = command
        for command in commands.values():
            self._give(engine, command)

    def _command(self, parameter: Parameter, numbers: Numbers) -> Command | None:
        try:
            return self._hand.command(parameter, numbers, knobs=self._knobs)
        except TimbrespaceError as error:
            self._refusals.note(REFUSED, str(error))
            return None

    def _give(self, engine: Steerable, command: Command) -> None:
        try:
            if command.kind == SET:
                held = engine.set(command.name, *command.values)
                with self._turning:
                    self._turned[command.name] = held
            else:
                engine.send(command.name, *command.values)
            self._commands += 1
        except TimbrespaceError as error:
            self._refusals.note(REFUSED, str(error))

    def _answer(self, engine: Steerable, answers: socket.socket) -> None:
        """Send the meters; and follow an engine whose instrument is another one now."""
        with contextlib.suppress(EngineError):  # it is being closed
            self._look_at(engine)
            status = engine.status()
            for told in packets(status, engine.arrays):
                _send(answers, told, self._ports.answers)
            if self._ports.wekinator:
                _send(answers, packet(WEKINATOR, status, engine.arrays), WEKINATOR_IN)

    def _look_at(self, engine: Steerable) -> None:
        if engine.knobs is self._knobs and engine.actions is self._actions:
            return
        self._knobs, self._actions = engine.knobs, engine.actions
        self._hand = Hand()
        self._switchboard.serve(tree(engine.knobs, engine.actions))


def _send(answers: socket.socket, told: bytes, port: int) -> None:
    if told:
        with contextlib.suppress(OSError):  # nobody listens, or not fast enough
            answers.sendto(told, (LOOPBACK, port))


def _print(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
