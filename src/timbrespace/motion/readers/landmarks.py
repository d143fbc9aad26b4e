"""Hand landmarks as MediaPipe finds them, one row per frame: 21 points with x, y and perhaps z."""

from __future__ import annotations

import re

import numpy as np

from timbrespace.motion.readers.tracks import track_of
from timbrespace.motion.table import Numbers, Table
from timbrespace.motion.timing import find_time, regular, seconds_of
from timbrespace.motion.track import Track

POINTS = 21
LANDMARKS = (
    "wrist", "thumb_cmc", "thumb_mcp", "thumb_ip", "thumb_tip", "index_mcp", "index_pip", "index_dip", "index_tip",
    "middle_mcp", "middle_pip", "middle_dip", "middle_tip", "ring_mcp", "ring_pip", "ring_dip", "ring_tip",
    "pinky_mcp", "pinky_pip", "pinky_dip", "pinky_tip",
)  # fmt: skip
"""The names of the points, in MediaPipe's order."""


def fits(table: Table) -> bool:
    """Whether 21 columns are x, 21 are y and 21 or none are z, by name or, without a header, by number alone."""
    return _layout(table) is not None


def read(table: Table, *, label: str, rate_hz: float | None = None) -> Track:
    """Channels named as in wrist_x; frames without a hand, all zero or empty, are gaps."""
    chosen = _layout(table)
    assert chosen is not None  # fits() was asked
    axes = "xyz"[: len(chosen) // POINTS]
    values = np.stack([table.numbers(name)[0] for name in chosen], axis=1)
    timed = find_time(table) if len(table.names) > len(chosen) else None
    timed = None if timed in chosen else timed
    seconds, notes = None, list(table.notes)
    if timed is not None:
        seconds, note = seconds_of(table, timed)
        notes.append(note)
    left = [n for n in table.names if n not in chosen and n != timed]
    notes += [f"column {n} is no landmark and was left out" for n in left]
    return landmark_track(values, axes, seconds, label=label, rate_hz=rate_hz, notes=notes)


def landmark_track(
    values: Numbers, axes: str, seconds: Numbers | None, *, label: str, rate_hz: float | None, notes: list[str]
) -> Track:
    """The track of rows (frame, 21 points x axes)."""
    lost = ~np.any(np.nan_to_num(values), axis=1)
    values = np.where(lost[:, None], np.nan, values)
    if lost.any():
        notes = [*notes, f"{int(lost.sum())} frames without a hand are gaps"]
    names = [f"{point}_{axis}" for point in LANDMARKS for axis in axes]
    return track_of(regular(values, seconds, rate_hz=rate_hz), names, label=label, notes=notes)


def _layout(table: Table) -> list[str] | None:
    """The columns in the order of points and axes; None if this is another file."""
    if not table.headed:
        return _by_count(table)
    by_axis: dict[str, list[str]] = {axis: [] for axis in "xyz"}
    for name in table.names:
        parts = re.findall(r"[xyz](?=\d*$)|(?<=_)[xyz](?=_)|^[xyz](?=[_\d])", name.casefold())
        if parts and re.search(r"\d|_", name):
            by_axis[parts[-1]].append(name)
    counts = [len(by_axis[axis]) for axis in "xyz"]
    if counts not in ([POINTS, POINTS, POINTS], [POINTS, POINTS, 0]):
        return None
    axes = [a for a in "xyz" if by_axis[a]]
    return [by_axis[axis][point] for point in range(POINTS) for axis in axes]


def _by_count(table: Table) -> list[str] | None:
    """Without names: 42 or 63 numbers, perhaps after one column of times, frames or labels."""
    width = len(table.names)
    for axes in (2, 3):
        if width in (POINTS * axes, POINTS * axes + 1):
            chosen = list(table.names[width - POINTS * axes :])
            plain = all(table.numbers(name)[1] == 0 for name in chosen)
            return chosen if plain else None
    return None
