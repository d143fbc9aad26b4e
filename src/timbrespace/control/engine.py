"""The engine: an instrument that plays in a process of its own, as its owner sees it."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from timbrespace.control.history import History
from timbrespace.control.keeper import Introduction, Keeper
from timbrespace.control.makers import Maker, latent_voice
from timbrespace.control.messages import DO, DONE, REFUSED, SET, STATUS, Message
from timbrespace.control.meters import Deadline
from timbrespace.control.patch import Patch
from timbrespace.control.process import QUANTUM, Job
from timbrespace.control.ring import Ring
from timbrespace.control.session import Event, Session
from timbrespace.control.sidecar import describe
from timbrespace.control.status import Status
from timbrespace.control.takes import Recorder, Take, give_up, take_path, write_sidecar, write_take
from timbrespace.core.errors import EngineError, ParameterError
from timbrespace.core.knob import Knob
from timbrespace.instruments.base import Action, Dial, checked_value, checked_values, find

AHEAD_S: Final = 0.06
HISTORY_S: Final = 60.0
PEAK_S: Final = 0.1
FIRST_SOUND_S: Final = 10.0
GAP_FADE: Final = 2048
"""Frames after a gap that may still differ from what was rendered."""

Array = npt.NDArray[Any]


class Engine:
    """Renders the instrument of a model ahead of its listener, in a process of its own.

    One thread reads the sound; any thread may send, set and ask. Events act at the sample ``at``, counted from the
    engine's start, or else at the next sample to be rendered, which is heard after what is already waiting: up to
    ``ahead_s``. A process that dies or hangs is replaced and told what it had been told; :meth:`status` says so.
    ``takes`` is the folder for recordings, by default ``takes`` in the current one. ``maker`` makes the instrument.

    Used as a context manager, or closed by :meth:`close`; the process also ends with its owner.
    """

    def __init__(
        self,
        model: str | Path,
        *,
        seed: int = 0,
        ahead_s: float = AHEAD_S,
        takes: str | Path | None = None,
        maker: Maker = latent_voice,
    ) -> None:
        if not 0.005 <= ahead_s <= 10:
            raise ParameterError(f"The engine renders 0.005 to 10 s ahead, not {ahead_s}.")
        self.model = Path(model)
        self.seed = seed
        self.ahead_s = ahead_s
        self.takes = Path("takes") if takes is None else Path(takes)
        self._keeper = Keeper(
            Job(maker, self.model, seed, ahead_s),
            make_ring=self._ring_for,
            on_message=self._on_message,
            on_restart=self._on_restart,
        )
        self._rings: list[Ring] = []
        self._using = threading.Lock()  # of the ring, which close() takes away
        self._state = threading.Lock()  # of the history and the recorder, which go together
        self._told: Message = {}
        self._values: dict[str, float] = {}
        self._refused = self._dropouts = self._missing = 0
        self._starving = False
        self._recorder: Recorder | None = None
        self._end: weakref.finalize[[Keeper, list[Ring]], Engine] | None = None
        self._sessions: list[Session] = []
        self._gaps: list[tuple[int, int]] = []  # heard frame at which silence was put in, and how many frames

    def start(self) -> Engine:
        """Start the process and wait until it renders.

        Raises :class:`EngineError`, with the model's own sentence where it has one, if it cannot.
        """
        self._end = weakref.finalize(self, _close_all, self._keeper, self._rings)
        try:
            self._keeper.start()
        except BaseException:
            self._end()
            raise
        facts = self._keeper.introduction.facts
        self.sample_rate = int(facts["sample_rate"])
        self.channels = int(facts["channels"])
        self.facts: dict[str, Any] = dict(facts["facts"])
        self.arrays: dict[str, Array] = self._keeper.introduction.arrays
        self.knobs: dict[str, Dial] = {d["name"]: _dial(d) for d in facts["knobs"]}
        self.actions: dict[str, Action] = {a["name"]: _action(a) for a in facts["actions"]}
        self._values = {name: dial.default for name, dial in self.knobs.items()} | self._values
        self._history = History(round(HISTORY_S * self.sample_rate), channels=self.channels)
        self._patch = Patch(self.sample_rate, channels=self.channels)
        self._await_sound()
        return self

    def __enter__(self) -> Engine:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process and give back its memory; a take that is being recorded is finished first."""
        try:
            if self._recorder is not None:
                self.record(False)
        finally:
            with self._using:
                if self._end is not None:
                    self._end()

    # What a player does.

    def send(self, name: str, *values: float, at: int | None = None) -> None:
        """Have the instrument do one of its actions; raises :class:`ParameterError` for what makes no sense."""
        try:
            action = find(name, self.actions, what="action")
            numbers = checked_values(action, values)
        except ParameterError:
            self._count_refusal()
            raise
        self._say(DO, name, numbers, at)

    def set(self, name: str, value: float, *, at: int | None = None) -> float:
        """Turn a knob and return the value it takes; raises :class:`ParameterError` for what makes no sense."""
        try:
            held = checked_value(find(name, self.knobs, what="knob"), value)
        except ParameterError:
            self._count_refusal()
            raise
        self._say(SET, name, (held,), at)
        return held

    def _say(self, kind: str, name: str, values: tuple[float, ...], at: int | None) -> None:
        if self._keeper.failed:
            raise EngineError(self._keeper.message)
        self._keeper.say(kind, {"name": name, "values": list(values), "at": at})

    def _count_refusal(self) -> None:
        with self._state:
            self._refused += 1

    # What is heard.

    def read(self, n: int) -> Array:
        """The next frames (frame, channel), ``n`` at most: what is there. For listeners with a buffer of their own.

        Nothing being there while playing counts as one dropout, until something is there again.
        """
        with self._using:
            frames = self._ring.take(n)
        self._note_lack(len(frames) == 0 < n)
        return self._pass_on(frames)

    def read_exactly(self, n: int) -> Array:
        """The next ``n`` frames (frame, channel), patched where sound is missing. For listeners with a clock.

        What is missing counts as one dropout, until nothing is.
        """
        with self._using:
            frames = self._ring.take(n)
        lacking = n - len(frames)
        if lacking > 0:
            self._note_gap(self._history.total + len(frames), lacking)
        self._note_lack(lacking > 0)
        return self._pass_on(self._patch.fill(frames, n))

    def _note_lack(self, lacks: bool) -> None:
        if lacks and not self._starving and self._told.get("playing", False):
            self._dropouts += 1
        self._starving = lacks

    def _note_gap(self, at: int, lacking: int) -> None:
        """Note that what is heard from frame ``at`` on was put in; what follows a gap at once widens it."""
        if self._told.get("playing", False):
            self._missing += lacking
        first, length = self._gaps[-1] if self._gaps else (-1, 0)
        if first + length == at:
            self._gaps[-1] = (first, length + lacking)
        else:
            self._gaps.append((at, lacking))

    def _pass_on(self, frames: Array) -> Array:
        with self._state:
            self._history.add(frames)
            if self._recorder is not None:
                self._recorder.add(frames)
        return frames

    @property
    def _ring(self) -> Ring:
        if not self._rings:
            raise EngineError("The engine has not been started, or is closed; call start() first.")
        return self._rings[0]

    def recent(self, seconds: float) -> Array:
        """What was heard last (frame, channel), a minute at most."""
        return self._history.last(round(seconds * self.sample_rate))

    # Takes.

    def record(self, on: bool) -> Take | None:
        """Begin a take, or end it; the ended take is returned. Raises :class:`StorageError` if the disk refuses."""
        if on:
            self._begin_take()
            return None
        with self._state:
            recorder, self._recorder = self._recorder, None
        return None if recorder is None else self._finish_take(recorder)

    def keep_recent(self, seconds: float = HISTORY_S) -> Take:
        """A take of what was heard last, a minute at most."""
        with self._state:
            frames, end = self.recent(seconds), self._history.total
        path = take_path(self.takes)
        try:
            write_take(path, frames, sample_rate=self.sample_rate)
        except BaseException:
            give_up(path)
            raise
        return self._take(path, start=end - len(frames), frames=len(frames))

    def _begin_take(self) -> None:
        current = self._recorder
        if current is not None:
            return
        path = take_path(self.takes)  # before the lock, which the sound needs: a disk may be slow
        with self._state:
            if self._recorder is None:
                self._recorder = Recorder(
                    path, sample_rate=self.sample_rate, channels=self.channels, start=self._history.total
                )
                return
        give_up(path)

    def _finish_take(self, recorder: Recorder) -> Take:
        try:
            recorder.finish()
        except BaseException:
            give_up(recorder.path)
            raise
        return self._take(recorder.path, start=recorder.start, frames=recorder.frames)

    def _take(self, path: Path, *, start: int, frames: int) -> Take:
        """The side-car of frames ``start`` and following of what was heard."""
        gaps = [(at, n) for at, n in self._gaps if at < start + frames]
        rendered = start - sum(n for at, n in gaps if at < start)
        self._await_told(rendered + frames)
        content = describe(
            self.model,
            seed=self.seed,
            sample_rate=self.sample_rate,
            knobs=self.knobs,
            sessions=self._sessions,
            start=rendered,
            frames=frames,
            gaps=[(at - start, n) for at, n in gaps if at + n + GAP_FADE >= start],
        )
        return Take(path, write_sidecar(path, content), frames, self.sample_rate)

    # How it is.

    def status(self) -> Status:
        """How the engine is now; costs little."""
        facts, told = self._keeper.introduction.facts, self._told
        with self._using:
            heard, rendered = self._ring.read, self._ring.written
        recent = self._history.last(round(PEAK_S * self.sample_rate))
        recorder = self._recorder
        return Status(
            running=not self._keeper.failed,
            rendered=rendered,
            heard=heard,
            fill=rendered - heard,
            ahead_s=self.ahead_s,
            period_s=facts["period"] / self.sample_rate,
            codec_latency_s=facts["latency"] / self.sample_rate,
            stage_latency_s=facts["stage_latency"] / self.sample_rate,
            deadline=Deadline(**told.get("deadline", {})),
            cpu=told.get("cpu", 0.0),
            dropouts=self._dropouts,
            missing=self._missing,
            mended=told.get("mended", 0),
            limited=told.get("limited", 0),
            refused=self._refused,
            restarts=self._keeper.restarts,
            peak=tuple(np.abs(recent).max(axis=0).tolist()) if len(recent) else (0.0,) * self.channels,
            playing=told.get("playing", False),
            sounding=told.get("sounding", False),
            moment=told.get("moment", 0),
            place=tuple(told.get("place", ())),
            knobs=dict(self._values),
            recording_s=0.0 if recorder is None else recorder.frames / self.sample_rate,
            message=self._keeper.message if recorder is None or recorder.error is None else str(recorder.error),
        )

    # What the process says, in the keeper's thread.

    def _ring_for(self, introduction: Introduction) -> Ring:
        """The ring for a new process: made for the first, kept for the others, whose session begins where it is."""
        facts = introduction.facts
        if not self._rings:
            ahead = round(self.ahead_s * int(facts["sample_rate"]))
            self._rings.append(Ring.create(2 * (ahead + QUANTUM), channels=int(facts["channels"])))
        origin = self._ring.written
        if self._sessions and self._sessions[-1].origin == origin:  # its process died before it did anything
            self._sessions.pop()
        self._sessions.append(Session(origin, {a["name"]: _action(a) for a in facts["actions"]}))
        return self._ring

    def _on_message(self, message: Message) -> None:
        if message["kind"] == STATUS:
            self._told = message
        elif message["kind"] == DONE:
            self._sessions[-1].note(Event.of(message["event"]))
            self._values = self._values | message["knobs"]
        elif message["kind"] == REFUSED:
            self._count_refusal()
            self._keeper.tell_player(str(message["sentence"]))

    def _on_restart(self, with_state: bool) -> Sequence[tuple[str, Message]]:
        self._told = {}
        if not with_state:
            self._values = {name: dial.default for name, dial in self.knobs.items()}
            return []
        essence = self._sessions[-2].essence() if len(self._sessions) > 1 else []
        return [(e.kind, {"name": e.name, "values": list(e.values), "at": None}) for e in essence]

    def _await_sound(self) -> None:
        """Wait until the first block lies in the ring."""
        deadline = time.monotonic() + FIRST_SOUND_S
        while self._ring.fill < min(self._ring.capacity, QUANTUM) and time.monotonic() < deadline:
            time.sleep(0.002)

    def _await_told(self, rendered: int) -> None:
        """Wait until all events before a sample that was rendered are known, as they are shortly afterwards."""
        deadline = time.monotonic() + 0.5
        while self._told.get("rendered", 0) < rendered and time.monotonic() < deadline:
            time.sleep(0.005)


def _dial(table: Mapping[str, Any]) -> Dial:
    return Dial(**{**table, "range": Knob(**table["range"])})


def _action(table: Mapping[str, Any]) -> Action:
    return Action(**{**table, "values": tuple(table["values"])})


def _close_all(keeper: Keeper, rings: list[Ring]) -> None:
    """The process first, then the memory it used."""
    keeper.close()
    while rings:
        rings.pop().close()
