"""What a layout is: how a published collection of sounds names its files and writes down what they are."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from timbrespace.core.component import Component

Words = Mapping[str, str]
"""What is known about one sound: label and value, both words."""


@dataclass(frozen=True)
class Labels:
    """What a layout says about the sounds of a folder.

    ``of`` holds the labels of each file by its name (its path inside the folder); ``folds`` the part of the
    collection's own division it belongs to, ``train``, ``validation`` or ``test``, or the name of one of several folds
    for cross-validation; ``counts`` what did not fit together (rows without files, unreadable files, ...), zeros left
    out; ``missing`` names the pieces of the collection that are not there.
    """

    layout: str
    of: Mapping[str, Words] = field(default_factory=dict)
    folds: Words = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    missing: tuple[str, ...] = ()

    def summary(self, names: Sequence[str]) -> dict[str, Any]:
        """For people and the bundle's provenance: how many of the sounds called ``names`` carry which label."""
        known = [self.of[name] for name in names if name in self.of]
        return {
            "kind": self.layout,
            "labels": dict(sorted(Counter(label for words in known for label in words).items())),
            "folds": sorted({self.folds[name] for name in names if name in self.folds}),
            "counts": dict(sorted(self.counts.items())),
            "missing": list(self.missing),
        }


class Layout(Component):
    """The layout of a collection on disk; reads whatever of it is there, and never fails on what is not."""

    @abstractmethod
    def recognise(self, root: Path, names: Sequence[str]) -> bool:
        """Whether the folder ``root``, whose sounds are called ``names``, looks like this collection."""

    @abstractmethod
    def read(self, root: Path, names: Sequence[str]) -> Labels:
        """Labels of the sounds called ``names`` (paths inside ``root``, with forward slashes).

        Damaged or missing descriptions are counted and passed over; a sound without any keeps its place.
        """


def without_zeros(counts: Mapping[str, int]) -> dict[str, int]:
    """The counts above zero."""
    return {what: count for what, count in counts.items() if count}
