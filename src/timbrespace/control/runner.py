"""One process of the engine, as its owner sees it: it is told jobs, introduces itself, and may be talked to."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path
from typing import Final

from timbrespace.control.entry import enter
from timbrespace.control.introduction import Introduction
from timbrespace.control.makers import Maker
from timbrespace.control.messages import FAILED, JOB, READY, RING, Message, hear, hear_arrays, tell
from timbrespace.control.ring import Ring
from timbrespace.control.session import Session
from timbrespace.core.errors import EngineError

START_S: Final = 120.0
"""Compiled code may be missing at the very first start."""


@dataclass(frozen=True)
class Job:
    """What a process of the engine is to do: make an instrument of a model, and keep so far ahead of its listener."""

    maker: Maker
    model: Path
    seed: int
    ahead_s: float


class Died(Exception):
    """The process ended, or fell silent, before it was ready; says how."""


class Runner:
    """A process that was started, and is told what to do by and by.

    ``on_message`` gets the runner and all that it says once it renders. It imports, and makes its instrument, at a
    priority lower by ``nice``, and renders at the ordinary one.
    """

    def __init__(self, job: Job, *, on_message: Callable[[Runner, Message], None], nice: int = 0) -> None:
        self.job = job
        self.ring: Ring | None = None
        self.session: Session | None = None
        self._on_message = on_message
        self._number = 0
        self._introduction: Introduction | None = None
        self._refusal = ""
        self._listening = threading.Lock()
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        maker = (job.maker.__module__, job.maker.__qualname__)
        self._process = context.Process(
            target=enter, args=(theirs, *maker, nice), name="timbrespace-engine", daemon=True
        )
        with _interrupts_for_us_alone():
            self._process.start()
        theirs.close()
        with contextlib.suppress(OSError):  # who waits for it will see that it died
            self.take_up(job, nice=nice)

    @property
    def pid(self) -> int | None:
        return self._process.pid

    @property
    def introduction(self) -> Introduction:
        """What it said of the job it was told last; only after :meth:`answered`."""
        assert self._introduction is not None
        return self._introduction

    def take_up(self, job: Job, *, nice: int) -> None:
        """Have it leave what it does and make another instrument, of the same maker; raises OSError if it is dead."""
        self.job, self._introduction, self._refusal = job, None, ""
        self._number += 1
        table = {"model": str(job.model), "seed": job.seed, "ahead_s": job.ahead_s, "nice": nice}
        tell(self.connection, JOB, number=self._number, **table)

    def answered(self) -> bool:
        """Whether it has its instrument; raises :class:`EngineError` with its sentence if it cannot make one."""
        if self._refusal:
            raise EngineError(self._refusal)
        return self._introduction is not None

    def await_answer(self, gone: threading.Event, *, unless: Callable[[], bool] = lambda: False) -> Introduction:
        """Wait until it has its instrument; raises :class:`Died` or :class:`EngineError` if there will be none.

        Also when ``gone`` is set, or where ``unless``, asked now and then, says that it is not needed any more.
        """
        deadline = time.monotonic() + START_S
        try:
            while not self.answered():
                if gone.is_set() or unless() or time.monotonic() > deadline:
                    raise Died("without a word")
                if wait([self.connection], 0.05):
                    self.listen()
        except (EOFError, OSError):
            self._process.join(1.0)
            raise Died(f"(exit code {self._process.exitcode})") from None
        return self.introduction

    def begin(self, ring: Ring, session: Session) -> None:
        """Give it the ring to render into, and what to do first; raises OSError if it is dead."""
        self.ring, self.session = ring, session
        tell(self.connection, RING, name=ring.name, events=[event.row() for event in session.given])

    def say(self, kind: str, content: Message) -> None:
        """Tell its instrument something; raises OSError if it is dead."""
        tell(self.connection, kind, **content)

    def listen(self) -> None:
        """Take what it has said; raises EOFError or OSError if it is dead. Any thread may."""
        with self._listening:
            while self.connection.poll():
                self._take(hear(self.connection))

    def kill(self) -> None:
        """End the process by force, without waiting for it."""
        self._process.kill()

    def end(self, *, patience: float = 0.0) -> None:
        """End the process, by force if it does not end itself within ``patience`` seconds."""
        self._process.join(patience)
        if self._process.is_alive():
            self._process.kill()
        self._process.join()

    def forget(self) -> None:
        """Close the line to a process that has ended."""
        with self._listening:
            self.connection.close()
        self._process.close()

    def _take(self, message: Message) -> None:
        if message["kind"] == READY:
            arrays = hear_arrays(self.connection)
            if message["number"] == self._number:
                self._introduction = Introduction(message, arrays)
        elif message["kind"] == FAILED:
            if message["number"] == self._number:
                self._refusal = str(message["sentence"])
        else:
            self._on_message(self, message)


@contextlib.contextmanager
def _interrupts_for_us_alone() -> Iterator[None]:
    """Processes started meanwhile are deaf to Ctrl-C until they ignore it themselves."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
