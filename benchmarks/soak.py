"""The engine for minutes on the clocked output beside a busy core; models exchanged while playing; idling.

    python benchmarks/soak.py MODEL [--minutes 10] [--ahead 60] [--busy 1] [--json]
    python benchmarks/soak.py MODEL OTHER --swaps 200 [--ahead 60] [--json]
    python benchmarks/soak.py MODEL --idle [--json]

The first plays while a hand drags the instrument about ten times a second and ``--busy`` processes multiply matrices
at the ordinary priority. A listener takes sound every 10 ms at the pace of the clock and keeps all of it: dropouts
are counted, and the memory of the engine's processes and of this one is compared with that after ten seconds.

The second goes from the one model to the other and back while playing, and compares the highest step between
neighbouring samples around the exchanges with the highest in steady playing of either model. The gains of a crossfade
add ``pi / 2n (|a| + |b|)`` to it at most, for n frames of fade and peaks a and b: that is the bound.

The third measures the processor time of an engine that does not play: nobody listening, and a listener at the clock.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from engine import BLOCK_S, Hand, load_processes

if TYPE_CHECKING:
    from timbrespace.control.engine import Engine

os.environ.setdefault("OMP_NUM_THREADS", "1")

SETTLE_S = 10.0
AROUND_S = 0.3
FADE_S = 0.02


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("other", type=Path, nargs="?")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--ahead", type=float, default=60.0, help="ms that are rendered ahead")
    parser.add_argument("--busy", type=int, default=1, help="processes that multiply matrices")
    parser.add_argument("--swaps", type=int, default=0)
    parser.add_argument("--idle", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.idle:
        found = idle(options.model)
    elif options.swaps:
        found = swaps(options.model, options.other or options.model, options.swaps, ahead_s=options.ahead / 1000)
    else:
        found = soak(options.model, 60 * options.minutes, ahead_s=options.ahead / 1000, busy=options.busy)
    found["load_average"] = [round(n, 1) for n in os.getloadavg()]
    if options.json:
        json.dump(found, sys.stdout, indent=2)
    else:
        print("\n".join(f"{name}: {value}" for name, value in found.items()))


class Listener:
    """Takes sound at the pace of the clock, in a thread of its own, and looks at it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._end = threading.Event()
        self.late_ms = 0.0
        self.steps: list[tuple[float, float, float]] = []  # time, highest step, peak of a block
        self._last = np.zeros((1, engine.channels), np.float32)
        self._thread = threading.Thread(target=self._listen)

    def __enter__(self) -> Listener:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._end.set()
        self._thread.join()

    def _listen(self) -> None:
        start, taken = time.perf_counter(), 0
        before = start
        while not self._end.is_set():
            time.sleep(BLOCK_S)
            now = time.perf_counter()
            self.late_ms = max(self.late_ms, 1000 * (now - before - BLOCK_S))
            before = now
            due = round((now - start) * self._engine.sample_rate) - taken
            frames = self._engine.read_exactly(due)
            taken += len(frames)
            self._look_at(now, frames)

    def _look_at(self, now: float, frames: np.ndarray) -> None:
        if len(frames):
            step = np.abs(np.diff(np.concatenate([self._last, frames]), axis=0)).max()
            self.steps.append((now, float(step), float(np.abs(frames).max())))
            self._last = frames[-1:]


def soak(model: Path, seconds: float, *, ahead_s: float, busy: int) -> dict[str, Any]:
    """Play for a while beside busy processes."""
    from timbrespace.control.engine import Engine

    load = load_processes(busy, nice=0)
    shares: list[dict[str, float]] = []
    try:
        with Engine(model, ahead_s=ahead_s) as engine:
            hand = Hand(engine, [0])
            engine.send("play")
            engine.send("walk", 1)
            with Listener(engine) as listener:
                pause(SETTLE_S, lambda: hand.act(time.perf_counter()))
                listener.late_ms = 0.0
                before, memory = engine.status(), memory_mb(engine)
                start = time.perf_counter()
                while time.perf_counter() - start < seconds:
                    pause(min(5.0, seconds), lambda: hand.act(time.perf_counter()))
                    shares.append(vars(engine.status().deadline))
                after, grown = engine.status(), memory_mb(engine)
            return {
                "minutes": round(seconds / 60, 2),
                "ahead_ms": 1000 * ahead_s,
                "busy": busy,
                "dropouts": after.dropouts - before.dropouts,
                "missing_ms": round(1000 * (after.missing - before.missing) / engine.sample_rate, 1),
                "restarts": after.restarts,
                "deadline_p50": round(float(np.median([s["p50"] for s in shares])), 3),
                "deadline_p99": round(float(np.median([s["p99"] for s in shares])), 3),
                "deadline_max": round(max(s["max"] for s in shares), 3),
                "listener_late_ms": round(listener.late_ms, 1),
                "memory_mb": {name: round(mb, 1) for name, mb in grown.items()},
                "growth_mb": {name: round(grown[name] - memory[name], 1) for name in grown if name in memory},
            }
    finally:
        for process in load:
            process.kill()
            process.join()


def swaps(one: Path, two: Path, count: int, *, ahead_s: float) -> dict[str, Any]:
    """Exchange models while playing."""
    from timbrespace.control.engine import Engine

    took, peaks, spans = [], [], []
    with Engine(one, ahead_s=ahead_s) as engine:
        engine.send("play")
        engine.send("walk", 1)
        with Listener(engine) as listener:
            pause(SETTLE_S)
            things = [counts(engine)]
            dropouts = engine.status().dropouts
            for i in range(count):
                start = time.perf_counter()
                engine.load(two if i % 2 == 0 else one)
                took.append(time.perf_counter() - start)
                engine.send("walk", 1 + i)
                spans.append((start, time.perf_counter() + AROUND_S))
                pause(1.0)
                peaks.append(listener.steps[-1][2])
                if i >= 10 and i % 10 == 0:
                    things.append(counts(engine))
            pause(2.0)
            things.append(counts(engine))
            status = engine.status()
        around, steady = split(listener.steps, spans)
        loudest = max(peak for _, _, peak in listener.steps)
        fade = np.pi / 2 / round(FADE_S * engine.sample_rate) * 2 * loudest
    return {
        "swaps": count,
        "seconds_per_swap_p50": round(float(np.median(took)), 2),
        "seconds_per_swap_max": round(max(took), 2),
        "dropouts": status.dropouts - dropouts,
        "restarts": status.restarts,
        "highest_step_around": round(around, 5),
        "highest_step_steady": round(steady, 5),
        "bound": round(steady + fade, 5),
        "within_the_bound": around <= steady + fade,
        "silent_after_a_swap": sum(peak < 1e-4 for peak in peaks),
        "listener_late_ms": round(listener.late_ms, 1),
        "at_the_beginning": things[0],
        "after_ten": things[1] if len(things) > 2 else None,
        "at_the_end": things[-1],
    }


def split(steps: list[tuple[float, float, float]], spans: list[tuple[float, float]]) -> tuple[float, float]:
    """The highest step around the exchanges and the highest elsewhere."""
    times, values = np.array([s[0] for s in steps]), np.array([s[1] for s in steps])
    near = np.zeros(len(times), bool)
    for first, last in spans:
        near |= (times >= first) & (times <= last)
    return float(values[near].max()), float(values[~near].max())


def idle(model: Path) -> dict[str, Any]:
    """Processor time of an engine that does not play, in shares of a core."""
    from timbrespace.control.engine import Engine

    found: dict[str, Any] = {}
    with Engine(model) as engine:
        time.sleep(SETTLE_S + 20)  # until the spare process stands
        found["nobody_listens"] = shares(engine, lambda: time.sleep(20))
        with Listener(engine):
            found["a_listener"] = shares(engine, lambda: time.sleep(20))
            engine.send("play")
            found["playing"] = shares(engine, lambda: time.sleep(20))
        found["memory_mb"] = {name: round(mb, 1) for name, mb in memory_mb(engine).items()}
        found["private_mb"] = {name: round(private_mb(pid), 1) for name, pid in pids(engine).items()}
    return found


def shares(engine: Engine, action: Callable[[], object]) -> dict[str, str]:
    """What every process takes of a core meanwhile."""
    before, start = {n: spent(p) for n, p in pids(engine).items()}, time.perf_counter()
    action()
    seconds = time.perf_counter() - start
    return {n: f"{(spent(p) - before[n]) / seconds:.2%}" for n, p in pids(engine).items() if n in before}


def pids(engine: Engine) -> dict[str, int]:
    """Processes by what they are."""
    keeper = engine._keeper
    found = {"owner": os.getpid(), "player": keeper.pid, "spare": keeper.spare_pid}
    return {name: pid for name, pid in found.items() if pid is not None}


def spent(pid: int) -> float:
    """Processor time of a process so far, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(engine: Engine) -> dict[str, float]:
    """Resident memory of every process."""
    page = os.sysconf("SC_PAGE_SIZE") / 1e6
    return {n: int(Path(f"/proc/{p}/statm").read_text().split()[1]) * page for n, p in pids(engine).items()}


def private_mb(pid: int) -> float:
    """Memory that a process shares with no other."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) * 1024 / 1e6


def counts(engine: Engine) -> dict[str, Any]:
    """What must not grow: processes, shared memory, open files, threads, memory."""
    children = sum(len(f.read_text().split()) for f in Path("/proc/self/task").glob("*/children"))
    return {
        "processes": children,
        "shared": len(list(Path("/dev/shm").glob("psm_*"))),
        "files": len(list(Path("/proc/self/fd").iterdir())),
        "threads": threading.active_count(),
        "memory_mb": {name: round(mb) for name, mb in memory_mb(engine).items()},
    }


def pause(seconds: float, action: Callable[[], object] = lambda: None) -> None:
    """Wait, doing something now and then."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        action()
        time.sleep(0.02)


if __name__ == "__main__":
    main()
