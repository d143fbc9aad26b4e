"""Point history of a finger tip: a label, then sixteen points (x, y) per row, relative to the first one.

The layout in which Kazuhito Takahashi's hand gesture recognition with MediaPipe logs its examples. A row is a window of
the last sixteen frames, and a row follows the one before by a frame or a few: joined where they overlap exactly, rows
give back the recordings they were cut from.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch

from timbrespace.core.errors import DataError
from timbrespace.motion.readers.tracks import runs
from timbrespace.motion.table import Indices, Numbers, Table
from timbrespace.motion.timing import DEFAULT_RATE_HZ
from timbrespace.motion.track import Stretch, Track

WINDOW = 16
MOST_SKIPPED = 8
"""Frames between two rows of one recording at most; half the window must be left to recognise it by."""
EQUAL = 2e-5
"""Two windows show the same points if none differs by more, in widths of the picture: they are stored rounded."""
LEAP = 0.2
"""A finger tip that moves by more in a frame, in widths of the picture, was lost or found."""
PIECE_SECONDS = 4.0
"""Recordings go on for up to 40 s; gestures are pieces of them of this length."""
LEAST_SECONDS = 1.0


def fits(table: Table) -> bool:
    """Whether rows are a whole number and sixteen points, the first of which is zero."""
    if len(table.names) != 1 + 2 * WINDOW:
        return False
    first = [table.numbers(table.names[i])[0] for i in range(3)]
    labels = first[0]
    return bool(np.isfinite(labels).all() and (labels == np.round(labels)).all() and not np.any(first[1:]))


def read(table: Table, *, label: str, rate_hz: float | None = None) -> Track:
    """All recordings in a row, x and y in widths and heights of the picture; gestures are pieces of up to 4 s."""
    rate = rate_hz or DEFAULT_RATE_HZ
    values = np.stack([table.numbers(n)[0] for n in table.names], axis=1)
    kinds, windows = values[:, 0].astype(np.int64), values[:, 1:].reshape(-1, WINDOW, 2)
    points, stretches, at, lost, short = [], [], 0, 0, 0
    for first, last in _recordings(kinds, windows):
        joined, rows = _join(windows[first:last])
        joined = _without_leaps(joined)
        lost += int(np.isnan(joined[:, 0]).sum())
        cut = _pieces(joined, rate)
        short += not cut
        for start, end in cut:
            name = f"class {kinds[first]} row {first + 1 + rows[start]}"
            stretches.append(Stretch(at + start, at + end, name))
        points.append(joined)
        at += len(joined)
    if not stretches:
        raise DataError(f"{label} holds no recording of {LEAST_SECONDS:g} s or more; give a longer one.")
    notes = [
        *table.notes,
        f"{len(values)} overlapping rows were joined into {len(points)} recordings of {at} frames",
        f"no times are stored, {rate:g} frames a second are assumed",
    ]
    notes += [f"{lost} frames in which the finger was lost are gaps"] if lost else []
    notes += [f"{short} recordings shorter than {LEAST_SECONDS:g} s were left out"] if short else []
    motion = torch.from_numpy(np.concatenate(points)).float()
    return Track(motion, ("x", "y"), rate, label, tuple(stretches), apart=True, notes=tuple(notes))


def _recordings(kinds: Indices, windows: Numbers) -> list[tuple[int, int]]:
    """First row and the row after the last one, of each recording."""
    joins = [
        kinds[i] == kinds[i + 1] and _skipped(windows[i], windows[i + 1]) is not None for i in range(len(kinds) - 1)
    ]
    breaks = [0, *(i + 1 for i, joined in enumerate(joins) if not joined), len(kinds)]
    return list(pairwise(breaks))


def _skipped(window: Numbers, following: Numbers) -> int | None:
    """By how many frames the second window is later; None if they do not overlap."""
    for frames in range(1, MOST_SKIPPED + 1):
        if np.abs(window[frames:] - window[frames] - following[:-frames]).max() <= EQUAL:
            return frames
    return None


def _join(windows: Numbers) -> tuple[Numbers, list[int]]:
    """The points (frame, 2) of overlapping windows, relative to the first one, and the first row that shows each."""
    points, rows = list(windows[0]), [0] * WINDOW
    for row, (window, following) in enumerate(pairwise(windows), start=1):
        frames = _skipped(window, following)
        assert frames is not None  # _recordings let only these through
        # The new window's origin is the point that stands ``WINDOW - frames`` before the end.
        origin = points[len(points) - WINDOW + frames]
        points += [origin + p for p in following[WINDOW - frames :]]
        rows += [row] * frames
    return np.stack(points), rows


def _without_leaps(points: Numbers) -> Numbers:
    """The same with NaN where the tip was lost: it then leaps to the picture's corner and stays there."""
    leaps = np.flatnonzero(np.abs(np.diff(points, axis=0)).max(axis=1) > LEAP) + 1
    mended = points.copy()
    if len(leaps):
        for piece in np.split(np.arange(len(points)), leaps):
            if np.ptp(points[piece], axis=0).max() <= EQUAL:
                mended[piece] = np.nan
    return mended


def _pieces(points: Numbers, rate_hz: float) -> list[tuple[int, int]]:
    """Pieces of up to 4 s of where the tip is known; short losses do not end one."""
    known = ~np.isnan(points[:, 0])
    for start, end in runs(~known):
        if end - start <= rate_hz / 2 and start > 0 and end < len(known):
            known[start:end] = True
    found = []
    for start, end in runs(known):
        count = max(1, round((end - start) / (PIECE_SECONDS * rate_hz)))
        edges = [start + round(i * (end - start) / count) for i in range(count + 1)]
        found += [(a, b) for a, b in pairwise(edges) if b - a >= LEAST_SECONDS * rate_hz]
    return found
