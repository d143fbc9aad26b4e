"""What was heard: the last minute of it, the take that is being recorded, and what it was rendered from."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Final

import numpy.typing as npt

from timbrespace.control.history import History
from timbrespace.control.relay import Relay
from timbrespace.control.sidecar import describe
from timbrespace.control.takes import Recorder, Take, give_up, take_path, write_sidecar, write_take

HISTORY_S: Final = 60.0
GAP_FADE: Final = 2048
"""Frames after a gap that may still differ from what was rendered."""

Array = npt.NDArray[Any]


class Tape:
    """Takes of what one thread has heard, made by any thread.

    ``gaps`` are the heard frames at which silence was put in, and how many frames of it; none where frames were only
    faded. The ``relay`` knows what was rendered and when.
    """

    def __init__(self, folder: Path, sample_rate: int, *, channels: int, relay: Relay) -> None:
        self.folder = folder
        self._relay = relay
        self._rate = sample_rate
        self._channels = channels
        self._history = History(round(HISTORY_S * sample_rate), channels=channels)
        self._gaps: list[tuple[int, int]] = []
        self._recorder: Recorder | None = None
        self._state = threading.Lock()  # of the history and the recorder, which go together

    @property
    def total(self) -> int:
        """Frames that were heard, silence that was put in included."""
        return self._history.total

    @property
    def recording_s(self) -> float:
        """How long the take is by now; 0 if there is none."""
        recorder = self._recorder
        return 0.0 if recorder is None else recorder.frames / self._rate

    @property
    def trouble(self) -> str:
        """What the disk refused of the take, if anything."""
        recorder = self._recorder
        return "" if recorder is None or recorder.error is None else str(recorder.error)

    def add(self, frames: Array) -> None:
        """Frames (frame, channel) were heard."""
        with self._state:
            self._history.add(frames)
            if self._recorder is not None:
                self._recorder.add(frames)

    def last(self, seconds: float) -> Array:
        """What was heard last (frame, channel), a minute at most."""
        return self._history.last(round(seconds * self._rate))

    def note_gap(self, at: int, lacking: int) -> None:
        """Note that what is heard from frame ``at`` on was put in; what follows a gap at once widens it."""
        first, length = self._gaps[-1] if self._gaps else (-1, 0)
        if first + length == at:
            self._gaps[-1] = (first, length + lacking)
        else:
            self._gaps.append((at, lacking))

    def prune(self) -> None:
        """Forget the instruments that no take can reach any more."""
        with self._state:
            earliest = self._history.total - round(HISTORY_S * self._rate)
            if self._recorder is not None:
                earliest = min(earliest, self._recorder.start)
        sessions, put_in = self._relay.sessions, sum(n for _, n in self._gaps)
        while len(sessions) > 1 and sessions[1].joined < earliest - put_in:
            del sessions[0]

    def record(self, on: bool) -> Take | None:
        """Begin a take, or end it; the ended take is returned. Raises :class:`StorageError` if the disk refuses."""
        if on:
            self._begin()
            return None
        with self._state:
            recorder, self._recorder = self._recorder, None
        return None if recorder is None else self._finish(recorder)

    def keep_recent(self, seconds: float = HISTORY_S) -> Take:
        """A take of what was heard last, a minute at most."""
        with self._state:
            frames, end = self.last(seconds), self._history.total
        path = take_path(self.folder)
        try:
            write_take(path, frames, sample_rate=self._rate)
        except BaseException:
            give_up(path)
            raise
        return self._take(path, start=end - len(frames), frames=len(frames))

    def _begin(self) -> None:
        current = self._recorder
        if current is not None:
            return
        path = take_path(self.folder)  # before the lock, which the sound needs: a disk may be slow
        with self._state:
            if self._recorder is None:
                self._recorder = Recorder(
                    path, sample_rate=self._rate, channels=self._channels, start=self._history.total
                )
                return
        give_up(path)

    def _finish(self, recorder: Recorder) -> Take:
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
        self._relay.await_told(rendered + frames)
        content = describe(
            self._relay.sessions,
            sample_rate=self._rate,
            start=rendered,
            frames=frames,
            gaps=[(at - start, n) for at, n in gaps if at + n + GAP_FADE >= start],
        )
        return Take(path, write_sidecar(path, content), frames, self._rate)
