"""The layout of Studio On Line: notes in folders of families, instruments and techniques."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from timbrespace.datasets.layouts.base import Labels, Layout, Words, without_zeros
from timbrespace.datasets.layouts.descriptions import only_words, read_rows, tail_of, tails, words_of
from timbrespace.datasets.layouts.pitches import midi_of

_NOTE: Final = re.compile(
    r"(?P<abbreviation>[^-]+)-(?P<technique>.+?)-(?P<pitch>[A-G][#b]?\d)-(?P<dynamics>[A-Za-z]+)(?:-(?P<rest>.+))?"
)
_TUNED: Final = re.compile(r"[TR]\d+[ud]")
"""How digital retuning is written: ``T14d`` is 14 cent down, ``R100u`` a resampling by 100 cent up."""
_UNKNOWN: Final = frozenset(("X", "N"))
_DEPTH: Final = 4
_COLUMNS: Final = {
    "family": ("Family", "family"),
    "instrument": ("Instrument (in full)", "instrument"),
    "technique": ("Technique (in full)", "technique"),
    "pitch": ("Pitch", "note"),
    "midi": ("Pitch ID", "midi_pitch"),
    "dynamics": ("Dynamics", "dynamic"),
    "retuned": ("Needed digital retuning",),
    "fold": ("Fold",),
    "licence": ("licence",),
}
"""Label, and what the column is called in TinySOL's table or in a manifest of notes."""
_TRUTHS: Final = {"TRUE": "yes", "FALSE": "no"}


class Sol(Layout):
    """SOL, OrchideaSOL and TinySOL (Cella et al. 2020, "OrchideaSOL: a dataset of extended instrumental techniques").

    ``Family/Instrument/technique/Abbreviation-technique-Pitch-dynamics-string-retuning.wav``, as in
    ``Winds/Flute/ordinario/Fl-ord-C#4-mf-N-T14d.wav``, and a table in CSV beside the families, above them or in
    ``annotation/``. Labels: family, instrument, technique, pitch, midi, dynamics, retuned (yes or no: whether the
    recording was brought into tune digitally), fold, licence. Where table and name differ the table counts; a sound
    without a row is described by its name and folders alone. Folds are TinySOL's five, 0 to 4.
    """

    def recognise(self, root: Path, names: Sequence[str]) -> bool:
        described = sum(_NOTE.fullmatch(PurePosixPath(name).stem) is not None for name in names)
        return 2 * described > len(names)

    def read(self, root: Path, names: Sequence[str]) -> Labels:
        counts: Counter[str] = Counter()
        tables = list(_tables(root, counts))
        rows = {tail_of(row[column], _DEPTH): row for column, table in tables for row in table if row.get(column)}
        files = tails(names, _DEPTH)
        told = {name: _from_row(rows[tail]) for tail, group in files.items() if tail in rows for name in group}
        counts["rows without files"] = len(rows.keys() - files.keys())
        counts["files without rows"] = len(names) - len(told) if rows else 0
        of = {}
        for name in names:
            named, row = _from_name(name), told.get(name, {})
            counts["rows that differ from the file's name"] += any(named.get(k, v) != v for k, v in row.items())
            of[name] = {**named, **row}
        folds = {name: words["fold"] for name, words in of.items() if "fold" in words}
        return Labels(type(self).__name__, of, folds, without_zeros(counts), () if tables else ("table of notes",))


def _tables(root: Path, counts: Counter[str]) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Every table about files: the column with their paths, and the rows."""
    for path in sorted([*root.glob("*.csv"), *root.glob("*/*.csv")]):
        rows = read_rows(path, counts)
        header = rows[0].keys() if rows else ()
        column = next((name for name in ("Path", "path") if name in header), None)
        if column and any(name in header for names in _COLUMNS.values() for name in names):
            yield column, rows


def _from_row(row: dict[str, str]) -> Words:
    values = {label: next((row[n] for n in names if row.get(n)), "") for label, names in _COLUMNS.items()}
    values["retuned"] = _TRUTHS.get(values["retuned"].upper(), "")
    for label in ("instrument", "technique"):
        values[label] = values[label].replace("_", " ")
    if not values["midi"].isdecimal():
        values["midi"] = _midi(values["pitch"])
    return only_words(**{label: words_of(value) for label, value in values.items()})


def _from_name(name: str) -> Words:
    *folders, file = PurePosixPath(name).parts
    family, instrument, technique = (["", "", "", *folders])[-3:]
    found = _NOTE.fullmatch(PurePosixPath(file).stem)
    parts = found.groupdict(default="") if found else {}
    pitch, dynamics, last = parts.get("pitch", ""), parts.get("dynamics", ""), parts.get("rest", "").split("-")[-1]
    tuned = [piece for piece in last.split("_") if _TUNED.fullmatch(piece)]
    return only_words(
        family=words_of(family),
        instrument=words_of(instrument.replace("_", " ")),
        technique=words_of(technique.replace("_", " ")) or words_of(parts.get("technique", "")),
        pitch=pitch,
        midi=_midi(pitch),
        dynamics="" if dynamics in _UNKNOWN else dynamics,
        retuned="yes" if tuned else "no" if last == "N" else "",
    )


def _midi(pitch: str) -> str:
    midi = midi_of(pitch)
    return "" if midi is None else str(midi)
