"""Many gestures at once: all of a file or folder, and a reproducible choice among them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np

from timbrespace.core.errors import DataError, ParameterError
from timbrespace.core.seeds import numpy_generator
from timbrespace.motion.reading import read_motion
from timbrespace.motion.track import Track, gestures

SUFFIXES = (".csv", ".tsv", ".txt", ".json", ".npz", ".npy")
LEAST_SECONDS = 1.0
LEAST_EXTENT = 0.2


def gestures_in(
    place: str | Path,
    *,
    columns: Sequence[str] = (),
    least_seconds: float = LEAST_SECONDS,
    most_seconds: float = 60.0,
    least_extent: float = LEAST_EXTENT,
) -> list[Track]:
    """All gestures of a file, or of the files of motion below a folder, in the order of names and time.

    Shorter ones than ``least_seconds`` and longer ones than ``most_seconds`` are left out, and so are those that move
    by less than ``least_extent`` times the median of their file: hands that are held still. Files of a folder that hold
    no motion are passed over; raises :class:`DataError` if none does, or if a file that was named does not.
    """
    root = Path(place)
    if not root.is_dir():
        found = [gestures(read_motion(root, columns=columns))]
    else:
        found = [_of(file, columns) for file in sorted(root.rglob("*"))]
    moving = [g for of_file in found for g in _moving(of_file, least_extent)]
    kept = [g for g in moving if least_seconds <= g.seconds <= most_seconds]
    if not kept:
        raise DataError(
            f"{root} holds {len(moving)} gestures, and none of {least_seconds:g} to {most_seconds:g} s;"
            " give other files."
        )
    return kept


def draw(library: Sequence[Track], n: int, *, seed: int = 0) -> list[Track]:
    """``n`` gestures of a library, the same for the same seed, in the library's order, each once."""
    if not 0 < n <= len(library):
        raise ParameterError(f"{len(library)} gestures are there, and {n} were asked for; ask for fewer.")
    chosen = numpy_generator(seed, "gestures").choice(len(library), size=n, replace=False)
    return [library[i] for i in np.sort(chosen).tolist()]


def _moving(of_file: list[Track], least_extent: float) -> list[Track]:
    usual = median(g.extent for g in of_file) if of_file else 0.0
    return [g for g in of_file if g.extent >= least_extent * usual]


def _of(file: Path, columns: Sequence[str]) -> list[Track]:
    if file.suffix.lower() not in SUFFIXES or not file.is_file():
        return []
    try:
        return gestures(read_motion(file, columns=columns))
    except (DataError, ParameterError):
        return []
