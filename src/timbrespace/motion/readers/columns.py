"""Any table of numbers: a column per channel, a row per moment."""

from __future__ import annotations

import numpy as np

from timbrespace.core.errors import DataError
from timbrespace.motion.readers.tracks import track_of
from timbrespace.motion.table import Table
from timbrespace.motion.timing import find_time, regular, seconds_of
from timbrespace.motion.track import Track


def fits(table: Table) -> bool:
    """Always: this is the reader of what no other one knows."""
    return True


def read(table: Table, *, label: str, rate_hz: float | None = None) -> Track:
    """The columns of numbers; those of text, and the one of times, are left out and named."""
    timed = find_time(table)
    seconds, notes = None, list(table.notes)
    if timed is not None:
        seconds, note = seconds_of(table, timed)
        notes.append(note)
    channels, names = [], []
    for name in table.names:
        if name == timed:
            continue
        values, text = table.numbers(name)
        if text > len(values) / 2:
            notes.append(f"column {name} holds text and was left out")
            continue
        if text:
            notes.append(f"column {name} has {text} cells of text, taken for gaps")
        channels.append(values)
        names.append(name)
    if not channels:
        raise DataError(f"{label} has no column of numbers but times; give a file with positions in it.")
    even = regular(np.stack(channels, axis=1), seconds, rate_hz=rate_hz)
    return track_of(even, names, label=label, notes=notes)
