"""Instruments that follow one another, each in a process, heard as one sound."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy.typing as npt

from timbrespace.control.feed import FADE_S, Feed
from timbrespace.control.introduction import Introduction
from timbrespace.control.keeper import Keeper, Telling
from timbrespace.control.messages import DO, DONE, REFUSED, SET, STATUS, Message
from timbrespace.control.process import QUANTUM
from timbrespace.control.ring import Ring
from timbrespace.control.runner import Died, Job, Runner
from timbrespace.control.session import Event, Session
from timbrespace.control.wishes import Wishes, carried
from timbrespace.core.errors import EngineError

PANIC: Final = "panic"
FIRST_SOUND_S: Final = 10.0
JOIN_S: Final = 1.0
"""Nobody listens who takes nothing for so long."""
NOT_YET: Final = sys.maxsize

Array = npt.NDArray[Any]


class Relay:
    """The process that plays, its sound, and what it is told; another one takes over if it fails or is exchanged.

    ``told`` is the process's last word on how it is, ``values`` are the knobs as they stand, ``refused`` counts what
    an instrument refused to do. ``sessions`` are the lives of all instruments so far. One thread may :meth:`take`.
    """

    def __init__(self, job: Job, *, spare: bool) -> None:
        self.keeper = Keeper(job, self, spare=spare)
        self.feeds: list[Feed] = []  # one, as soon as the first process has said at which rate it plays
        self.sessions: list[Session] = []
        self.told: Message = {}
        self.values: dict[str, float] = {}
        self.refused = 0
        self._ahead_s = job.ahead_s
        self._wishes = Wishes()
        self._using = threading.Lock()  # of the feed, which close() takes away
        self._asking = threading.Lock()  # of the wishes and the count
        self._loading = threading.Lock()

    def start(self) -> None:
        """Start the first process and wait until its first block is there."""
        self.keeper.start()
        self._await_fill(self.feed.ring, QUANTUM, FIRST_SOUND_S)

    @property
    def introduction(self) -> Introduction:
        """What the instrument that plays says of itself."""
        return self.keeper.introduction

    @property
    def feed(self) -> Feed:
        if not self.feeds:
            raise EngineError("The engine has not been started, or is closed; call start() first.")
        return self.feeds[0]

    # What is asked.

    def say(self, event: Event, *, at: int | None) -> None:
        """Have the instrument do something; ``at`` counts as the engine does."""
        if self.keeper.failed:
            raise EngineError(self.keeper.message)
        if at is None:
            with self._asking:
                self._wishes.note(event, self.introduction.actions)
        if event.kind == DO and event.name == PANIC and at is None:
            with self._using:  # before it is told, for it may have been done before the next line
                self.feed.hush()
        local = None if at is None else at - self.sessions[-1].origin
        self.keeper.say(event.kind, {**_content(event), "at": local})

    def count_refusal(self) -> None:
        """Something was asked that made no sense."""
        with self._asking:
            self.refused += 1

    # What is heard.

    def take(self, n: int) -> tuple[Array, list[int]]:
        """The next frames (frame, channel), ``n`` at most, and those of them from which on they are not as rendered."""
        with self._using:
            feed = self.feed
            before = feed.heard
            frames = feed.take(n)
            marks = [mark - before for mark in feed.marks]
            feed.marks.clear()
        return frames, marks

    def counts(self) -> tuple[int, int]:
        """Samples that were heard, and samples that wait."""
        with self._using:
            return self.feed.heard, self.feed.fill

    def await_told(self, rendered: int) -> None:
        """Wait until all events before a sample that was rendered are known, as they are shortly afterwards."""
        deadline = time.monotonic() + 0.5
        while self._told_of() < rendered and time.monotonic() < deadline:
            time.sleep(0.005)

    def _told_of(self) -> int:
        return int(self.told.get("rendered", 0)) + self.sessions[-1].origin if self.told.get("rendered") else 0

    # Another model.

    def load(self, job: Job) -> None:
        """Let an instrument of another model take over, and return when it is heard.

        Raises :class:`EngineError` if it cannot; then nothing has changed.
        """
        if not self._loading.acquire(blocking=False):
            raise EngineError("Another model is being loaded already; wait until it plays.")
        try:
            with self.keeper.held():
                self._exchange(self.keeper.prepare(job))
        finally:
            self._loading.release()

    def _exchange(self, runner: Runner) -> None:
        self._check(runner)
        ring = self._begin(runner)
        alive = not self.keeper.failed
        try:
            before = self.keeper.exchange(runner, lambda: self._take_over(runner, ring, alive=alive))
        except EngineError:
            self.keeper.discard(runner)
            ring.close()
            raise
        self._await_joined()
        if before is not None:
            self.keeper.retire(before)

    def _check(self, runner: Runner) -> None:
        new, old = runner.introduction, self.introduction
        if (new.sample_rate, new.channels) != (old.sample_rate, old.channels):
            name = runner.job.model.name
            self.keeper.retire(runner)
            raise EngineError(
                f"{name} plays {new.channels} channels at {new.sample_rate} Hz, and the engine"
                f" {old.channels} at {old.sample_rate} Hz; end it and start again with that model."
            )

    def _begin(self, runner: Runner) -> Ring:
        """Have another instrument render ahead, at the knobs and playing as this one is told to."""
        ring, session = self._ring_for(runner), self._session_for(runner)
        try:
            session.given = self._state_for(runner.introduction)
            runner.begin(ring, session)
            self._await_begun(runner, ring)
        except (Died, EOFError, OSError):
            ring.close()
            self.keeper.discard(runner)
            raise EngineError(
                f"{runner.job.model.name} could not be played, for its process stopped; what played plays on."
            ) from None
        return ring

    def _await_begun(self, runner: Runner, ring: Ring) -> None:
        """Wait until there is sound behind the lead-in; raises :class:`Died`, EOFError or OSError if there is none."""
        deadline = time.monotonic() + FIRST_SOUND_S
        while ring.fill < min(QUANTUM, self.feed.ahead):
            if time.monotonic() > deadline:
                raise Died("without a sound")
            time.sleep(0.005)
            runner.listen()

    def _take_over(self, runner: Runner, ring: Ring, *, alive: bool) -> Sequence[Telling]:
        """The instrument of that process is now the one that is told and, soon, heard."""
        assert runner.session is not None
        given = runner.session.given
        late = [event for event in self._state_for(runner.introduction) if event not in given]
        with self._using:
            self.feed.join(ring, runner.session, lead_in=runner.introduction.lead_in, alive=alive)
        self.sessions.append(runner.session)
        self.told = {**self.told, "rendered": 0}
        self._wishes.clear()
        self.values = _resting(runner.introduction) | {e.name: e.values[0] for e in (*given, *late) if e.kind == SET}
        return [(event.kind, _content(event)) for event in late]

    def _await_joined(self) -> None:
        """Wait until the other instrument alone is heard, or see to it where nobody listens."""
        heard, since = self.feed.heard, time.monotonic()
        while self.feed.joining and time.monotonic() < since + JOIN_S:
            time.sleep(0.002)
            if self.feed.heard != heard:
                heard, since = self.feed.heard, time.monotonic()
        with self._using:
            self.feed.hurry()

    def _state_for(self, other: Introduction) -> list[Event]:
        """What brings another instrument to where this one is told to be, as far as it has the same."""
        session = self.sessions[-1]
        with self._asking:
            wanted = [*session.essence(), *self._wishes.events()]
        return carried(wanted, session.actions, other.knobs, other.actions)

    # What the keeper asks and tells, in its thread.

    def provide(self, runner: Runner, *, with_state: bool) -> None:
        """A ring for a process that takes the place of none, or of one that died, and that one's state."""
        introduction = runner.introduction
        if not self.feeds:
            rate = introduction.sample_rate
            self.feeds.append(Feed(rate, ahead=max(1, round(self._ahead_s * rate))))
        ring, session = self._ring_for(runner), self._session_for(runner)
        session.given = self._given(with_state)
        try:
            runner.begin(ring, session)
        except OSError:
            ring.close()
            raise
        if self.sessions and self.sessions[-1].joined == NOT_YET:  # its process died before it was heard
            self.sessions.pop()
        with self._using:
            self.feed.join(ring, session, lead_in=introduction.lead_in if self.sessions else 0, alive=False)
        self.sessions.append(session)
        self.told = {}
        self.values = _resting(introduction) | (self.values if with_state else {})

    def _given(self, with_state: bool) -> list[Event]:
        """What the instrument before was told, if the next one is to be."""
        with self._asking:
            if not with_state:
                self._wishes.clear()
            before = self.sessions[-1].essence() if with_state and self.sessions else []
            return [replace(event, sample=0) for event in (*before, *self._wishes.events())]

    def hear(self, runner: Runner, message: Message) -> None:
        """Take what a process says."""
        session, current = runner.session, self.sessions[-1] if self.sessions else None
        if session is None:
            return
        if message["kind"] == DONE:
            event = Event.of(message["event"])
            session.note(event)
            if session is current:
                self._note_done(runner, event, message["knobs"])
        elif session is not current:
            return
        elif message["kind"] == STATUS:
            self.told = message
        elif message["kind"] == REFUSED:
            self.count_refusal()
            self.keeper.tell_player(str(message["sentence"]))

    def _note_done(self, runner: Runner, event: Event, knobs: dict[str, float]) -> None:
        self.values = self.values | knobs
        with self._asking:
            self._wishes.settle(event)
        if event.kind == DO and event.name == PANIC and runner.ring is not None:
            introduction = runner.introduction
            fading = round(FADE_S * introduction.sample_rate) + int(introduction.facts["stage_latency"])
            with self._using:
                self.feed.unhush(runner.ring, event.sample + fading)

    def lost(self) -> None:
        """What waits to be heard is the last of a process that is dead."""
        with self._using:
            self.feed.end()

    def _ring_for(self, runner: Runner) -> Ring:
        introduction = runner.introduction
        ahead = round(self._ahead_s * introduction.sample_rate)
        return Ring.create(2 * (ahead + QUANTUM), channels=introduction.channels)

    def _session_for(self, runner: Runner) -> Session:
        introduction, job = runner.introduction, runner.job
        origin = self.feed.heard
        return Session(
            origin, introduction.actions, joined=NOT_YET, model=job.model, seed=job.seed, knobs=introduction.knobs
        )

    def _await_fill(self, ring: Ring, frames: int, seconds: float) -> None:
        """Wait until so many frames lie in a ring."""
        deadline = time.monotonic() + seconds
        while ring.fill < min(ring.capacity, frames) and time.monotonic() < deadline:
            time.sleep(0.002)

    def close(self, end: Callable[[], object]) -> None:
        """Call ``end``, which is to be :func:`close_all`, while nobody takes sound."""
        with self._using:
            end()


def close_all(keeper: Keeper, feeds: list[Feed]) -> None:
    """The processes first, then the memory they used."""
    keeper.close()
    while feeds:
        feeds.pop().close()


def _content(event: Event) -> Message:
    return {"name": event.name, "values": list(event.values), "at": None}


def _resting(introduction: Introduction) -> dict[str, float]:
    return {name: dial.default for name, dial in introduction.knobs.items()}
