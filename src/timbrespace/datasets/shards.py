"""Prepared sound on disk: raw float32 in files of bounded size, read through memory maps.

All sounds lie end to end on one timeline of frames (one value per channel, interleaved), which is cut into
files ``00000.f32``, ``00001.f32`` ... of ``shard_frames`` frames each. ``index.json`` says where each sound
lies and is written last: a folder without a valid one counts as not prepared.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
import numpy.typing as npt
import platformdirs

from timbrespace.core.errors import DataError, StorageError
from timbrespace.core.files import PARTIAL, atomic_folder, storage_error, write_json

Samples = npt.NDArray[np.float32]

FORMAT: Final = 1
SHARD_BYTES: Final = 256 * 2**20
_STRAY_SECONDS: Final = 2 * 24 * 3600
_INDEX: Final = "index.json"
_LITTLE: Final = np.dtype("<f4")


@dataclass(frozen=True)
class StoredSound:
    """One sound of the timeline: its first frame, its length, the SHA-256 of its samples, and what was mended."""

    name: str
    offset: int
    frames: int
    sha256: str
    repairs: tuple[str, ...] = ()


class ShardWriter:
    """Puts sounds end to end into a new folder, block by block."""

    def __init__(self, folder: Path, *, channels: int, shard_bytes: int = SHARD_BYTES) -> None:
        self.folder = folder
        self.channels = channels
        self.shard_frames = max(1, shard_bytes // (4 * channels))
        self.sounds: list[StoredSound] = []
        self._frames = 0
        self._file: IO[bytes] | None = None

    def add(self, name: str, blocks: Iterable[Samples]) -> int:
        """Append a sound given as blocks (time, channel); on any error nothing of it stays. Returns its frames.

        The caller follows with :meth:`keep` or :meth:`drop`.
        """
        self._start, self._name, self._hash = self._frames, name, hashlib.sha256()
        try:
            for block in blocks:
                self._append(np.ascontiguousarray(block, _LITTLE))
        except BaseException:
            self.drop()
            raise
        return self._frames - self._start

    @property
    def digest(self) -> str:
        """The SHA-256 of the sound that was just added."""
        return self._hash.hexdigest()

    def keep(self, *, repairs: tuple[str, ...] = ()) -> None:
        """The sound just added counts."""
        frames = self._frames - self._start
        self.sounds.append(StoredSound(self._name, self._start, frames, self.digest, repairs))

    def drop(self) -> None:
        """The sound just added vanishes again."""
        self.close()
        shard, local = divmod(self._start, self.shard_frames)
        for number in range(shard + 1, self._frames // self.shard_frames + 1):
            _shard_path(self.folder, number).unlink(missing_ok=True)
        path = _shard_path(self.folder, shard)
        if path.exists():
            with path.open("r+b") as file:
                file.truncate(local * 4 * self.channels)
        self._frames = self._start

    def finish(self, **facts: Any) -> None:
        """Write the index, with ``facts`` beside it, after which :class:`Shards` can open the folder."""
        self.close()
        index = {
            "format": FORMAT,
            "channels": self.channels,
            "shard_frames": self.shard_frames,
            "frames": self._frames,
            "sounds": [dataclasses.asdict(s) for s in self.sounds],
            "facts": facts,
        }
        write_json(self.folder / _INDEX, index)

    def _append(self, block: Samples) -> None:
        self._hash.update(block.data)
        while len(block):
            shard, local = divmod(self._frames, self.shard_frames)
            if self._file is None:
                self._file = _shard_path(self.folder, shard).open("ab")
            part = block[: self.shard_frames - local]
            self._file.write(part.data)
            self._frames += len(part)
            block = block[len(part) :]
            if self._frames % self.shard_frames == 0:
                self.close()

    def close(self) -> None:
        """Let go of the file being written."""
        if self._file is not None:
            self._file.close()
            self._file = None


class Shards:
    """A prepared folder, opened: sounds, facts, and any stretch of the timeline.

    Raises :class:`DataError` if the folder is missing, unfinished, damaged or of another format.
    """

    def __init__(self, folder: Path) -> None:
        try:
            index = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
            if index["format"] != FORMAT:
                raise ValueError("another format")
            self.channels: int = index["channels"]
            self.frames: int = index["frames"]
            self.shard_frames: int = index["shard_frames"]
            self.facts: dict[str, Any] = index["facts"]
            self.sounds = [StoredSound(**{**s, "repairs": tuple(s["repairs"])}) for s in index["sounds"]]
            self._maps = [self._map(folder, n) for n in range(-(-self.frames // self.shard_frames))]
            if any(s.offset < 0 or s.offset + s.frames > self.frames for s in self.sounds):
                raise ValueError("a sound outside the timeline")
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(f"{folder} is not a whole set of shards ({error}); delete it.") from error

    def _map(self, folder: Path, number: int) -> Samples:
        frames = min(self.shard_frames, self.frames - number * self.shard_frames)
        path = _shard_path(folder, number)
        if path.stat().st_size != frames * 4 * self.channels:
            raise ValueError(f"{path.name} has a wrong size")
        # A plain view: np.memmap objects cost microseconds at each slicing.
        return np.asarray(np.memmap(path, _LITTLE, mode="r", shape=(frames, self.channels)))

    def read(self, offset: int, out: Samples) -> None:
        """Fill ``out`` (channel, time) with the timeline's frames from ``offset`` on."""
        done, wanted = 0, out.shape[1]
        while done < wanted:
            shard, local = divmod(offset + done, self.shard_frames)
            part = self._maps[shard][local : local + wanted - done]
            out[:, done : done + len(part)] = part.T
            done += len(part)


class _AlreadyThereError(Exception):
    """Another process was faster."""


def cache_folder() -> Path:
    """Where prepared sound is kept: below TIMBRESPACE_CACHE if that is set, else in the user's cache folder."""
    root = os.environ.get("TIMBRESPACE_CACHE") or platformdirs.user_cache_dir("timbrespace")
    return Path(root).expanduser() / "shards"


def prepared_once(key: str, *, channels: int, fill: Callable[[ShardWriter], dict[str, Any]]) -> Shards:
    """The shards stored under ``key``; made by ``fill``, which returns the facts, if they are not whole.

    Processes that prepare the same at once each work aside; the first to finish wins, and the copy of
    another is never replaced while it is whole.
    """
    target = cache_folder() / key
    found = _whole(target)
    if found is not None:
        return found
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage_error(error, target.parent) from error
    _sweep(target.parent)
    try:
        with atomic_folder(target, force=True) as folder:
            with contextlib.closing(ShardWriter(folder, channels=channels)) as writer:
                writer.finish(**fill(writer))
            if _whole(target) is not None:
                raise _AlreadyThereError
    except (_AlreadyThereError, StorageError):
        found = _whole(target)
        if found is None:
            raise
        return found
    return Shards(target)


def _whole(folder: Path) -> Shards | None:
    try:
        return Shards(folder)
    except DataError:
        return None


def _sweep(folder: Path) -> None:
    """Remove what crashes left, but nothing so young that another process may be writing it."""
    for stray in folder.iterdir():
        if PARTIAL in stray.name and time.time() - stray.stat().st_mtime > _STRAY_SECONDS:
            shutil.rmtree(stray, ignore_errors=True)


def _shard_path(folder: Path, number: int) -> Path:
    return folder / f"{number:05d}.f32"
