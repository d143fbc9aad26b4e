"""The engine: an instrument that plays in a process of its own, as its owner sees it."""

from __future__ import annotations

import weakref
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from timbrespace.control.feed import Feed
from timbrespace.control.keeper import Keeper
from timbrespace.control.makers import Maker, latent_voice
from timbrespace.control.messages import DO, SET
from timbrespace.control.meters import Deadline
from timbrespace.control.patch import Patch
from timbrespace.control.relay import PANIC, Relay, close_all
from timbrespace.control.ring import Ring
from timbrespace.control.runner import Job
from timbrespace.control.session import Event, Session
from timbrespace.control.status import Status
from timbrespace.control.takes import Take
from timbrespace.control.tape import HISTORY_S, Tape
from timbrespace.core.errors import EngineError, ParameterError
from timbrespace.instruments.base import Action, Dial, checked_value, checked_values, find

AHEAD_S: Final = 0.06
PEAK_S: Final = 0.1

Array = npt.NDArray[Any]


class Engine:
    """Renders the instrument of a model ahead of its listener, in a process of its own.

    One thread reads the sound; any thread may send, set and ask. Events act at the sample ``at``, counted from the
    engine's start, or else at the next sample to be rendered, which is heard after what is already waiting: up to
    ``ahead_s``. A process that dies or hangs is replaced and told what it had been told; :meth:`status` says so.
    With ``spare`` another process waits for that, instrument ready, from two seconds after the start on: sound is back
    in less than a second, for as much memory again. ``takes`` is the folder for recordings, by default ``takes`` in
    the current one. ``maker`` makes the instrument.

    Used as a context manager, or closed by :meth:`close`; the processes also end with their owner.
    """

    def __init__(
        self,
        model: str | Path,
        *,
        seed: int = 0,
        ahead_s: float = AHEAD_S,
        takes: str | Path | None = None,
        maker: Maker = latent_voice,
        spare: bool = True,
    ) -> None:
        if not 0.005 <= ahead_s <= 10:
            raise ParameterError(f"The engine renders 0.005 to 10 s ahead, not {ahead_s}.")
        self.ahead_s = ahead_s
        self.takes = Path("takes") if takes is None else Path(takes)
        self._job = Job(maker, Path(model), seed, ahead_s)
        self._relay = Relay(self._job, spare=spare)
        self._dropouts = self._missing = 0
        self._starving = False
        self._tape: Tape | None = None
        self._end: weakref.finalize[[Keeper, list[Feed]], Engine] | None = None

    def start(self) -> Engine:
        """Start the process and wait until it renders.

        Raises :class:`EngineError`, with the model's own sentence where it has one, if it cannot.
        """
        relay = self._relay
        self._end = weakref.finalize(self, close_all, relay.keeper, relay.feeds)
        try:
            relay.start()
        except BaseException:
            self._end()
            raise
        self.sample_rate = relay.introduction.sample_rate
        self.channels = relay.introduction.channels
        self._tape = Tape(self.takes, self.sample_rate, channels=self.channels, relay=relay)
        self._patch = Patch(self.sample_rate, channels=self.channels)
        self._introduce()
        return self

    def _introduce(self) -> None:
        """What the instrument that plays can do and is."""
        introduction = self._relay.introduction
        self.model, self.seed = self._job.model, self._job.seed
        self.facts: dict[str, Any] = dict(introduction.facts["facts"])
        self.arrays: dict[str, Array] = introduction.arrays
        self.knobs: dict[str, Dial] = introduction.knobs
        self.actions: dict[str, Action] = introduction.actions

    def __enter__(self) -> Engine:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process and give back its memory; a take that is being recorded is finished first."""
        try:
            if self._tape is not None:
                self._tape.record(False)
        finally:
            if self._end is not None:
                self._relay.close(self._end)

    # What a player does.

    def send(self, name: str, *values: float, at: int | None = None) -> None:
        """Have the instrument do one of its actions; raises :class:`ParameterError` for what makes no sense."""
        try:
            numbers = checked_values(find(name, self.actions, what="action"), values)
        except ParameterError:
            self._relay.count_refusal()
            raise
        self._relay.say(Event(0, DO, name, numbers), at=at)

    def set(self, name: str, value: float, *, at: int | None = None) -> float:
        """Turn a knob and return the value it takes; raises :class:`ParameterError` for what makes no sense."""
        try:
            held = checked_value(find(name, self.knobs, what="knob"), value)
        except ParameterError:
            self._relay.count_refusal()
            raise
        self._relay.say(Event(0, SET, name, (held,)), at=at)
        return held

    def panic(self) -> None:
        """Silence, within 20 ms of what is heard, whatever was rendered ahead and even if the process hangs."""
        self.send(PANIC)

    def load(self, model: str | Path, *, seed: int | None = None, maker: Maker | None = None) -> None:
        """Play another model from now on, without a click, and return when it is heard.

        What plays goes on until the other model has sound ready, then the one fades into the other for 20 ms. Knobs
        that both have keep their values, and what plays goes on playing. Raises :class:`EngineError` for a model that
        cannot be played, or not at this rate and with these channels; then nothing has changed.
        """
        job = Job(maker or self._job.maker, Path(model), self._job.seed if seed is None else seed, self.ahead_s)
        self._relay.load(job)
        self._job = job
        self._introduce()
        self._taped.prune()

    # What is heard.

    def read(self, n: int) -> Array:
        """The next frames (frame, channel), ``n`` at most: what is there. For listeners with a buffer of their own.

        Nothing being there while playing counts as one dropout, until something is there again.
        """
        frames = self._take(n)
        self._note_lack(len(frames) == 0, asked=n)
        self._taped.add(frames)
        return frames

    def read_exactly(self, n: int) -> Array:
        """The next ``n`` frames (frame, channel), patched where sound is missing. For listeners with a clock.

        What is missing counts as one dropout, until nothing is.
        """
        frames = self._take(n)
        lacking = n - len(frames)
        if lacking > 0:
            self._missing += lacking if self._playing else 0
            self._taped.note_gap(self._taped.total + len(frames), lacking)
        self._note_lack(lacking > 0, asked=n)
        frames = self._patch.fill(frames, n)
        self._taped.add(frames)
        return frames

    def _take(self, n: int) -> Array:
        frames, marks = self._relay.take(n)
        for mark in marks:
            self._taped.note_gap(self._taped.total + mark, 0)
        return frames

    @property
    def _playing(self) -> bool:
        return bool(self._relay.told.get("playing", False))

    def _note_lack(self, lacks: bool, *, asked: int) -> None:
        if asked == 0:
            return
        if lacks and not self._starving and self._playing:
            self._dropouts += 1
        self._starving = lacks

    def recent(self, seconds: float) -> Array:
        """What was heard last (frame, channel), a minute at most."""
        return self._taped.last(seconds)

    # Takes.

    def record(self, on: bool) -> Take | None:
        """Begin a take, or end it; the ended take is returned. Raises :class:`StorageError` if the disk refuses."""
        return self._taped.record(on)

    def keep_recent(self, seconds: float = HISTORY_S) -> Take:
        """A take of what was heard last, a minute at most."""
        return self._taped.keep_recent(seconds)

    @property
    def _taped(self) -> Tape:
        if self._tape is None:
            raise EngineError("The engine has not been started, or is closed; call start() first.")
        return self._tape

    # How it is.

    def status(self) -> Status:
        """How the engine is now; costs little."""
        relay, tape = self._relay, self._taped
        facts, told, keeper = relay.introduction.facts, relay.told, relay.keeper
        heard, fill = relay.counts()
        recent = tape.last(PEAK_S)
        return Status(
            running=not keeper.failed,
            rendered=heard + fill,
            heard=heard,
            fill=fill,
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
            refused=relay.refused,
            restarts=keeper.restarts,
            peak=tuple(np.abs(recent).max(axis=0).tolist()) if len(recent) else (0.0,) * self.channels,
            playing=told.get("playing", False),
            sounding=told.get("sounding", False),
            moment=told.get("moment", 0),
            place=tuple(told.get("place", ())),
            knobs=dict(relay.values),
            recording_s=tape.recording_s,
            message=tape.trouble or keeper.message,
        )

    # For tests and measurements.

    @property
    def _keeper(self) -> Keeper:
        return self._relay.keeper

    @property
    def _rings(self) -> list[Ring]:
        return self._relay.feed.rings

    @property
    def _sessions(self) -> list[Session]:
        return self._relay.sessions
