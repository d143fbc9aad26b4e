"""Prepared sound as batches: chunks of one length, each sample of each sound in at least one of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from timbrespace.core.batch import Batch
from timbrespace.datasets.base import SPLITS, Skipped, SoundPrepared, SoundSplit, Source, SplitName
from timbrespace.datasets.intake import NOT_SOUND
from timbrespace.datasets.layouts.base import Labels
from timbrespace.datasets.shards import Samples, Shards
from timbrespace.datasets.splitting import Piece, SplitBy

Short = Literal["join", "pad"]


@dataclass(frozen=True)
class Cutting:
    """How sounds become examples: ``chunk_length`` and ``crop_length`` in samples, and what short ones do."""

    chunk_length: int
    crop_length: int | None
    short: Short


class _Run:
    """One long sound, or short ones end to end: what chunks are cut from."""

    def __init__(self, pieces: list[int], frames: list[int]) -> None:
        self.pieces = pieces
        self.starts = [0, *np.cumsum(frames).tolist()]

    @property
    def frames(self) -> int:
        return int(self.starts[-1])


class ChunkedSplit(SoundSplit):
    """The chunks of one split's sounds.

    A sound of at least ``chunk_length`` samples gives chunks end to end, the last one moved back so that it
    ends with the sound. Shorter sounds are joined end to end in name order (``short="join"``) and chunked
    like one long sound, or each filled up with silence (``"pad"``); joined sounds that stay shorter than a
    chunk are filled up too.
    """

    def __init__(
        self, shards: Shards, pieces: list[Piece], cutting: Cutting, folders: Sequence[str], labels: Labels
    ) -> None:
        self._shards = shards
        self._labels = labels
        self._pieces = pieces
        self._cutting = cutting
        self._folders = {folder: number for number, folder in enumerate(folders)}
        self._chunks = [(run, start) for run in self._runs() for start in _starts(run.frames, cutting.chunk_length)]

    def __len__(self) -> int:
        return len(self._chunks)

    def batch(self, indices: Sequence[int], *, generator: torch.Generator | None = None) -> Batch:
        """Chunks by index as ``x`` (batch, channel, ``chunk_length``), with the label ``folder``.

        With a ``generator`` and a ``crop_length``, ``x`` has that length instead and starts anywhere from the
        chunk's first sample to its last, reaching into the sound after the chunk where there is one. Sounds
        joined from several folders carry the label of the one they start in.
        """
        length, shifts = self._cutting.chunk_length, [0.0] * len(indices)
        if generator is not None and self._cutting.crop_length is not None:
            length = self._cutting.crop_length
            shifts = torch.rand(len(indices), generator=generator, dtype=torch.float64).tolist()
        x = torch.zeros(len(indices), self._shards.channels, length)
        rows, folders = x.numpy(), []
        for row, index, shift in zip(rows, indices, shifts, strict=True):
            run, start = self._chunks[index]
            start += int(shift * self._room(run, start, length))
            folders.append(self._fill(row, run, start))
        return Batch(x=x, target=x, labels={"folder": torch.tensor(folders, dtype=torch.int64)})

    def own_examples(self, batch_size: int) -> int:
        return batch_size

    @property
    def sources(self) -> list[Source]:
        return [Source(p.name, p.series, p.split, p.frames, self._known(p), p.repairs) for p in self._pieces]

    def sound(self, index: int) -> Tensor:
        piece = self._pieces[index]
        wave = torch.empty(self._shards.channels, piece.frames)
        self._shards.read(piece.offset, wave.numpy())
        return wave

    def _known(self, piece: Piece) -> dict[str, str]:
        """The labels of a sound or of a stretch of it: its folder, and what the folder's layout tells."""
        return {"folder": folder_of(piece.sound), **self._labels.of.get(piece.sound, {})}

    def _runs(self) -> list[_Run]:
        length = self._cutting.chunk_length
        frames = [p.frames for p in self._pieces]
        runs = [_Run([i], [n]) for i, n in enumerate(frames) if n >= length]
        short = [i for i, n in enumerate(frames) if n < length]
        if self._cutting.short == "pad":
            return runs + [_Run([i], [frames[i]]) for i in short]
        return runs + ([_Run(short, [frames[i] for i in short])] if short else [])

    def _room(self, run: _Run, start: int, length: int) -> int:
        """How many starts a crop may have: inside its chunk, inside the run, and never in silence alone."""
        last = min(max(run.frames, self._cutting.chunk_length) - length, run.frames - 1)
        return max(1, min(start + self._cutting.chunk_length, last + 1) - start)

    def _fill(self, row: Samples, run: _Run, start: int) -> int:
        """Copy ``run`` from ``start`` on into ``row`` (channel, time); the folder of the first sound."""
        piece = first = int(np.searchsorted(run.starts, start, side="right")) - 1
        done, wanted = 0, min(row.shape[1], run.frames - start)
        while done < wanted:
            end = min(wanted, run.starts[piece + 1] - start)
            inside = start + done - run.starts[piece]
            self._shards.read(self._pieces[run.pieces[piece]].offset + inside, row[:, done:end])
            done, piece = end, piece + 1
        return self._folders[folder_of(self._pieces[run.pieces[first]].name)]


class PreparedFolder(SoundPrepared):
    """The shards of a folder, split and cut into chunks.

    ``split_by`` is ``"series"``, or ``"file"`` or ``"time"`` where there are too few, or ``"folds"`` where those were
    asked for; ``folders`` are the names behind the label ``folder`` of batches, ``labels`` what the layout tells.
    """

    def __init__(
        self,
        shards: Shards,
        pieces: list[Piece],
        split_by: SplitBy,
        cutting: Cutting,
        path: str,
        labels: Labels | None = None,
    ) -> None:
        self.split_by = split_by
        self.labels = Labels("none") if labels is None else labels
        self.folders = tuple(sorted({folder_of(p.name) for p in pieces}))
        self._shards = shards
        self._path = path
        self._splits = {
            name: ChunkedSplit(shards, [p for p in pieces if p.split == name], cutting, self.folders, self.labels)
            for name in SPLITS
        }
        self._fingerprint = _fingerprint(shards, pieces, cutting)

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    @property
    def skipped(self) -> list[Skipped]:
        return [Skipped(name, reason) for name, reason in self._shards.facts["skipped"]]

    def split(self, name: SplitName) -> ChunkedSplit:
        return self._splits[name]

    def summary(self) -> dict[str, Any]:
        sources = [s for split in self._splits.values() for s in split.sources]
        return {
            "path": self._path,
            "files": len(self._shards.sounds),
            "seconds": self._seconds(sum(s.frames for s in sources)),
            "sample_rate": self._shards.facts["sample_rate"],
            "channels": self._shards.channels,
            "series": len({s.series for s in sources}),
            "split_by": self.split_by,
            "splits": {name: self._counts(name) for name in SPLITS},
            "skipped": [f"{s.name}: {s.reason}" for s in self.skipped if s.reason != NOT_SOUND],
            "not_sound": self._shards.facts["foreign"],
            "layout": self.labels.summary([s.name for s in self._shards.sounds]),
            "repaired": [f"{s.name}: {', '.join(s.repairs)}" for s in sources if s.repairs],
            "fingerprint": self.fingerprint,
        }

    def _counts(self, name: SplitName) -> dict[str, Any]:
        sources = self._splits[name].sources
        return {
            "files": len(sources),
            "series": len({s.series for s in sources}),
            "seconds": self._seconds(sum(s.frames for s in sources)),
            "chunks": len(self._splits[name]),
        }

    def _seconds(self, frames: int) -> float:
        return float(round(frames / self._shards.facts["sample_rate"], 3))


def folder_of(name: str) -> str:
    """The label of a sound: the folder it lies in, ``"."`` for the data set's own."""
    return PurePosixPath(name).parent.name or "."


def _starts(frames: int, length: int) -> list[int]:
    """First samples of chunks of ``length`` that cover ``frames``: end to end, the last one at the end."""
    if frames <= length:
        return [0]
    starts = list(range(0, frames - length + 1, length))
    return starts if frames % length == 0 else [*starts, frames - length]


def _fingerprint(shards: Shards, pieces: list[Piece], cutting: Cutting) -> str:
    """SHA-256 over every sound's samples, its place in the splits, and the settings that change an example."""
    content = {
        "sample_rate": shards.facts["sample_rate"],
        "channels": shards.channels,
        "sounds": [(s.name, s.frames, s.sha256) for s in shards.sounds],
        "pieces": [(p.name, p.split, p.frames) for p in pieces],
        "cutting": asdict(cutting),
    }
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
