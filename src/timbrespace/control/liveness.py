"""Whether a process that says nothing hangs, or merely gets no turn on a crowded machine."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

TICK_S: Final = 0.05
SILENT_TICKS: Final = 7
"""Looks without an answer after which a process hangs: 0.35 s, in which both processes were awake."""
STARVED_TICKS: Final = 100
"""The same for a process that wants to run and is not let: five seconds."""


@dataclass(frozen=True)
class Pulse:
    """What the system knows of a process: its state's letter and the seconds of processor time it has had."""

    state: str
    seconds: float

    @classmethod
    def of(cls, pid: int | None) -> Pulse | None:
        """The pulse of a process; None where the system does not tell (it tells on Linux)."""
        try:
            text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None
        fields = text.rpartition(")")[2].split()  # the name before may hold anything
        return cls(fields[0], (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"))


def starved(before: Pulse | None, now: Pulse | None, *, seconds: float) -> bool:
    """Whether a process wants to run and got less than half of the processor in the last ``seconds``.

    One that spins has had it all, one that waits for what never comes does not want to run. One that waits for the
    disk is starved, too.
    """
    if before is None or now is None:
        return False
    return now.state == "D" or (now.state == "R" and now.seconds - before.seconds < 0.5 * seconds)


class Watch:
    """How long one process has lived, and how long it has been silent without a reason."""

    def __init__(self, pid: int | None) -> None:
        self._pid = pid
        self._born = self._looked = time.monotonic()
        self._silent = self._starved = 0
        self._pulse = Pulse.of(pid)

    @property
    def age(self) -> float:
        """Seconds since the watch began."""
        return time.monotonic() - self._born

    def hangs(self, *, heard: bool) -> bool:
        """Whether, after one more look, the process must be given up.

        A look at which it was starved counts little: what it then does late is not its fault.
        """
        if heard:
            self._silent = self._starved = 0
            return False
        now, pulse = time.monotonic(), Pulse.of(self._pid)
        if starved(self._pulse, pulse, seconds=now - self._looked):
            self._starved += 1
        else:
            self._silent += 1
        self._looked, self._pulse = now, pulse
        return self._silent >= SILENT_TICKS or self._silent + self._starved >= STARVED_TICKS
