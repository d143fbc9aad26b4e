"""A process that waits, instrument ready, for the one that plays to fail or to be exchanged."""

from __future__ import annotations

import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Final

from timbrespace.control.entry import NICE, WAITED_FOR
from timbrespace.control.messages import Message
from timbrespace.control.runner import Job, Runner
from timbrespace.core.errors import EngineError

AFTER_S: Final = 2.0
"""Seconds for which a process must have played before another is started beside it."""
MOST_DEATHS: Final = 3
"""Spare processes that may die, one after the other, before no more are started."""


class Spare:
    """At most one process beside the one that plays. It imports and makes its instrument at low priority.

    Threads share it: whoever takes it has it alone.
    """

    def __init__(self, on_message: Callable[[Runner, Message], None], *, wanted: bool, gone: threading.Event) -> None:
        self._on_message = on_message
        self._wanted = wanted
        self._gone = gone
        self._runner: Runner | None = None
        self._ready = False
        self._deaths = 0
        self._lock = threading.Lock()

    @property
    def connection(self) -> Connection | None:
        """What to wait at for its words."""
        runner = self._runner
        return None if runner is None else runner.connection

    @property
    def ready_pid(self) -> int | None:
        """The process, if it could take over now."""
        with self._lock:
            return self._runner.pid if self._runner is not None and self._ready else None

    def take(self, job: Job, *, other: bool = False) -> Runner | None:
        """The process, if it has that job's instrument; None if not, for a new one may be quicker.

        With ``other`` one that has another job's will do, which is then told to take up that one.
        """
        with self._lock:
            runner = self._runner
            if runner is None or not self._ready or runner.job.maker is not job.maker:
                return None
            if runner.job != job and not other:
                return None
            self._runner = None
            try:
                if runner.job != job:
                    runner.take_up(job, nice=WAITED_FOR)
            except OSError:
                _end(runner)
                return None
            return runner

    def offer(self, runner: Runner, job: Job) -> None:
        """Keep a process that has nothing to do, for that job; or end it if there is no use for it."""
        with self._lock:
            if self._wanted and not self._gone.is_set() and runner.job.maker is job.maker:
                try:
                    runner.take_up(job, nice=NICE)
                except OSError:
                    _end(runner)
                    return
                if self._runner is not None:
                    _end(self._runner)
                self._runner, self._ready = runner, False
            else:
                _end(runner)

    def listen(self) -> None:
        """Take what it said."""
        with self._lock:
            runner = self._runner
            if runner is None:
                return
            try:
                runner.listen()
                self._ready = runner.answered()
                self._deaths = 0 if self._ready else self._deaths
            except (EOFError, OSError, EngineError):
                self._runner = None
                self._deaths += 1
                _end(runner)

    def see_to(self, job: Job, *, playing_s: float) -> None:
        """Start one for that job if there is none, once the one that plays has done so for a while."""
        with self._lock:
            able = self._wanted and self._deaths < MOST_DEATHS and not self._gone.is_set()
            if able and self._runner is None and playing_s > AFTER_S:
                self._runner, self._ready = Runner(job, on_message=self._on_message, nice=NICE), False

    def close(self) -> None:
        """End it; there will be no other."""
        with self._lock:
            runner, self._runner, self._wanted = self._runner, None, False
            if runner is not None:
                _end(runner)


def _end(runner: Runner) -> None:
    runner.end()
    runner.forget()
