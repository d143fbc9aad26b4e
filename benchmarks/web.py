"""Sound over the WebSocket, as a page would hear it: lateness, jitter, underruns, and from a control to its sound.

    python benchmarks/web.py MODEL [--seconds 60] [--leads 60 100 150] [--json]

Starts ``timbrespace play MODEL`` and listens like the page: a buffer that is used up by this machine's clock and
reported ten times a second, playing begins when the lead is full. Each lead runs on an idle machine and beside a
training-like load (matrix products on every core, ``nice -n 19``). Lateness of a block is how much later it came than
the quickest of the last two seconds, against its place in the sound; an underrun is a moment at which the buffer was
empty.
Then a knob is turned from silence to sound again and again: the time until that sound leaves the buffer, which is
what a player waits for, less the sound card.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from websockets.asyncio.client import ClientConnection, connect

from timbrespace.web.sound_frames import Sound, unpack

LOAD = "import numpy as n\na=n.random.rand(700,700).astype('f')\nwhile 1: a@a"
LOUD = 0.003
"""Above what -60 dB leaves of anything, and far below what is heard at 0 dB."""


@dataclass
class Row:
    """One run: lead in ms, beside what, the percentiles (50, 99, 100) of lateness in ms, underruns, dropouts."""

    lead_ms: float
    load: str
    lateness_ms: list[float]
    gap_ms: list[float]
    underruns: int
    missing_ms: float
    dropouts: int
    deadline_p99: float
    control_ms: list[float]
    first_sound_ms: float


@dataclass
class Buffer:
    """A listener's buffer, in frames; it is used up from the moment at which it first held the lead."""

    rate: int
    lead: float
    held: float = 0.0
    received: int = 0
    underruns: int = 0
    missing: float = 0.0
    at: float = field(default_factory=time.monotonic)
    playing: bool = False
    dry: bool = False

    def use_up(self, now: float) -> None:
        """Play until ``now``."""
        if self.playing:
            self.held -= (now - self.at) * self.rate
            if self.held < 0:
                self.underruns += not self.dry
                self.missing -= self.held
                self.held, self.dry = 0.0, True
        self.at = now

    def add(self, frames: int, now: float) -> None:
        """A block came."""
        self.use_up(now)
        self.held += frames
        self.received += frames
        self.dry = False
        self.playing = self.playing or self.held >= 0.9 * self.lead

    def report(self, lead_ms: float) -> str:
        """As the page tells it."""
        now = time.monotonic()
        self.use_up(now)
        known = {"buffer": self.held, "received": self.received, "underruns": self.underruns, "t": 1000 * now}
        return json.dumps(known | {"lead_ms": lead_ms})


class Client:
    """What a page does, without the page."""

    def __init__(self, control: ClientConnection, sound: ClientConnection, *, rate: int, lead_ms: float) -> None:
        self.buffer = Buffer(rate, lead_ms / 1000 * rate)
        self.arrivals: list[tuple[float, int]] = []
        self.heard: list[tuple[float, Sound]] = []
        self.status: dict[str, Any] = {}
        self._control, self._sound, self._lead_ms = control, sound, lead_ms

    async def run(self) -> None:
        """Listen, report and watch until cancelled."""
        await asyncio.gather(self._listen(), self._report(), self._watch())

    async def say(self, **message: Any) -> None:
        await self._control.send(json.dumps(message))

    async def _listen(self) -> None:
        async for message in self._sound:
            now = time.monotonic()
            if isinstance(message, bytes):
                wave, _, index = unpack(message)
                self.buffer.use_up(now)
                self.heard.append((now + self.buffer.held / self.buffer.rate, wave))
                self.buffer.add(len(wave), now)
                self.arrivals.append((now, index))

    async def _report(self) -> None:
        while True:
            await self._sound.send(self.buffer.report(self._lead_ms))
            await asyncio.sleep(0.1)

    async def _watch(self) -> None:
        async for message in self._control:
            table = json.loads(message)
            if table["type"] == "status":
                self.status = table


@asynccontextmanager
async def listening(address: str, *, lead_ms: float) -> AsyncIterator[Client]:
    """A client of the server at ``address`` (token included)."""
    base, token = address.replace("http", "ws", 1).split("/?token=")
    options: dict[str, Any] = {"additional_headers": {"X-Timbrespace-Token": token}, "max_queue": None}
    async with connect(f"{base}/ws/control", **options) as control, connect(f"{base}/ws/audio", **options) as sound:
        hello = json.loads(await sound.recv())
        client = Client(control, sound, rate=hello["sr"], lead_ms=lead_ms)
        running = asyncio.create_task(client.run())
        try:
            yield client
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def measure(address: str, *, lead_ms: float, load: str, seconds: float, turns: int) -> Row:
    """One run of ``seconds``, then ``turns`` of the knob."""
    opened = time.monotonic()
    async with listening(address, lead_ms=lead_ms) as client:
        await client.say(type="set", name="gain_db", value=0)
        await client.say(type="event", name="play", values=[])
        await asyncio.sleep(2.0)
        first = next((at - opened for at, wave in client.heard if np.abs(wave).max() > LOUD), float("nan"))
        client.arrivals.clear()
        before = (client.buffer.underruns, client.buffer.missing, client.status["dropouts"])
        await asyncio.sleep(seconds)
        underruns, missing = client.buffer.underruns - before[0], client.buffer.missing - before[1]
        dropouts = client.status["dropouts"] - before[2]
        times, indices = (np.array(column) for column in zip(*client.arrivals, strict=True))
        late = lateness(times, indices / client.buffer.rate)
        control = [await turn(client) for _ in range(turns)]
        return Row(
            lead_ms=lead_ms,
            load=load,
            lateness_ms=_percentiles(late),
            gap_ms=_percentiles(np.diff(times)),
            underruns=underruns,
            missing_ms=1000 * missing / client.buffer.rate,
            dropouts=dropouts,
            deadline_p99=client.status["deadline"]["p99"],
            control_ms=_percentiles(np.array([c for c in control if c is not None]), at=(50, 95, 100)),
            first_sound_ms=1000 * first,
        )


async def turn(client: Client) -> float | None:
    """Seconds from turning the knob up to the sound; None if nothing was to be heard there."""
    await client.say(type="set", name="gain_db", value=-60)
    await asyncio.sleep(0.7)
    client.heard.clear()
    begin = time.monotonic()
    await client.say(type="set", name="gain_db", value=0)
    await asyncio.sleep(0.7)
    for at, wave in client.heard:
        loud = np.flatnonzero(np.abs(wave).max(axis=1) > LOUD)
        if len(loud):
            return at + int(loud[0]) / client.buffer.rate - begin
    return None


def lateness(times: Any, places: Any, *, window_s: float = 2.0) -> Any:
    """Seconds that each block came later than the quickest of those before it, within a window."""
    apart = times - places
    first = np.searchsorted(times, times - window_s)
    return np.array([apart[i] - apart[first[i] : i + 1].min() for i in range(len(apart))])


def _percentiles(seconds: Any, *, at: tuple[int, ...] = (50, 99, 100)) -> list[float]:
    if not len(seconds):
        return [float("nan")] * len(at)
    return [round(1000 * float(v), 1) for v in np.percentile(seconds, at)]


@contextmanager
def playing(model: Path) -> Iterator[str]:
    """A server of its own; yields its address."""
    command = [sys.executable, "-m", "timbrespace", "play", str(model), "--json", "--no-open"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["url"]
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)


@contextmanager
def busy(load: str) -> Iterator[None]:
    """Nothing, or matrix products on every core at the lowest priority."""
    if load == "idle":
        yield
        return
    process = subprocess.Popen(
        ["nice", "-n", "19", sys.executable, "-c", LOAD], env=os.environ | {"OMP_NUM_THREADS": str(os.cpu_count())}
    )
    try:
        yield
    finally:
        process.kill()
        process.wait()


def table(rows: list[Row]) -> str:
    """The figures for people."""
    lines = [
        "lead    beside  lateness p50/p99/max ms  gap p99/max ms  underruns  missing  dropouts  deadline p99"
        "  control to sound p50/p95 ms  first sound"
    ]
    for r in rows:
        late = " / ".join(f"{v:5.1f}" for v in r.lateness_ms)
        lines.append(
            f"{r.lead_ms:3.0f} ms  {r.load:<6}  {late:^23}  {r.gap_ms[1]:6.1f} / {r.gap_ms[2]:5.1f}  {r.underruns:9d}"
            f"  {r.missing_ms:4.0f} ms  {r.dropouts:8d}  {r.deadline_p99:10.0f} %"
            f"  {r.control_ms[0]:13.0f} / {r.control_ms[1]:.0f}         {r.first_sound_ms:6.0f} ms"
        )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--leads", type=float, nargs="+", default=[60.0, 100.0, 150.0])
    parser.add_argument("--turns", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = []
    with playing(options.model) as address:
        for load in ("idle", "busy"):
            for lead in options.leads:
                with busy(load):
                    run = measure(address, lead_ms=lead, load=load, seconds=options.seconds, turns=options.turns)
                    rows.append(asyncio.run(run))
                if not options.json:
                    print(table(rows[-1:]).splitlines()[-1], file=sys.stderr, flush=True)
    print(json.dumps([asdict(row) for row in rows]) if options.json else table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
