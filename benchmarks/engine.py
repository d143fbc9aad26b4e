"""The engine under a listener's clock: time to render, dropouts, delay from the hand to the sound, memory.

    python benchmarks/engine.py MODEL [--seconds 60] [--ahead 30 60 100] [--json]
    python benchmarks/engine.py MODEL --hangs 10 [--json]

MODEL is a bundle whose decoder can stream. A listener takes sound every 10 ms at the pace of the clock, while the
instrument walks and a hand drags it about ten times a second. Each lead (ms) is tried on the machine as it is, then
beside two processes that multiply matrices at the lowest priority (nice 19), as a training does.

With ``--hangs`` the process that plays is stopped (SIGSTOP, as if it hung) or killed, in turns, so many times: how long
until there is silence, until another one is in its place, and until sound is heard again.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import signal
import sys
import time
from dataclasses import asdict, dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the package is imported late, once the threads are settled
    from timbrespace.control.engine import Engine

os.environ.setdefault("OMP_NUM_THREADS", "1")

BLOCK_S = 0.01
SETTLE_S = 3.0


@dataclass(frozen=True)
class Row:
    """One run of the engine; times in ms, rendering as a share of the time it sounds."""

    ahead_ms: float
    load: str
    seconds: float
    render_p50: float
    render_p99: float
    render_max: float
    cpu: float
    dropouts: int
    missing_ms: float
    delay_p50_ms: float
    delay_p99_ms: float
    growth_mb: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--ahead", type=float, nargs="+", default=[30.0, 60.0, 100.0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--hangs", type=int, default=0)
    options = parser.parse_args()
    if options.hangs:
        report_hangs(hangs(options.model, options.hangs), as_json=options.json)
        return
    onset = onset_delays(options.model)
    rows = []
    for load in ("none", "nice 19"):
        busy = load_processes(2) if load != "none" else []
        try:
            for ahead in options.ahead:
                rows.append(measure(options.model, ahead, seconds=options.seconds, load=load, onset=onset))
                if not options.json:
                    print_row(rows[-1], header=len(rows) == 1)
        finally:
            for process in busy:
                process.kill()
                process.join()
    if options.json:
        json.dump([asdict(row) for row in rows], sys.stdout, indent=2)


def measure(model: Path, ahead_ms: float, *, seconds: float, load: str, onset: list[int]) -> Row:
    """Play for a while with a hand on the map."""
    from timbrespace.control.engine import Engine

    with Engine(model, ahead_s=ahead_ms / 1000) as engine:
        hand = Hand(engine, onset)
        engine.send("play")
        engine.send("walk", 1)
        listen(engine, SETTLE_S, hand=None)
        before, memory = engine.status(), resident(engine)
        listen(engine, seconds, hand=hand)
        after = engine.status()
        delays = sorted(hand.delays())
        return Row(
            ahead_ms=ahead_ms,
            load=load,
            seconds=seconds,
            render_p50=after.deadline.p50,
            render_p99=after.deadline.p99,
            render_max=after.deadline.max,
            cpu=after.cpu,
            dropouts=after.dropouts - before.dropouts,
            missing_ms=1000 * (after.missing - before.missing) / engine.sample_rate,
            delay_p50_ms=1000 * delays[len(delays) // 2],
            delay_p99_ms=1000 * delays[min(len(delays) - 1, round(0.99 * len(delays)))],
            growth_mb=resident(engine) - memory,
        )


@dataclass(frozen=True)
class Failure:
    """One process that failed: seconds from there to silence, to a restart, and to sound."""

    how: str
    silent_s: float
    restarted_s: float
    sound_s: float


def hangs(model: Path, count: int) -> list[Failure]:
    """Stop or kill the process that plays, again and again, each time when a spare one stands."""
    from timbrespace.control.engine import Engine

    found = []
    with Engine(model) as engine:
        keeper = engine._keeper
        engine.send("play")
        for i in range(count):
            while keeper.spare_pid is None:
                listen(engine, 0.2, hand=None)
            listen(engine, 1.0, hand=None)
            keeper._hasty = 0
            assert keeper.pid is not None
            number = signal.SIGSTOP if i % 2 == 0 else signal.SIGKILL
            restarts, times = keeper.restarts, {"failed": time.perf_counter()}
            os.kill(keeper.pid, number)
            follow(engine, times, restarts)
            start = times["failed"]
            silent = times.get("silent", start) - start
            found.append(Failure(number.name, silent, times["restarted"] - start, times["sound"] - start))
    return found


def follow(engine: Engine, times: dict[str, float], restarts: int) -> None:
    """Listen at the clock until sound is back after a restart, and note when what was."""
    taken, start = 0, times["failed"]
    while "sound" not in times and time.perf_counter() - start < 60:
        time.sleep(BLOCK_S)
        now = time.perf_counter()
        frames = engine.read_exactly(round((now - start) * engine.sample_rate) - taken)
        taken += len(frames)
        loud = bool(len(frames)) and float(abs(frames).max()) > 1e-5
        if not loud and "restarted" not in times:
            times.setdefault("silent", now)
        if engine._keeper.restarts > restarts:
            times.setdefault("restarted", now)
            if loud:
                times["sound"] = now


def report_hangs(found: list[Failure], *, as_json: bool) -> None:
    """All of them, or the middle and the highest of each kind."""
    if as_json:
        json.dump([asdict(one) for one in found], sys.stdout, indent=2)
        return
    print("| failure | n | silent after | restarted after p50 | max | sound again after p50 | max |")
    print("|---|---|---|---|---|---|---|")
    for how in sorted({one.how for one in found}):
        some = [one for one in found if one.how == how]
        silent, restarted, sound = (
            sorted(getattr(one, part) for one in some) for part in ("silent_s", "restarted_s", "sound_s")
        )
        middle = len(some) // 2
        print(
            f"| {how} | {len(some)} | {silent[-1]:.2f} s | {restarted[middle]:.2f} s | {restarted[-1]:.2f} s"
            f" | {sound[middle]:.2f} s | {sound[-1]:.2f} s |"
        )


class Hand:
    """Drags the place about, and notes what had been heard when it did."""

    def __init__(self, engine: Engine, onset: list[int]) -> None:
        self._engine = engine
        self._onset = onset
        self._random = random.Random(0)
        self._next = 0.0
        self._sent: list[tuple[int, tuple[float, float]]] = []

    def act(self, now: float) -> None:
        """A drag about every tenth of a second."""
        if now < self._next:
            return
        self._next = now + self._random.uniform(0.05, 0.15)
        positions = self._engine.arrays["positions"]
        x, y = (float(p) + self._random.gauss(0, 0.01) for p in positions[self._random.randrange(len(positions)), :2])
        self._sent.append((self._engine.status().heard, (x, y)))
        self._engine.send("place", 0, 1, x, y)

    def delays(self) -> list[float]:
        """From being sent to the first sample that differs, in seconds, for every drag that was not overtaken."""
        session = self._engine._sessions[-1]
        start = next(session.origin + e.sample for e in session.events if e.name == "play")
        acted = {e.values[2:]: session.origin + e.sample for e in session.events if e.name == "place"}
        rate, period = self._engine.sample_rate, len(self._onset)
        pairs = [(heard, acted[place]) for heard, place in self._sent if place in acted]
        return [(at + self._onset[(at - start) % period] - heard) / rate for heard, at in pairs]


def onset_delays(model: Path) -> list[int]:
    """Samples from a change of place to the first sample that differs, by the change's phase in the latent step.

    Found by rendering with and without it, at some phases; in between, the wait for the step falls one by one.
    """
    import torch

    from timbrespace.control.makers import latent_voice
    from timbrespace.training.runtime import tune_process

    tune_process(threads=1)

    def rendered(at: int, *, moved: bool) -> torch.Tensor:
        voice = latent_voice(model, 0)
        voice.act("play")
        blocks = [voice.render(at)]
        if moved:
            voice.act("moment", 1 if voice.moment != 1 else 2)
        return torch.cat([*blocks, voice.render(6 * voice.period)], dim=1)

    period = latent_voice(model, 0).period
    found: dict[int, int] = {}
    for phase in range(0, period, period // 8):
        at = 4 * period + phase
        first = int(torch.nonzero((rendered(at, moved=True) != rendered(at, moved=False)).any(0))[0])
        found[phase] = first - at
    nearest = [max(p for p in found if p <= phase) for phase in range(period)]
    table = []
    for phase, known in enumerate(nearest):
        rest = found[known] - (phase - known)
        table.append(rest if rest >= min(found.values()) - period // 8 else rest + period)
    return table


def listen(engine: Engine, seconds: float, *, hand: Hand | None) -> None:
    """Take sound as a device would."""
    start, taken = time.perf_counter(), 0
    while (now := time.perf_counter() - start) < seconds:
        due = round(now * engine.sample_rate) - taken
        taken += len(engine.read_exactly(due))
        if hand is not None:
            hand.act(now)
        time.sleep(BLOCK_S)


def resident(engine: Engine) -> float:
    """Memory of the engine's process and of this one, in MB."""
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in (engine._keeper.pid, "self"))
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def load_processes(count: int, *, nice: int = 19) -> list[BaseProcess]:
    """Processes that are busy, by default at the lowest priority."""
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=multiply, args=(nice,), daemon=True) for _ in range(count)]
    for process in processes:
        process.start()
    time.sleep(5)  # until torch is imported
    return list(processes)


def multiply(nice: int) -> None:
    """Products of matrices, as a training makes them, without end."""
    os.nice(nice)
    import torch

    torch.set_num_threads(1)
    a = torch.randn(512, 2048)
    while True:
        torch.mm(a, a.T).sum()


def print_row(row: Row, *, header: bool) -> None:
    """One line of the table."""
    if header:
        print("| ahead | load | render p50 | p99 | max | cpu | dropouts | missing | hand to sound p50 | p99 | growth |")
        print("|---|---|---|---|---|---|---|---|---|---|---|")
    print(
        f"| {row.ahead_ms:.0f} ms | {row.load} | {row.render_p50:.0%} | {row.render_p99:.0%} | {row.render_max:.0%}"
        f" | {row.cpu:.0%} | {row.dropouts} | {row.missing_ms:.0f} ms | {row.delay_p50_ms:.0f} ms"
        f" | {row.delay_p99_ms:.0f} ms | {row.growth_mb:+.1f} MB |",
        flush=True,
    )


if __name__ == "__main__":
    main()
