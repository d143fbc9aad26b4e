"""The engine's own process: renders an instrument ahead of its listener, and does what it is told on the way."""

from __future__ import annotations

import contextlib
import os
import signal
import time
import traceback
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import numpy.typing as npt

from timbrespace.audio.output_stage import OutputStage
from timbrespace.control.makers import Maker
from timbrespace.control.messages import (
    DO,
    DONE,
    FAILED,
    READY,
    REFUSED,
    SET,
    STATUS,
    Message,
    hear,
    tell,
    tell_arrays,
)
from timbrespace.control.meters import DeadlineMeter
from timbrespace.control.ring import Ring
from timbrespace.control.session import Event, Queue, last_words
from timbrespace.core.errors import TimbrespaceError
from timbrespace.instruments.base import Instrument
from timbrespace.training.runtime import tune_process

QUANTUM: Final = 512
"""Frames rendered between two looks at the messages: 12 ms at 44.1 kHz."""
NAP_S: Final = 0.002
IDLE_NAP_S: Final = 0.02
IDLE_AFTER_S: Final = 0.5
STATUS_S: Final = 0.05

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Job:
    """What a process of the engine is to do, whoever takes it up."""

    maker: Maker
    model: Path
    seed: int
    ahead_s: float


def run(connection: Connection, job: Job) -> None:
    """Entry point of the process: make the instrument, say so, be given a ring, and render until it is taken away."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal reaches all; the owner decides
    tune_process(threads=1)
    made = _make(job)
    with contextlib.suppress(EOFError, OSError):  # the owner is gone, and with it the reason to be here
        if isinstance(made, str):
            tell(connection, FAILED, sentence=made)
            return
        instrument, stage = made
        tell(connection, READY, **introduction(instrument, stage))
        tell_arrays(connection, instrument.arrays())
        ring = Ring.attach(str(hear(connection)["name"]))
        try:
            Worker(connection, ring, instrument, stage, job.ahead_s).run()
        finally:
            ring.close()


def _make(job: Job) -> tuple[Instrument, OutputStage] | str:
    """The instrument, warm, and its output stage; or the sentence that says why not."""
    try:
        instrument = job.maker(job.model, job.seed)
        stage = OutputStage(instrument.sample_rate, channels=instrument.channels)
        instrument.warm()
        stage.process(instrument.render(QUANTUM))  # compiled code is loaded at its first call
        stage.reset()
    except TimbrespaceError as error:
        return str(error)
    except Exception as error:  # a fault of ours, which the traceback shows where it is
        traceback.print_exc()
        return f"The sound engine could not make an instrument of {job.model} ({error!r}); please report this."
    return instrument, stage


def introduction(instrument: Instrument, stage: OutputStage) -> dict[str, Any]:
    """All that does not change, as JSON holds it."""
    return {
        "sample_rate": instrument.sample_rate,
        "channels": instrument.channels,
        "period": instrument.period,
        "latency": instrument.latency,
        "stage_latency": stage.latency_samples,
        "knobs": [asdict(dial) for dial in instrument.knobs().values()],
        "actions": [asdict(action) for action in instrument.actions().values()],
        "facts": instrument.facts(),
    }


class Renderer:
    """An instrument and the output stage, with events acting on their samples: what live and repeated takes share."""

    def __init__(self, instrument: Instrument, stage: OutputStage) -> None:
        self.instrument = instrument
        self.stage = stage
        self.sample = 0
        self.queue = Queue()

    def next_frames(self, limit: int) -> Array:
        """Frames (frame, channel) up to the next event, ``limit`` at most; those due must have been done."""
        wait = self.queue.until_next(self.sample)
        n = limit if wait is None else min(limit, max(1, wait))
        sound = self.stage.process(self.instrument.render(n))
        self.sample += n
        return sound.numpy().T


class Worker:
    """The loop of the process: listen, do, render, tell, nap."""

    def __init__(
        self, connection: Connection, ring: Ring, instrument: Instrument, stage: OutputStage, ahead_s: float
    ) -> None:
        self._connection = connection
        self._ring = ring
        self._renderer = Renderer(instrument, stage)
        self._origin = ring.written
        self._ahead = max(1, round(ahead_s * instrument.sample_rate))
        self._meter = DeadlineMeter(instrument.period, sample_rate=instrument.sample_rate)
        self._told = self._moved = time.monotonic()
        self._seen = ring.read
        self._busy = time.process_time()
        self._owner = os.getppid()

    def run(self) -> None:
        """Render until the owner hangs up, which raises EOFError or OSError."""
        while True:
            while self._connection.poll():
                self._listen(hear(self._connection))
            self._do_due()
            if self._ring.fill < self._ahead:
                self._render()
            else:
                self._nap()
            self._tell_status()

    def _listen(self, message: Message) -> None:
        if message["kind"] in (DO, SET):
            at = message.get("at")
            now = self._origin + self._renderer.sample
            sample = now if at is None else max(now, int(at))
            event = Event(sample - self._origin, message["kind"], message["name"], tuple(message["values"]))
            self._renderer.queue.add(event)

    def _do_due(self) -> None:
        due = iter(lambda: self._renderer.queue.due(self._renderer.sample), None)
        for event in last_words(list(due), self._renderer.instrument.actions()):
            self._do(event)

    def _do(self, event: Event) -> None:
        instrument = self._renderer.instrument
        try:
            event.apply(instrument)
        except TimbrespaceError as error:
            tell(self._connection, REFUSED, sentence=str(error))
            return
        knobs = {event.name: instrument.get(event.name)} if event.kind == SET else self._all_knobs(event)
        done = Event(self._origin + self._renderer.sample, event.kind, event.name, event.values)
        tell(self._connection, DONE, event=done.row(), knobs=knobs)

    def _all_knobs(self, event: Event) -> dict[str, float]:
        """All values after an action that may have turned any knob."""
        instrument = self._renderer.instrument
        changes_all = instrument.actions()[event.name].state == "all"
        return {name: instrument.get(name) for name in instrument.knobs()} if changes_all else {}

    def _render(self) -> None:
        start = time.perf_counter()
        frames = self._renderer.next_frames(min(QUANTUM, self._ring.capacity - self._ring.fill))
        took = time.perf_counter() - start
        self._ring.put(frames)
        if self._renderer.instrument.sounding:
            self._meter.add(took, len(frames))

    def _nap(self) -> None:
        """Wait for a message, and not longer than until the listener may have taken something."""
        now = time.monotonic()
        if self._ring.read != self._seen:
            self._seen, self._moved = self._ring.read, now
        self._connection.poll(NAP_S if now - self._moved < IDLE_AFTER_S else IDLE_NAP_S)

    def _tell_status(self) -> None:
        now = time.monotonic()
        if now - self._told < STATUS_S:
            return
        if os.getppid() != self._owner:
            raise EOFError  # adopted: the owner died without closing the line
        busy = time.process_time()
        instrument, stage = self._renderer.instrument, self._renderer.stage
        tell(
            self._connection,
            STATUS,
            rendered=self._origin + self._renderer.sample,
            deadline=asdict(self._meter.summary()),
            cpu=(busy - self._busy) / (now - self._told),
            mended=instrument.mended + stage.mended,
            limited=stage.limited,
            playing=instrument.playing,
            sounding=instrument.sounding,
            moment=instrument.moment,
            place=instrument.place(),
        )
        self._told, self._busy = now, busy
