"""Which sounds train, which validate, which test: by series, so that no sound is tested on its own twin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from timbrespace.core.errors import DataError, ParameterError
from timbrespace.core.seeds import derived_seed
from timbrespace.datasets.base import SPLITS, SplitName
from timbrespace.datasets.series import series_of
from timbrespace.datasets.shards import StoredSound

SplitBy = Literal["series", "file", "time", "folds"]


@dataclass(frozen=True)
class Piece:
    """A sound, or a stretch of one, in its split: ``frames`` of the timeline from ``offset`` on.

    ``whole`` is the name of the sound it is a stretch of, nothing if it is whole.
    """

    name: str
    series: str
    split: SplitName
    offset: int
    frames: int
    repairs: tuple[str, ...] = ()
    whole: str = ""

    @property
    def sound(self) -> str:
        """The name of the sound it is, or is a stretch of."""
        return self.whole or self.name


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


def split_by_folds(sounds: list[StoredSound], folds: Mapping[str, str], test: int, *, what: str) -> list[Piece]:
    """Every sound in the split that its collection gives it; ``folds`` names a part by the sound's name.

    Parts called ``train``, ``validation`` and ``test`` are what they say. Of numbered folds ``test`` is the test split,
    the next higher one validation (after the last comes the first), the others train. A sound without a part trains.

    Raises :class:`DataError` where the folder, called ``what`` in the sentence, tells no parts or none that
    leave something to train on, and :class:`ParameterError` if there is no fold of that number.
    """
    parts = {s.name: folds[s.name] for s in sounds if s.name in folds}
    if not parts:
        raise DataError(f"{what} tells no folds to split by; add its table of sounds, or split by series.")
    splits = _named(set(parts.values()), test)
    found = [splits[parts[s.name]] if s.name in parts else "train" for s in sounds]
    if "train" not in found:
        raise DataError(
            f"{what} holds nothing to train on besides its {' and '.join(sorted(set(found)))} part;"
            " add the others, or split by series."
        )
    return [
        Piece(s.name, series_of(s.name), split, s.offset, s.frames, s.repairs)
        for s, split in zip(sounds, found, strict=True)
    ]


def _named(parts: set[str], test: int) -> dict[str, SplitName]:
    """The split of each part."""
    if parts <= set(SPLITS):
        return {name: name for name in SPLITS}
    numbers = sorted(parts, key=lambda part: (len(part), part))
    if str(test) not in parts:
        raise ParameterError(f"There is no fold {test} to test on; choose from {', '.join(numbers)}.")
    validation = numbers[(numbers.index(str(test)) + 1) % len(numbers)]
    splits: dict[str, SplitName] = dict.fromkeys(numbers, "train")
    return splits | {validation: "validation", str(test): "test"}


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
            pieces.append(replace(whole, name=name, whole="" if name == sound.name else sound.name))
            begin = end
    return pieces
