"""What a data set is: described by a part, prepared once, then read as batches by split."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from timbrespace.core.batch import Batch
from timbrespace.core.component import Component

SplitName = Literal["train", "validation", "test"]
SPLITS: tuple[SplitName, ...] = ("train", "validation", "test")
Progress = Callable[[int, int, str], None]
"""Called with (done, total, what): how far a preparation is."""


@dataclass(frozen=True)
class Skipped:
    """An input that could not be used, and why, in words."""

    name: str
    reason: str


@dataclass(frozen=True)
class Source:
    """One file (or one generated sound) of a prepared data set.

    ``name`` is its path relative to the folder, ``series`` what it shares with others of its kind
    (``kick1`` and ``kick2`` are one series and always in the same split), ``frames`` its length in samples
    at the data set's rate, ``labels`` what is known about it, ``repairs`` what was mended on reading.
    """

    name: str
    series: str
    split: SplitName
    frames: int
    labels: dict[str, str] = field(default_factory=dict)
    repairs: tuple[str, ...] = ()


class Split(ABC):
    """The examples of one split: pictures, or chunks of sound."""

    @abstractmethod
    def __len__(self) -> int:
        """The number of examples (chunks of sound, or images)."""

    @abstractmethod
    def batch(self, indices: Sequence[int], *, generator: torch.Generator | None = None) -> Batch:
        """Examples by index. With a ``generator`` the data set may vary them (random crops); without, never."""

    @abstractmethod
    def own_examples(self, batch_size: int) -> int:
        """How many of ``batch_size`` examples are the split's own; :meth:`batch` adds the others to so many indices."""


class SoundSplit(Split):
    """A split whose examples are cut from whole sounds."""

    @property
    @abstractmethod
    def sources(self) -> list[Source]:
        """The files of this split, in a fixed order."""

    @abstractmethod
    def sound(self, index: int) -> Tensor:
        """The whole of source ``index`` as (channel, time)."""


class Prepared(ABC):
    """A data set ready to be read."""

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """A hash of the content and of every setting that changes it."""

    @property
    @abstractmethod
    def skipped(self) -> list[Skipped]:
        """Every input that was left out, with its reason."""

    @abstractmethod
    def split(self, name: SplitName) -> Split:
        """One of the three splits; ``test`` and ``validation`` may be empty only if asked for with share 0."""

    @abstractmethod
    def summary(self) -> dict[str, Any]:
        """Counts for people and for the bundle's provenance: what there is per split, what was skipped."""


class SoundPrepared(Prepared):
    """Prepared sounds."""

    @abstractmethod
    def split(self, name: SplitName) -> SoundSplit: ...


class Dataset(Component):
    """Describes a data set; :meth:`prepare` does the work, once."""

    @abstractmethod
    def prepare(self, *, progress: Progress | None = None) -> Prepared:
        """Read, convert and store the data (or find it prepared already).

        Raises :class:`~timbrespace.core.errors.DataError` if there is nothing to learn from.
        """
