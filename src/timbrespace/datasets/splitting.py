"""Which sounds train, which validate, which test: by series, so that no sound is tested on its own twin."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from timbrespace.core.errors import ParameterError
from timbrespace.core.seeds import derived_seed
from timbrespace.datasets.base import SPLITS, SplitName
from timbrespace.datasets.series import series_of
from timbrespace.datasets.shards import StoredSound

SplitBy = Literal["series", "file", "time"]


@dataclass(frozen=True)
class Piece:
    """A sound, or a stretch of one, in its split: ``frames`` of the timeline from ``offset`` on."""

    name: str
    series: str
    split: SplitName
    offset: int
    frames: int
    repairs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Shares:
    """The wanted shares of validation and test, in [0, 1); training gets the rest."""

    validation: float
    test: float

    def __post_init__(self) -> None:
        if min(self.validation, self.test) < 0 or self.validation + self.test >= 1:
            raise ParameterError(
                f"The shares validation={self.validation:g} and test={self.test:g} must be 0 or more and leave"
                " something to train on: their sum stays below 1."
            )

    def held_out(self) -> dict[SplitName, float]:
        """The shares above zero, test first."""
        shares: dict[SplitName, float] = {"test": self.test, "validation": self.validation}
        return {name: share for name, share in shares.items() if share > 0}


def split_sounds(sounds: list[StoredSound], shares: Shares, seed: int) -> tuple[list[Piece], SplitBy]:
    """Every sound in one split, and by what it was decided.

    *By series*: see :func:`assign`. With fewer series than wanted splits, *by file*; with fewer files, *by
    time*: the end of each sound is cut off for validation and the very end for test.
    """
    wanted = 1 + len(shares.held_out())
    series = {s.name: series_of(s.name) for s in sounds}
    if len(set(series.values())) >= wanted:
        by: SplitBy = "series"
        unit = series
    elif len(sounds) >= wanted:
        by, unit = "file", {s.name: s.name for s in sounds}
    else:
        return [p for s in sounds for p in _cut(s, series[s.name], shares)], "time"
    frames: dict[str, int] = {}
    for s in sounds:
        frames[unit[s.name]] = frames.get(unit[s.name], 0) + s.frames
    splits = assign(frames, shares, seed)
    return [Piece(s.name, series[s.name], splits[unit[s.name]], s.offset, s.frames, s.repairs) for s in sounds], by


def assign(frames: dict[str, int], shares: Shares, seed: int) -> dict[str, SplitName]:
    """A split for each group of sounds, given the groups' lengths.

    Groups are put in the order of a hash of ``(seed, name)``; the first fill the test split up to its share
    of the whole length, the next the validation split, the others train. Groups longer than twice a share
    are passed over for it. A split that would stay empty gets the shortest group left.

    Guaranteed: the result depends on names, lengths and seed only; with at least as many groups as wanted
    splits, each has one. The order of the others never changes when a group is added, so only groups at the
    borders of the held-out splits can change sides.
    """
    total = sum(frames.values())
    waiting = sorted(frames, key=lambda name: (derived_seed(seed, "split", name), name))
    splits: dict[str, SplitName] = dict.fromkeys(waiting, "train")
    held_out = shares.held_out()
    for later, (split, share) in zip(range(len(held_out) - 1, -1, -1), held_out.items(), strict=True):
        target, filled = share * total, 0.0
        training = [n for n in waiting if splits[n] == "train"]
        spare = len(training) - later - 1  # one group stays for training and for each split to come
        for name in [n for n in training if frames[n] <= 2 * target][:spare]:
            if filled + frames[name] / 2 > target:  # nearer to the target without it
                break
            splits[name] = split
            filled += frames[name]
        if not filled:
            splits[min(training, key=lambda n: (frames[n], n))] = split
    return splits


def _cut(sound: StoredSound, series: str, shares: Shares) -> list[Piece]:
    """One sound in up to three stretches: training, validation, test."""
    ends = {
        "train": round(sound.frames * (1 - shares.validation - shares.test)),
        "validation": round(sound.frames * (1 - shares.test)),
        "test": sound.frames,
    }
    pieces, begin = [], 0
    for split in SPLITS:
        end = ends[split]
        if end > begin:
            whole = Piece(sound.name, series, split, sound.offset + begin, end - begin, sound.repairs)
            name = sound.name if whole.frames == sound.frames else f"{sound.name} ({split} part)"
            pieces.append(replace(whole, name=name))
            begin = end
    return pieces
