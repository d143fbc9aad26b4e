"""The way in for a folder's files: which there are, which are sound, and why others are left out."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np

from timbrespace.audio.reading import NonFinite, SoundBlocks, blocks
from timbrespace.audio.resampling import Samples
from timbrespace.core.errors import AudioError, DataError
from timbrespace.datasets.base import Progress
from timbrespace.datasets.shards import ShardWriter

_READABLE: Final = frozenset(
    """
    .wav .wave .flac .ogg .oga .opus .mp3 .aif .aiff .aifc .caf .w64 .rf64 .au .snd .sf .voc .nist .sph .paf
    .svx .8svx .iff .avr .xi
    """.split()  # noqa: SIM905  # reads better than fifty quotes
)
# Sound that libsndfile cannot decode: worth telling apart from text and pictures.
_UNREADABLE: Final = frozenset({".m4a", ".aac", ".wma", ".mp4", ".ape", ".wv", ".mka", ".webm", ".mid", ".midi"})
NOT_SOUND: Final = "not a sound file"
_SILENCE: Final = 10 ** (-90 / 20)
_OVERLOAD: Final = 10 ** (80 / 20)


@dataclass(frozen=True)
class FoundFile:
    """A file inside the folder; ``name`` is its path relative to it, with forward slashes."""

    name: str
    path: Path

    @property
    def suffix(self) -> str:
        """Its ending in lower case, ``"no suffix"`` if it has none."""
        return PurePosixPath(self.name).suffix.lower() or "no suffix"

    @property
    def readable(self) -> bool:
        """Whether its ending is one of a sound that can be read."""
        return self.suffix in _READABLE


def list_files(root: Path) -> list[FoundFile]:
    """Every file below ``root``, sorted by name; links are followed once, hidden files and folders are not."""
    if not root.exists():
        raise DataError(f"The folder {root} does not exist; check its name.")
    if not root.is_dir():
        raise DataError(f"{root} is a file; give the folder that holds the sounds.")
    if not os.access(root, os.R_OK | os.X_OK):
        raise DataError(f"The folder {root} may not be read; change its permissions.")
    files = sorted(walk(root), key=lambda f: f.name)
    if not files:
        raise DataError(f"The folder {root} is empty; put WAV, FLAC, AIFF, Ogg or MP3 files into it.")
    return files


def walk(root: Path) -> Iterator[FoundFile]:
    """Every file below ``root``, as it is met."""
    seen: set[Path] = set()
    for folder, folders, names in os.walk(root, followlinks=True):
        here = Path(folder)
        real = here.resolve()
        if real in seen:  # a link back up, or a second way to the same folder
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for name in names:
            path = here / name
            if not name.startswith(".") and path.is_file():
                # Names that are not UTF-8 must still fit into JSON.
                relative = os.fsencode(path.relative_to(root).as_posix()).decode("utf-8", "replace")
                yield FoundFile(relative, path)


@dataclass(frozen=True)
class Intake:
    """How files are read: target rate in Hz and channels, what becomes of NaN, and the longest sound allowed."""

    sample_rate: int
    channels: int
    non_finite: NonFinite
    max_minutes: float

    def key(self, root: Path, files: list[FoundFile]) -> str:
        """Under what the result is stored: changes with any file's name, size or time, and with the settings."""
        seen: list[tuple[str | int, ...]] = []
        for file in files:
            facts = file.path.stat()
            times = (facts.st_size, facts.st_mtime_ns) if file.readable else ()
            seen.append((file.name, *times))
        text = json.dumps([str(root.resolve()), seen, asdict(self)])
        return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]

    def store(self, writer: ShardWriter, files: list[FoundFile], *, progress: Progress | None) -> dict[str, Any]:
        """Put every usable file into ``writer``; the others, and why, are in the facts that come back."""
        skipped: list[tuple[str, str]] = []
        foreign: Counter[str] = Counter()
        originals: dict[str, str] = {}
        for done, file in enumerate(files):
            if progress is not None:
                progress(done, len(files), file.name)
            if file.readable:
                reason = self._take(writer, file, originals)
            elif file.suffix in _UNREADABLE:
                reason = f"its format ({file.suffix}) cannot be read; convert it to WAV or FLAC"
            else:
                reason = NOT_SOUND
                foreign[file.suffix] += 1
            if reason:
                skipped.append((file.name, reason))
        if progress is not None:
            progress(len(files), len(files), "done")
        return {"sample_rate": self.sample_rate, "skipped": skipped, "foreign": dict(sorted(foreign.items()))}

    def _take(self, writer: ShardWriter, file: FoundFile, originals: dict[str, str]) -> str:
        """Store one file; the reason if it was left out, else nothing."""
        try:
            sound = blocks(
                file.path,
                sample_rate=self.sample_rate,
                channels=self.channels,
                max_minutes=self.max_minutes,
                non_finite=self.non_finite,
            )
            watched = _Watched(sound)
            frames = writer.add(file.name, watched)
        except AudioError as error:
            return str(error)
        reason = _fault(frames, watched.peak)
        if not reason and writer.digest in originals:
            reason = f"the same sound as {originals[writer.digest]}"
        if reason:
            writer.drop()
            return reason
        originals[writer.digest] = file.name
        writer.keep(repairs=sound.repairs)
        return ""


class _Watched:
    """Blocks (time, channel) on their way, with the highest magnitude seen."""

    def __init__(self, sound: SoundBlocks) -> None:
        self._sound = sound
        self.peak = 0.0

    def __iter__(self) -> Iterator[Samples]:
        for block in self._sound:
            samples = block.numpy().T
            self.peak = max(self.peak, float(np.max(samples)), -float(np.min(samples)))
            yield samples


def _fault(frames: int, peak: float) -> str:
    if frames == 0:
        return "it holds no samples"
    if peak < _SILENCE:
        return "it is silent (peak below -90 dBFS)"
    if peak > _OVERLOAD:
        return f"its peak of {peak:.3g} is no sound (full scale is 1); scale it down"
    return ""
