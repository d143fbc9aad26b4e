"""Open Sound Control: mutated packets, a flood beside playing, delay from the packet to the sample.

    python benchmarks/osc.py --mutations 1000000
    python benchmarks/osc.py MODEL [--seconds 60] [--rate 20000] [--ahead 20 60] [--json]

Without MODEL only the parser is tried: damaged packets must be read or refused, none in more than a millisecond of the
processor's time. MODEL is a bundle whose decoder can stream. The flood comes from another process, a tenth of it
garbage, while a listener takes sound at the pace of the clock; the delay is that from sending a gain to the first
sample that is louder, as such a listener hears it, for each lead (ms) of the engine.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import math
import multiprocessing
import os
import random
import socket
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from timbrespace.control.osc.packets import OscError, bundle, message, parse

if TYPE_CHECKING:
    from timbrespace.control.engine import Engine
    from timbrespace.control.osc.receiver import OscReceiver

os.environ.setdefault("OMP_NUM_THREADS", "1")

SETTLE_S = 61.0
"""Until the engine's memory of the last minute is full."""
GARBAGE = 0.1
SEEDS = (
    message("/ts/z", *[0.25] * 16),
    message("/ts/knob/gain_db", -6.0),
    message("/ts/path/load", "a path"),
    message("/ts/snap/morph", 1, 2, 0.5),
    b"/types\0\0,ifsTFNIdhtb\0\0\0\0" + bytes(40) + b"\0\0\0\4blob",
    bundle(message("/a", 1), bundle(message("/b", 2.0, "three"), bundle(message("/c")))),
    b"",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, nargs="?")
    parser.add_argument("--mutations", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rate", type=int, default=20_000)
    parser.add_argument("--ahead", type=float, nargs="+", default=[20.0, 60.0])
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found: dict[str, Any] = {"mutations": mutations(options.mutations)}
    if options.model is not None and options.seconds > 0:
        found["flood"] = flood(options.model, seconds=options.seconds, rate=options.rate)
    if options.model is not None:
        found["delay"] = [delay(options.model, ahead / 1000, trials=options.trials) for ahead in options.ahead]
    if options.json:
        json.dump(found, sys.stdout, indent=2)
        return
    for name, rows in found.items():
        for row in rows if isinstance(rows, list) else [rows]:
            print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in row.items()))


def mutated(packet: bytes, hand: random.Random) -> bytes:
    """The packet with a few bytes changed, cut out, doubled or put in."""
    changed = bytearray(packet)
    for _ in range(hand.randint(1, 4)):
        at = hand.randrange(len(changed) + 1)
        match hand.randrange(5):
            case 0:
                changed[at : at + 1] = bytes([hand.choice((0, 1, 0x2F, 0x23, 0x2C, 0x7F, 0x80, 0xFF))])
            case 1:
                del changed[at : at + hand.randint(1, 8)]
            case 2:
                changed[at:at] = changed[at : at + hand.randint(1, 16)]
            case 3:
                changed[at:at] = hand.randbytes(hand.randint(1, 5))
            case 4:
                del changed[at:]
    return bytes(changed)


def largest() -> tuple[bytes, ...]:
    """Packets that take the parser as long as any: many messages, many arguments, at the limit of what is read."""
    many = bundle(*[message(f"/ts/z/{i}", *[1.0] * 8) for i in range(128)])
    kinds = b"/a\0\0," + b"T" * 2047 + bytes(4)
    wholes = message("/a", *range(1500))
    return many, kinds, wholes, bundle(*[message("/ts/*")] * 128), b"/" * 8192


def mutations(count: int, *, seed: int = 7) -> dict[str, Any]:
    """Read ``count`` damaged packets; anything but an answer or a refusal ends the program."""
    hand = random.Random(seed)
    kinds: Counter[str] = Counter()
    longest, total = 0.0, 0.0
    for _ in range(count):
        packet = mutated(hand.choice(SEEDS), hand)
        begin = time.thread_time()
        try:
            parse(packet)
            kinds["read"] += 1
        except OscError as error:
            kinds[error.kind] += 1
        took = time.thread_time() - begin
        total += took
        longest = max(longest, took)
    slowest = max(min(_time(packet) for _ in range(20)) for packet in largest())
    return {
        "packets": count,
        **kinds,
        "mean_us": round(1e6 * total / count, 2),
        "max_us": round(1e6 * longest),
        "largest_us": round(1e6 * slowest),
    }


def _time(packet: bytes) -> float:
    begin = time.thread_time()
    with contextlib.suppress(OscError):
        parse(packet)
    return time.thread_time() - begin


def flood(model: Path, *, seconds: float, rate: int) -> dict[str, Any]:
    """Play while messages flood in."""
    from timbrespace.control.engine import Engine
    from timbrespace.control.osc.ports import OscPorts
    from timbrespace.control.osc.receiver import OscReceiver

    ports = OscPorts(free_port())
    stop = multiprocessing.get_context("spawn").Event()
    with OscReceiver(ports) as receiver, Engine(model) as engine, receiver.steer(engine):
        gc.collect()
        gc.freeze()
        engine.send("play")
        size = len(engine.actions["z"].values)
        sender = multiprocessing.get_context("spawn").Process(
            target=send_flood, args=(ports.port, rate, size, stop), daemon=True
        )
        sender.start()
        while receiver.counts.packets == 0:
            listen(engine, 0.1)
        listen(engine, SETTLE_S)
        before, memory, came, busy = engine.status(), resident(), receiver.counts, time.process_time()
        begin = time.perf_counter()
        listen(engine, seconds)
        took = time.perf_counter() - begin
        after, now, counts = engine.status(), resident(), receiver.counts
        cpu = (time.process_time() - busy) / took
        stop.set()
        sender.join()
    return {
        "seconds": round(took, 1),
        "packets_per_s": round((counts.packets - came.packets) / took),
        "messages_per_s": round((counts.messages - came.messages) / took),
        "commands_per_s": round((counts.commands - came.commands) / took),
        "refused_per_s": {
            kind: round((n - came.refused.get(kind, 0)) / took) for kind, n in sorted(counts.refused.items())
        },
        "remembered_events": len(engine._relay.sessions[-1].events),
        "dropouts": after.dropouts - before.dropouts,
        "missing_ms": round(1000 * (after.missing - before.missing) / engine.sample_rate, 1),
        "deadline_p99": round(after.deadline.p99, 3),
        "cpu_here": round(cpu, 3),
        "growth_here_mb": round(now[0] - memory[0], 1),
        "growth_engine_mb": round(now[1] - memory[1], 1),
    }


def send_flood(port: int, rate: int, size: int, stop: Any) -> None:
    """Messages at ``rate`` a second, in millisecond bursts, a tenth of them garbage."""
    hand = random.Random(1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.connect(("127.0.0.1", port))
        begin, sent = time.perf_counter(), 0
        while not stop.is_set():
            due = int((time.perf_counter() - begin) * rate) - sent
            if due > rate // 10:  # this process was held up: go on from here
                sent += due - rate // 10
                due = rate // 10
            for _ in range(due):
                line.send(one_of_a_flood(hand, size))
            sent += due
            time.sleep(0.001)


def one_of_a_flood(hand: random.Random, size: int) -> bytes:
    """A vector, one of its numbers, a knob, or garbage."""
    if hand.random() < GARBAGE:
        return mutated(hand.choice(SEEDS), hand)
    match hand.randrange(4):
        case 0:
            return message("/ts/coord", *[hand.random() for _ in range(size)])
        case 1:
            return message(f"/ts/coord/{hand.randint(1, size)}", hand.random())
        case 2:
            return message("/ts/xy", hand.random(), hand.random())
        case _:
            return message("/ts/knob/glide_ms", hand.uniform(0, 200))


def delay(model: Path, ahead_s: float, *, trials: int) -> dict[str, Any]:
    """From a packet to the first sample that follows it, as a listener with a clock hears it."""
    from timbrespace.control.engine import Engine
    from timbrespace.control.osc.ports import OscPorts
    from timbrespace.control.osc.receiver import OscReceiver

    hand, delays = random.Random(2), []
    ports = OscPorts(free_port())
    with OscReceiver(ports) as receiver, Engine(model, ahead_s=ahead_s) as engine, receiver.steer(engine):
        line = Ear(engine, receiver, ports.port)
        line.send(bundle(message("/ts/knob/motion", 0.0), message("/ts/play")))  # a level that stays
        line.hear(1.0)
        for _ in range(trials):
            line.send(message("/ts/gain", -60.0))
            quiet = line.hear(0.25 + hand.uniform(0, 0.05))[-1]
            sent = time.perf_counter()
            line.send(message("/ts/gain", 0.0))
            heard = line.hear(0.3, louder_than=8 * max(quiet, 1e-6))[0]
            if math.isfinite(heard):
                delays.append(1000 * (heard - sent))
        status = engine.status()
    delays.sort()
    return {
        "ahead_ms": round(1000 * ahead_s),
        "heard": f"{len(delays)} of {trials}",
        "p50_ms": round(delays[len(delays) // 2], 1),
        "p99_ms": round(delays[min(len(delays) - 1, round(0.99 * len(delays)))], 1),
        "min_ms": round(delays[0], 1),
        "dropouts": status.dropouts,
        "latent_adds_ms": f"{1000 * status.codec_latency_s:.1f} to"
        f" {1000 * (status.codec_latency_s + status.period_s):.1f}",
    }


class Ear:
    """A listener at the pace of a clock, who notes when a sample sounds that is louder than another."""

    def __init__(self, engine: Engine, receiver: OscReceiver, port: int) -> None:
        self._engine = engine
        self._line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._to = ("127.0.0.1", port)
        self._start, self._taken = time.perf_counter(), 0

    def send(self, packet: bytes) -> None:
        """Send one packet."""
        self._line.sendto(packet, self._to)

    def hear(self, seconds: float, *, louder_than: float = math.inf) -> tuple[float, float]:
        """When the first sample beyond ``louder_than`` sounds, infinity if none does; and the last tenth's peak."""
        rate, first, peaks = self._engine.sample_rate, math.inf, [0.0]
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            time.sleep(0.001)
            frames = self._engine.read_exactly(int((time.perf_counter() - self._start) * rate) - self._taken)
            loud = abs(frames).max(axis=1, initial=0.0)
            if math.isinf(first) and (loud > louder_than).any():
                first = self._start + (self._taken + int((loud > louder_than).argmax())) / rate
            self._taken += len(frames)
            peaks.append(float(loud.max(initial=0.0)))
        return first, max(peaks[-100:])


def listen(engine: Engine, seconds: float) -> None:
    """Take sound every 10 ms at the pace of the clock."""
    begin, taken = time.perf_counter(), 0
    while (now := time.perf_counter() - begin) < seconds:
        taken += len(engine.read_exactly(round(now * engine.sample_rate) - taken))
        time.sleep(0.01)


def resident() -> tuple[float, float]:
    """Memory of this process, and of the engine's with the spare one, in MB."""
    engines = [child.pid for child in multiprocessing.active_children() if child.name == "timbrespace-engine"]
    return _resident("self"), sum(_resident(str(pid)) for pid in engines)


def _resident(pid: str) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def free_port() -> int:
    """A port that is free, as the next one probably is."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


if __name__ == "__main__":
    main()
