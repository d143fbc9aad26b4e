"""A motion from a file; which layout it has is seen from what is in it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from timbrespace.core.errors import DataError, ParameterError
from timbrespace.motion.readers import columns as any_columns
from timbrespace.motion.readers import landmarks, point_history, uci_gesture_phase
from timbrespace.motion.readers.arrays import read_arrays
from timbrespace.motion.readers.landmarks_json import read_json
from timbrespace.motion.table import Table, read_table, read_text
from timbrespace.motion.track import Track

LAYOUTS = (uci_gesture_phase, point_history, landmarks, any_columns)
"""The layouts of tables, the special ones first."""
ARRAYS = (b"PK\x03\x04", b"PK\x05\x06", b"\x93NUMPY")
"""How the files of NumPy begin."""
MAX_RATE_HZ = 10_000.0


def read_motion(path: str | Path, *, columns: Sequence[str] = (), rate_hz: float | None = None) -> Track:
    """The motion in a file, with its gestures marked where the file knows them.

    Read are UCI Gesture Phase (raw), MediaPipe landmarks and point history, tables of numbers (CSV, TSV) and NumPy
    arrays. ``columns`` chooses channels by name or number, all if empty. ``rate_hz`` is for files without times.
    Raises :class:`DataError`, or :class:`ParameterError` for an unknown column.
    """
    file = Path(path)
    if rate_hz is not None and not (math.isfinite(rate_hz) and 0 < rate_hz <= MAX_RATE_HZ):
        raise ParameterError(f"Motion has between 0 and {MAX_RATE_HZ:,.0f} rows a second, not {rate_hz:g}.")
    if file.is_dir():
        raise DataError(f"{file} is a folder; give one file with a motion in it.")
    if _begins_with(file, ARRAYS):
        track = read_arrays(file, rate_hz=rate_hz)
        return track.choose(columns) if columns else track
    text = read_text(file)
    if text.lstrip()[:1] in ("{", "["):
        track = read_json(text, label=file.stem, rate_hz=rate_hz)
        return track.choose(columns) if columns else track
    table = read_table(text, where=str(file))
    layout = next(layout for layout in LAYOUTS if layout.fits(table))
    track = layout.read(table, label=file.stem, rate_hz=rate_hz)
    return track.choose([_named(c, table, track) for c in columns]) if columns else track


def _named(column: str, table: Table, track: Track) -> str:
    """A number means a column of the file, where its channels carry the file's names."""
    given = column.isdecimal() and column not in track.names and 1 <= int(column) <= len(table.names)
    meant = table.names[int(column) - 1] if given else column
    return meant if meant in track.names else column


def _begins_with(file: Path, marks: tuple[bytes, ...]) -> bool:
    try:
        with file.open("rb") as opened:
            return opened.read(8).startswith(marks)
    except OSError:
        return False  # read_text says why
