"""Keeps the engine's process alive: starts it, listens to it, kills it when it hangs, and starts it again."""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Final

import numpy.typing as npt

from timbrespace.control.liveness import Pulse, starved
from timbrespace.control.messages import FAILED, RING, Message, hear, hear_arrays, tell
from timbrespace.control.process import Job, run
from timbrespace.control.ring import Ring
from timbrespace.core.errors import EngineError

START_S: Final = 120.0
"""Compiled code may be missing at the very first start."""
TICK_S: Final = 0.05
SILENT_TICKS: Final = 20
"""Looks without an answer after which a process hangs: one second, in which this process was awake."""
STARVED_TICKS: Final = 5 * SILENT_TICKS
"""The same for a process that wants to run and is not let: five seconds."""
MESSAGE_S: Final = 10.0
STEADY_S: Final = 10.0
"""A process that lived as long had started well; one that did not is given fewer chances."""
HASTY: Final = 2
"""Restarts in a row, each soon after the one before, after which there is no other."""


@dataclass
class Introduction:
    """What a process says of itself when it is ready, and its arrays."""

    facts: Message
    arrays: dict[str, npt.NDArray[Any]] = field(default_factory=dict)


class Watch:
    """How long one process has lived, and how long it has been silent."""

    def __init__(self, pid: int | None) -> None:
        self._pid = pid
        self._born = time.monotonic()
        self._silent = 0
        self._pulse = Pulse.of(pid)

    @property
    def age(self) -> float:
        return time.monotonic() - self._born

    def hangs(self, *, heard: bool) -> bool:
        """Whether, after one more look, the process must be given up."""
        if heard:
            self._silent = 0
            return False
        if self._silent == 0:
            self._pulse = Pulse.of(self._pid)
        self._silent += 1
        if self._silent < SILENT_TICKS:
            return False
        crowded = starved(self._pulse, Pulse.of(self._pid), seconds=self._silent * TICK_S)
        return not crowded or self._silent >= STARVED_TICKS


class Keeper:
    """The engine's process as seen from its owner.

    ``on_message`` gets what it says, ``on_restart`` is asked, after a new process stands, for what to tell it first.
    Both are called in a thread of the keeper.
    """

    def __init__(
        self,
        job: Job,
        *,
        make_ring: Callable[[Introduction], Ring],
        on_message: Callable[[Message], None],
        on_restart: Callable[[bool], Sequence[tuple[str, Message]]],
    ) -> None:
        self._job = job
        self._make_ring = make_ring
        self._on_message = on_message
        self._on_restart = on_restart
        self._context = multiprocessing.get_context("spawn")
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None
        self._speaking = threading.Lock()
        self._open = False
        self._waiting: dict[tuple[str, str], Message] = {}
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="timbrespace-keeper", daemon=True)
        self._hasty = 0
        self.introduction = Introduction({})
        self._message = ("", -math.inf)
        self.restarts = 0
        self.failed = False

    @property
    def pid(self) -> int | None:
        """The process that renders."""
        return self._process.pid if self._process else None

    @property
    def message(self) -> str:
        """The last thing worth telling a player; for ten seconds, or for good if there is no process any more."""
        sentence, told = self._message
        return sentence if self.failed or time.monotonic() - told < MESSAGE_S else ""

    def tell_player(self, sentence: str) -> None:
        """Have something worth telling a player."""
        self._message = (sentence, time.monotonic())

    def start(self) -> None:
        """Start the process and wait until it is ready; raises :class:`EngineError` if it dies twice on the way."""
        self._launch_twice()
        self._go_on([])
        self._thread.start()

    def say(self, kind: str, content: Message) -> None:
        """Tell the process something; while it is being restarted the last word of each kind waits for the new one."""
        with self._speaking:
            if self._open and self._connection is not None:
                with contextlib.suppress(OSError):
                    tell(self._connection, kind, **content)
                    return
            topic = (kind, str(content.get("name")))
            self._waiting.pop(topic, None)  # so that the order is that of the last words
            self._waiting[topic] = {**content, "at": None}

    def close(self) -> None:
        """End the process, by force if it does not end itself. May be called again."""
        if self._closing.is_set():
            return
        self._closing.set()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join()
        # A process that hangs may have left a speaker waiting for it to listen; its end sets that one free.
        if self._speaking.acquire(timeout=0.2):
            self._speaking.release()
            self._hang_up()
        self._end(patience=0.5)
        self._hang_up()

    def _launch_twice(self) -> None:
        try:
            self._launch()
        except _Died:
            try:
                self._launch()
            except _Died as second:
                raise EngineError(
                    f"The engine could not start: its process ended twice {second}; look at the model with"
                    f" 'timbrespace info {self._job.model}'."
                ) from None

    def _launch(self) -> None:
        """One process, from its start until it has its ring; raises :class:`_Died` or :class:`EngineError`."""
        self._end(patience=0.0)
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=run, args=(theirs, self._job), name="timbrespace-engine", daemon=True)
        with _interrupts_for_us_alone():
            process.start()
        theirs.close()
        self._process = process
        try:
            self._await(ours)
            introduction = hear(ours)
            if introduction["kind"] == FAILED:
                raise EngineError(str(introduction["sentence"]))
            self.introduction = Introduction(introduction, hear_arrays(ours))
            tell(ours, RING, name=self._make_ring(self.introduction).name)
        except (EOFError, OSError):
            ours.close()
            process.join(1.0)
            raise _Died(f"(exit code {process.exitcode})") from None
        with self._speaking:
            self._connection = ours

    def _await(self, connection: Connection) -> None:
        """Wait for the first word; raises :class:`_Died` if it does not come in time."""
        deadline = time.monotonic() + START_S
        while not connection.poll(0.1):
            if self._closing.is_set() or time.monotonic() > deadline:
                raise _Died("without a word")

    def _watch(self) -> None:
        """Listen to the process until the end; see to it that there is one."""
        watch = Watch(self.pid)
        while not self._closing.is_set() and (connection := self._connection) is not None:
            try:
                heard = bool(wait([connection], TICK_S))
                while connection.poll():
                    self._on_message(hear(connection))
                what = "did not answer for a second" if watch.hangs(heard=heard) else ""
            except (EOFError, OSError):
                what = "stopped"
            if what and not self._closing.is_set():
                self._restart(what, steady=watch.age > STEADY_S)
                watch = Watch(self.pid)

    def _restart(self, what: str, *, steady: bool) -> None:
        """Another process for one that died or hangs: with its state, the next time without, then no more."""
        self._hasty = 0 if steady else self._hasty
        if self._hasty >= HASTY:
            self._give_up(f"The sound engine {what} again and again; restart the program or choose another model.")
            return
        self._end(patience=0.0)
        self._hang_up()
        try:
            self._launch_twice()
        except EngineError as error:
            self._give_up(str(error))
            return
        with_state = self._hasty == 0
        self._hasty += 1
        self.restarts += 1
        end = "where it was" if with_state else "as at the beginning, for it had done so before"
        self.tell_player(f"The sound engine {what} and was restarted {end}.")
        essence = self._on_restart(with_state)
        if not with_state:
            self._waiting.clear()  # whatever it died of may be among it
        self._go_on(essence)

    def _go_on(self, essence: Sequence[tuple[str, Message]]) -> None:
        """Tell a new process where the old one was, then what was said since, and listen to the owner again."""
        with self._speaking, contextlib.suppress(OSError):
            if self._connection is None:
                return
            for kind, content in (*essence, *((kind, content) for (kind, _), content in self._waiting.items())):
                tell(self._connection, kind, **content)
            self._waiting.clear()
            self._open = True

    def _give_up(self, sentence: str) -> None:
        self.failed = True
        self.tell_player(sentence)
        self._end(patience=0.0)
        self._hang_up()

    def _hang_up(self) -> None:
        with self._speaking:
            old, self._connection, self._open = self._connection, None, False
        if old is not None:
            old.close()

    def _end(self, *, patience: float) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.join(patience)
        if process.is_alive():
            process.kill()
        process.join()
        process.close()


@contextlib.contextmanager
def _interrupts_for_us_alone() -> Iterator[None]:
    """Processes started meanwhile ignore Ctrl-C from their first instruction; only a main thread can see to it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class _Died(Exception):
    """The process ended, or fell silent, before it was ready; says how."""
