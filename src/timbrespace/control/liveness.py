"""Whether a process that says nothing hangs, or merely gets no turn on a crowded machine."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


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

    One that spins has had it all, one that waits for what never comes does not want to run.
    """
    if before is None or now is None:
        return False
    return now.state == "R" and now.seconds - before.seconds < 0.5 * seconds
