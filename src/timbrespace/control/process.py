"""The engine's own process: renders an instrument ahead of its listener, and does what it is told on the way."""

from __future__ import annotations

import contextlib
import gc
import os
import time
import traceback
from collections.abc import Sequence
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import numpy.typing as npt

from timbrespace.audio.output_stage import OutputStage
from timbrespace.control.entry import gently
from timbrespace.control.makers import Maker
from timbrespace.control.messages import (
    DO,
    DONE,
    FAILED,
    JOB,
    READY,
    REFUSED,
    RING,
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
NAP_S: Final = 0.005
"""Also an eighth of what is rendered ahead at the most."""
IDLE_NAP_S: Final = 0.02
IDLE_AFTER_S: Final = 0.5
STATUS_S: Final = 0.05
SILENT_STATUS_S: Final = 0.15
"""While nothing sounds there is less to tell, but a process that says nothing for longer is taken to hang."""

Array = npt.NDArray[Any]


def run(connection: Connection, maker: Maker) -> None:
    """Do one job after the other, until the owner is gone."""
    tune_process(threads=1)
    with contextlib.suppress(EOFError, OSError):  # the owner is gone, and with it the reason to be here
        job = hear(connection)
        while True:
            job = _serve(connection, maker, job)


def _serve(connection: Connection, maker: Maker, job: Message) -> Message:
    """One job: make the instrument, say so, be given a ring, and render until there is another job, which is returned.

    A job may be followed by another before there was a ring.
    """
    made = gently(lambda: _make(maker, Path(job["model"]), int(job["seed"])), nice=int(job["nice"]))
    if isinstance(made, str):
        tell(connection, FAILED, number=job["number"], sentence=made)
    else:
        tell(connection, READY, number=job["number"], **introduction(*made))
        tell_arrays(connection, made[0].arrays())
    told = hear(connection)
    while told["kind"] != JOB and (told["kind"] != RING or isinstance(made, str)):
        told = hear(connection)  # the last words to the instrument before this one
    if told["kind"] == JOB or isinstance(made, str):
        return told
    ring = Ring.attach(str(told["name"]))
    try:
        worker = Worker(connection, ring, *made, ahead_s=float(job["ahead_s"]))
        return worker.run([Event.of(row) for row in told["events"]])
    finally:
        ring.close()


def _make(maker: Maker, model: Path, seed: int) -> tuple[Instrument, OutputStage] | str:
    """The instrument, warm, and its output stage; or the sentence that says why not."""
    gc.collect()  # the instrument before
    tune_process(threads=1)  # threads have settings of their own
    try:
        instrument = maker(model, seed)
        stage = OutputStage(instrument.sample_rate, channels=instrument.channels)
        instrument.warm()
        stage.process(instrument.render(QUANTUM))  # compiled code is loaded at its first call
        stage.reset()
    except TimbrespaceError as error:
        return str(error)
    except Exception as error:  # a fault of ours, which the traceback shows where it is
        traceback.print_exc()
        return f"The sound engine could not make an instrument of {model} ({error!r}); please report this."
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
    """The loop of the process: listen, do, render, tell, nap. Samples are counted from its beginning."""

    def __init__(
        self, connection: Connection, ring: Ring, instrument: Instrument, stage: OutputStage, *, ahead_s: float
    ) -> None:
        self._connection = connection
        self._ring = ring
        self._renderer = Renderer(instrument, stage)
        self._ahead = max(1, round(ahead_s * instrument.sample_rate))
        self._meter = DeadlineMeter(instrument.period, sample_rate=instrument.sample_rate)
        self._nap_s = min(NAP_S, ahead_s / 8)
        self._told = self._moved = time.monotonic()
        self._seen = ring.read
        self._busy = time.process_time()
        self._owner = os.getppid()

    def run(self, given: Sequence[Event] = ()) -> Message:
        """Do what is given, then render until there is another job, which is returned.

        Raises EOFError or OSError where the owner hangs up.
        """
        for event in given:
            self._renderer.queue.add(event)
        while True:
            while self._connection.poll():
                message = hear(self._connection)
                if message["kind"] == JOB:
                    return message
                self._listen(message)
            self._do_due()
            if self._ring.fill < self._ahead:
                self._render()
            else:
                self._nap()
            self._tell_status()

    def _listen(self, message: Message) -> None:
        if message["kind"] in (DO, SET):
            at, now = message.get("at"), self._renderer.sample
            sample = now if at is None else max(now, int(at))
            self._renderer.queue.add(Event(sample, message["kind"], message["name"], tuple(message["values"])))

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
        done = Event(self._renderer.sample, event.kind, event.name, event.values)
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
        self._connection.poll(self._nap_s if now - self._moved < IDLE_AFTER_S else IDLE_NAP_S)

    def _tell_status(self) -> None:
        now = time.monotonic()
        sounds = self._renderer.instrument.playing or self._renderer.instrument.sounding
        if now - self._told < (STATUS_S if sounds else SILENT_STATUS_S):
            return
        if os.getppid() != self._owner:
            raise EOFError  # adopted: the owner died without closing the line
        busy = time.process_time()
        instrument, stage = self._renderer.instrument, self._renderer.stage
        tell(
            self._connection,
            STATUS,
            rendered=self._renderer.sample,
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
