"""The embedded library: loops, notes and hits as FLAC files with their labels beside them."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from timbrespace.audio.writing import write
from timbrespace.core.files import atomic_file, refuse_existing, storage_error
from timbrespace.datasets.synthetic.hits import hits as make_hits
from timbrespace.datasets.synthetic.loops import loops as make_loops
from timbrespace.datasets.synthetic.notes import notes as make_notes
from timbrespace.datasets.synthetic.sound import LabelledSound

LABELS = "labels.csv"


def write_library(
    folder: str | os.PathLike[str],
    *,
    loops: int = 36,
    notes: int = 40,
    hits: int = 40,
    seed: int = 0,
    sample_rate: int = 44_100,
    force: bool = False,
) -> list[Path]:
    """Write generated sounds under ``folder`` and return the paths of the sound files, in order.

    Files go to loops/, notes/<family>/<instrument>/ and hits/; ``labels.csv`` has one row per file, written
    last, so that it stands for a whole library. Without ``force`` a folder that has one is refused.
    """
    root = Path(folder)
    refuse_existing(root / LABELS, force=force)
    rows: list[dict[str, str]] = []
    for place, sound in _all(loops, notes, hits, seed, sample_rate):
        path = root / place / f"{sound.name}.flac"
        _make_folder(path.parent)
        write(path, sound.wave, sound.sample_rate)
        rows.append({"file": path.relative_to(root).as_posix(), **sound.labels})
    _make_folder(root)
    _write_labels(root / LABELS, rows)
    return [root / row["file"] for row in rows]


def _all(loops: int, notes: int, hits: int, seed: int, sample_rate: int) -> Iterator[tuple[Path, LabelledSound]]:
    """Every sound with the folder it belongs to."""
    for sound in make_loops(loops, seed=seed, sample_rate=sample_rate):
        yield Path("loops"), sound
    for sound in make_notes(notes, seed=seed, sample_rate=sample_rate):
        yield Path("notes", sound.labels["family"], sound.labels["instrument"]), sound
    for sound in make_hits(hits, seed=seed, sample_rate=sample_rate):
        yield Path("hits"), sound


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage_error(error, folder) from error


def _write_labels(path: Path, rows: Iterable[dict[str, str]]) -> None:
    table = list(rows)
    columns = list(dict.fromkeys(name for row in table for name in row)) or ["file"]
    with atomic_file(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)
