"""The layout of NSynth: notes of the same length with one JSON file per part."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final

from timbrespace.datasets.layouts.base import Labels, Layout, Words, without_zeros
from timbrespace.datasets.layouts.descriptions import list_of, only_words, read_table, words_of
from timbrespace.datasets.layouts.pitches import note_of

_INDEX: Final = "examples.json"
_PARTS: Final = {"nsynth-train": "train", "nsynth-valid": "validation", "nsynth-test": "test"}
_NOTE: Final = re.compile(
    r"(?P<instrument>(?P<family>[a-z_]+?)_(?P<source>acoustic|electronic|synthetic)_\d+)-(?P<midi>\d{3})-(?P<velocity>\d{3})"
)


class NSynth(Layout):
    """NSynth (Engel et al. 2017, "Neural Audio Synthesis of Musical Notes with WaveNet Autoencoders").

    ``nsynth-train``, ``nsynth-valid`` and ``nsynth-test``, or one of them, each with ``examples.json`` and ``audio/``.
    Labels: instrument, family, source, midi, pitch, velocity, qualities (separated by commas). A sound without an entry
    is described by its name alone (``bass_synthetic_033-060-025``). Folds are the collection's own three parts.
    """

    def recognise(self, root: Path, names: Sequence[str]) -> bool:
        described = sum(_NOTE.fullmatch(PurePosixPath(name).stem) is not None for name in names)
        return 2 * described > len(names)

    def read(self, root: Path, names: Sequence[str]) -> Labels:
        counts: Counter[str] = Counter()
        entries: dict[str, Any] = {}
        indices = list(_indices(root))
        for index in indices:
            entries |= read_table(index, counts)
        stems = {name: PurePosixPath(name).stem for name in names}
        counts["rows without files"] = len(entries.keys() - set(stems.values()))
        counts["files without rows"] = sum(stem not in entries for stem in stems.values())
        return Labels(
            type(self).__name__,
            {name: _labels(entries.get(stem), stem) for name, stem in stems.items()},
            {name: part for name in names if (part := _part(root, name))},
            without_zeros(counts),
            () if indices else (_INDEX,),
        )


def _indices(root: Path) -> Iterator[Path]:
    """Where descriptions may lie: beside ``audio/``, in the folder itself or in those of the parts."""
    for place in (root, *(root / part for part in _PARTS)):
        if (place / _INDEX).exists():
            yield place / _INDEX


def _part(root: Path, name: str) -> str:
    """The part of the collection a sound is in, nothing if no folder tells."""
    folders = [*PurePosixPath(name).parts[:-1], root.resolve().name]
    return next((_PARTS[folder] for folder in folders if folder in _PARTS), "")


def _labels(entry: Any, stem: str) -> Words:
    found = _NOTE.fullmatch(stem)
    named = found.groupdict() if found else {}
    told = entry if isinstance(entry, dict) else {}
    midi = _number(told.get("pitch"), named.get("midi"))
    return only_words(
        instrument=words_of(told.get("instrument_str")) or named.get("instrument", ""),
        family=words_of(told.get("instrument_family_str")) or named.get("family", ""),
        source=words_of(told.get("instrument_source_str")) or named.get("source", ""),
        midi=midi,
        pitch=note_of(int(midi)) if midi else "",
        velocity=_number(told.get("velocity"), named.get("velocity")),
        qualities=", ".join(list_of(told.get("qualities_str"))),
    )


def _number(value: Any, named: str | None) -> str:
    """A MIDI number, in words: from the entry, else from the name."""
    for candidate in (value, int(named) if named else None):
        if isinstance(candidate, int) and not isinstance(candidate, bool) and 0 <= candidate <= 127:
            return str(candidate)
    return ""
