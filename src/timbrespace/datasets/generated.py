"""The embedded sounds as a data set, and as company for the user's own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Annotated, Any, Final

import torch
from torch import Tensor

from timbrespace.audio.reading import map_channels
from timbrespace.audio.resampling import resample
from timbrespace.core.batch import Batch
from timbrespace.core.knob import Knob
from timbrespace.datasets.base import Dataset, Progress, Skipped, SoundPrepared, SoundSplit, Source, SplitName
from timbrespace.datasets.chunks import Cutting, PreparedFolder
from timbrespace.datasets.shards import Samples, ShardWriter, prepared_once
from timbrespace.datasets.splitting import Shares, split_sounds
from timbrespace.datasets.synthetic import LabelledSound, hits, loops, notes

_VERSION: Final = 1
"""Raised whenever the generators change, so that stored sounds are made anew."""
_RATE: Final = 44_100


class Generated(Dataset):
    """Loops, notes and hits from :mod:`timbrespace.datasets.synthetic`, made once and kept in the cache folder.

    The numbers of sounds are given per kind; sound ``i`` depends on (``seed``, kind, ``i``) alone.
    """

    def __init__(
        self,
        *,
        sample_rate: int = _RATE,
        channels: Annotated[int, Knob(1, 8, "channels")] = 1,
        chunk_length: int = 65_536,
        crop_length: int | None = None,
        loops: Annotated[int, Knob(0, 100_000, "sounds")] = 36,
        notes: Annotated[int, Knob(0, 100_000, "sounds")] = 40,
        hits: Annotated[int, Knob(0, 100_000, "sounds")] = 40,
        validation: float = 0.1,
        test: float = 0.1,
        seed: int = 0,
    ) -> None:
        self.sample_rate, self.channels = sample_rate, channels
        self.chunk_length, self.crop_length = chunk_length, crop_length
        self.loops, self.notes, self.hits = loops, notes, hits
        self.validation, self.test, self.seed = validation, test, seed

    def provides(self) -> dict[str, Any]:
        return {"sample_rate": self.sample_rate, "channels": self.channels}

    def prepare(self, *, progress: Progress | None = None) -> PreparedFolder:
        """Make the sounds, or find them made; then split by series and cut into chunks."""
        what = [_VERSION, self.sample_rate, self.channels, self.loops, self.notes, self.hits, self.seed]
        key = "generated-" + hashlib.sha256(json.dumps(what).encode()).hexdigest()[:32]
        shards = prepared_once(key, channels=self.channels, fill=lambda writer: self._make(writer, progress))
        pieces, split_by = split_sounds(shards.sounds, Shares(self.validation, self.test), self.seed)
        cutting = Cutting(self.chunk_length, self.crop_length, "join")
        return PreparedFolder(shards, pieces, split_by, cutting, "generated sounds")

    def _make(self, writer: ShardWriter, progress: Progress | None) -> dict[str, Any]:
        total = self.loops + self.notes + self.hits
        for done, (folder, sound) in enumerate(self._sounds()):
            if progress is not None:
                progress(done, total, f"making {sound.name}")
            writer.add(f"{folder}/{sound.name}", [self._samples(sound)])
            writer.keep()
        if progress is not None:
            progress(total, total, "done")
        return {"sample_rate": self.sample_rate, "skipped": [], "foreign": {}}

    def _sounds(self) -> Iterator[tuple[str, LabelledSound]]:
        for sound in loops(self.loops, seed=self.seed, sample_rate=_RATE):
            yield "loops", sound
        for sound in notes(self.notes, seed=self.seed, sample_rate=_RATE):
            yield f"notes/{sound.labels['family']}", sound
        for sound in hits(self.hits, seed=self.seed, sample_rate=_RATE):
            yield "hits", sound

    def _samples(self, sound: LabelledSound) -> Samples:
        wave = resample(sound.wave, _RATE, self.sample_rate)
        return map_channels(wave.T.numpy(), self.channels)


class Accompanied(SoundPrepared):
    """A prepared data set whose training batches are shared with generated sounds.

    Half an hour of sound holds few pitches and timbres, and a decoder that saw only these draws unseen ones
    badly. Generated tones fill the gaps. Evaluations, ``sources`` and every other split are the user's alone.
    """

    def __init__(self, own: SoundPrepared, company: SoundPrepared, share: float) -> None:
        self.own, self.company, self.share = own, company, share

    @property
    def fingerprint(self) -> str:
        text = f"{self.own.fingerprint} {self.company.fingerprint} {self.share}"
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def skipped(self) -> list[Skipped]:
        return self.own.skipped

    def split(self, name: SplitName) -> SoundSplit:
        own = self.own.split(name)
        return AccompaniedSplit(own, self.company.split("train"), self.share) if name == "train" else own

    def summary(self) -> dict[str, Any]:
        return self.own.summary() | {"company": self.share, "fingerprint": self.fingerprint}


class AccompaniedSplit(SoundSplit):
    """A split whose varied batches hold a ``share`` of crops of other sounds."""

    def __init__(self, own: SoundSplit, company: SoundSplit, share: float) -> None:
        self.own, self.company, self.share = own, company, share

    def __len__(self) -> int:
        return len(self.own)

    def own_examples(self, batch_size: int) -> int:
        return max(1, batch_size - round(self.share * batch_size))

    def batch(self, indices: Sequence[int], *, generator: torch.Generator | None = None) -> Batch:
        """The split's own examples; with a ``generator``, followed by their company."""
        batch = self.own.batch(indices, generator=generator)
        if generator is None:
            return batch
        guests = round(len(indices) * self.share / (1 - self.share))
        chosen = torch.randint(len(self.company), (guests,), generator=generator).tolist()
        return Batch.of(torch.cat([batch.x, self.company.batch(chosen, generator=generator).x]))

    @property
    def sources(self) -> list[Source]:
        return self.own.sources

    def sound(self, index: int) -> Tensor:
        return self.own.sound(index)


def company_of(cutting: Cutting, *, sample_rate: int, channels: int, progress: Progress | None) -> SoundPrepared:
    """Eight hundred generated sounds, 45 minutes, cut like the sounds they accompany; made once, in half a minute."""
    sizes = {k: v for k, v in asdict(cutting).items() if k != "short"}
    library = Generated(
        sample_rate=sample_rate,
        channels=channels,
        loops=162,
        notes=500,
        hits=150,
        validation=0.0,
        test=0.0,
        seed=1,
        **sizes,
    )
    return library.prepare(progress=progress)
