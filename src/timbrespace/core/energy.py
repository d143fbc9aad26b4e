"""Energy of a computation, in joules, with an honest word about where the figure comes from.

``measured``
    read from the processor's own counter (Intel/AMD RAPL) over the interval;
``estimated``
    computed from busy time with a power figure that was checked against a counter;
``unvalidated``
    computed from busy time with an assumed power that nobody checked on this machine.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

Provenance = Literal["measured", "estimated", "unvalidated"]

ASSUMED_WATTS_PER_BUSY_CORE = 10.0
"""Between a laptop core under load (about 7 W) and a desktop's (about 15 W); an assumption, hence the label."""

RAPL = Path("/sys/class/powercap")


@dataclass(frozen=True)
class Energy:
    """Joules, the seconds they cover, and how they are known."""

    joules: float
    seconds: float
    provenance: Provenance
    method: str

    def __str__(self) -> str:
        return f"{self.joules:.0f} J ({self.provenance}: {self.method})"

    def table(self) -> dict[str, Any]:
        """A plain table for JSON."""
        return asdict(self)


class EnergyMeter:
    """Joules from :meth:`start` on.

    ``watts_per_core`` replaces the assumed power of one busy core; set ``validated`` if it was compared with a
    counter on this machine. ``accelerator`` says that a GPU works too, which is not counted: the label then is
    *unvalidated* whatever the processor's counter says. ``rapl`` is the folder of the kernel's power-capping
    counters.
    """

    def __init__(
        self,
        *,
        watts_per_core: float | None = None,
        validated: bool = False,
        accelerator: bool = False,
        rapl: Path = RAPL,
    ) -> None:
        self.watts_per_core = ASSUMED_WATTS_PER_BUSY_CORE if watts_per_core is None else watts_per_core
        self.validated = validated
        self.accelerator = accelerator
        self.counters = [c for c in sorted(rapl.glob("*-rapl:[0-9]")) if _is_package(c) and _counter(c) is not None]
        self.start()

    def start(self) -> EnergyMeter:
        """Begin a new interval."""
        self._wall, self._busy = time.monotonic(), time.process_time()
        self._last = {c: _counter(c) or 0 for c in self.counters}
        self._joules = 0.0
        return self

    def poll(self) -> None:
        """Read the counters; call at least once a minute, since they wrap around (a full range in between is lost)."""
        for counter, before in self._last.items():
            now = _counter(counter)
            if now is None:
                continue
            step = now - before
            if step < 0:
                step += _number(counter / "max_energy_range_uj") or 0
            self._joules += step * 1e-6
            self._last[counter] = now

    def read(self) -> Energy:
        """Energy since :meth:`start`."""
        seconds = time.monotonic() - self._wall
        if self.counters:
            self.poll()
            if self.accelerator:
                return Energy(self._joules, seconds, "unvalidated", "processor packages (RAPL), the GPU left out")
            return Energy(self._joules, seconds, "measured", "processor package counter (RAPL), whole machine")
        busy = time.process_time() - self._busy
        known: Provenance = "estimated" if self.validated else "unvalidated"
        method = f"{busy:.0f} core-seconds at {self.watts_per_core:g} W, this process alone"
        return Energy(busy * self.watts_per_core, seconds, known, method)


def _is_package(folder: Path) -> bool:
    """Whether a counter is one processor package: ``psys`` would count the packages once more."""
    try:
        return (folder / "name").read_text().startswith("package")
    except OSError:
        return True


def _counter(folder: Path) -> int | None:
    return _number(folder / "energy_uj")


def _number(file: Path) -> int | None:
    try:
        return int(file.read_text())
    except (OSError, ValueError):  # absent, or readable by root only
        return None
