"""Takes: what was heard, on disk as sound, with a side-car that says how to render it again."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from timbrespace.audio.writing import write_blocks
from timbrespace.core.errors import EngineError, TimbrespaceError
from timbrespace.core.files import write_json

SIDECAR: Final = ".json"
MAX_TAKE_S: Final = 4 * 3600.0

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Take:
    """A recording: ``frames`` at ``path`` (24-bit WAV), and ``sidecar`` beside it."""

    path: Path
    sidecar: Path
    frames: int
    sample_rate: int

    @property
    def seconds(self) -> float:
        return self.frames / self.sample_rate


class Recorder:
    """Writes what it is given to a file in a thread of its own; the file appears, whole, when it is finished."""

    def __init__(self, path: Path, *, sample_rate: int, channels: int, start: int) -> None:
        self.path = path
        self.start = start
        self.frames = 0
        self._blocks: queue.SimpleQueue[Array | None] = queue.SimpleQueue()
        self._rate = sample_rate
        self._channels = channels
        self._error: TimbrespaceError | None = None
        self._thread = threading.Thread(target=self._write, name="timbrespace-recorder", daemon=True)
        self._thread.start()

    @property
    def error(self) -> TimbrespaceError | None:
        """What the disk refused, if anything; then nothing more is taken."""
        return self._error

    def add(self, frames: Array) -> None:
        """Take frames (frame, channel); what passes four hours is left out."""
        room = round(MAX_TAKE_S * self._rate) - self.frames
        if self._error is None and room > 0 and len(frames):
            self._blocks.put(frames[:room])
            self.frames += min(room, len(frames))

    def finish(self) -> None:
        """Close the file; raises what the disk refused."""
        self._blocks.put(None)
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _write(self) -> None:
        try:
            write_blocks(self.path, self._sound(), self._rate, channels=self._channels, force=False)
        except TimbrespaceError as error:
            self._error = error

    def _sound(self) -> Iterator[Array]:
        while (block := self._blocks.get()) is not None:
            yield np.ascontiguousarray(block.T)


def write_take(path: Path, frames: Array, *, sample_rate: int) -> None:
    """Write a whole take (frame, channel) at once."""
    if not len(frames):
        raise EngineError("Nothing was heard yet, so there is nothing to keep; press play first.")
    write_blocks(path, [np.ascontiguousarray(frames.T)], sample_rate, channels=frames.shape[1], force=False)


def write_sidecar(path: Path, content: dict[str, Any]) -> Path:
    """Write what belongs to the take at ``path`` beside it."""
    sidecar = path.with_suffix(SIDECAR)
    write_json(sidecar, content)
    return sidecar


def take_path(folder: Path, *, now: datetime | None = None) -> Path:
    """A name that no take in ``folder`` has or will get; the folder is made.

    The name is reserved by its side-car, empty for now, since the sound itself appears only when it is whole; give
    it back with :func:`give_up` if there will be none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"take-{now or datetime.now():%Y%m%d-%H%M%S}"
    for name in (stem, *(f"{stem}-{i}" for i in range(2, 10_000))):
        path = folder / f"{name}.wav"
        try:
            path.with_suffix(SIDECAR).touch(exist_ok=False)
        except FileExistsError:
            continue
        if not path.exists():
            return path
        give_up(path)
    raise EngineError(f"{folder} holds ten thousand takes of this second; choose another folder.")


def give_up(path: Path) -> None:
    """Let a name that :func:`take_path` reserved be free again."""
    path.with_suffix(SIDECAR).unlink(missing_ok=True)
