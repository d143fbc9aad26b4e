"""JSON series of frames: hand landmarks as MediaPipe's tasks give them, or plain rows of numbers."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from timbrespace.core.errors import DataError
from timbrespace.motion.readers.landmarks import POINTS, landmark_track
from timbrespace.motion.readers.tracks import track_of
from timbrespace.motion.table import Numbers
from timbrespace.motion.timing import regular
from timbrespace.motion.track import Track

SERIES = ("frames", "results", "hand_landmarks", "handlandmarks", "landmarks", "values", "data")
TIMES = {"timestamp_ms": 1e-3, "timestampms": 1e-3, "timestamp_us": 1e-6, "timestamp": 1e-3, "time": 1.0, "t": 1.0}
"""Keys of a frame's time with their unit in seconds; MediaPipe counts milliseconds."""
RATES = ("rate_hz", "fps", "rate")
MAX_DEPTH = 8


def read_json(text: str, *, label: str, rate_hz: float | None = None) -> Track:
    """The frames of a document: a list of them, or an object that holds one under a usual name."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{label} is no valid JSON ({str(error)[:80]}); write it again.") from None
    frames = _series(document)
    rows = [_numbers(frame) for frame in frames]
    width = max((len(r) for r in rows if r), default=0)
    if width == 0:
        raise DataError(f"{label} holds no frames with numbers or points x, y; give a series of them.")
    values = np.full((len(rows), width), np.nan)
    for i, row in enumerate(rows):
        if row and len(row) == width:
            values[i] = row
    notes = _notes(frames, rows, width)
    rate = rate_hz or _rate(document)
    seconds, unit = _times(frames)
    notes += [unit] if unit else []
    if width in (2 * POINTS, 3 * POINTS):
        return landmark_track(values, "xyz"[: width // POINTS], seconds, label=label, rate_hz=rate, notes=notes)
    names = document.get("names") if isinstance(document, dict) else None
    named = [str(n) for n in names] if isinstance(names, list) and len(names) == width else None
    even = regular(values, seconds, rate_hz=rate)
    return track_of(even, named or [str(i + 1) for i in range(width)], label=label, notes=notes)


def _series(document: Any) -> list[Any]:
    if isinstance(document, dict):
        folded = {str(k).casefold(): v for k, v in document.items()}
        document = next((folded[k] for k in SERIES if isinstance(folded.get(k), list)), [])
    return document if isinstance(document, list) else []


def _numbers(frame: Any, depth: int = 0) -> list[float] | None:
    """The numbers of a frame: of the first hand, where there are several; None where there are none."""
    if depth > MAX_DEPTH:
        return None
    if isinstance(frame, dict):
        folded = {str(k).casefold(): v for k, v in frame.items()}
        if "x" in folded and "y" in folded:
            return _plain([folded.get(a) for a in "xyz" if a in folded])
        held = next((folded[k] for k in SERIES if isinstance(folded.get(k), list)), None)
        return None if held is None else _numbers(held, depth + 1)
    if not isinstance(frame, list) or not frame:
        return None
    if all(not isinstance(item, list | dict) for item in frame):
        return _plain(frame)
    if _is_hands(frame):
        return _numbers(frame[0], depth + 1)
    parts = [_numbers(item, depth + 1) for item in frame]
    return None if any(p is None for p in parts) else [value for part in parts if part for value in part]


def _is_hands(frame: list[Any]) -> bool:
    """Whether a list holds hands, each a list of points, and not points."""
    return all(isinstance(hand, list) and len(hand) == POINTS for hand in frame)


def _plain(values: list[Any]) -> list[float] | None:
    if not all(v is None or (isinstance(v, int | float) and not isinstance(v, bool)) for v in values):
        return None
    try:
        return [float("nan") if v is None else float(v) for v in values]
    except OverflowError:  # an integer of hundreds of digits
        return None


def _notes(frames: list[Any], rows: list[list[float] | None], width: int) -> list[str]:
    empty = sum(not r for r in rows)
    odd = sum(bool(r) and len(r or ()) != width for r in rows)
    return [
        f"{count} frames {what} are gaps"
        for count, what in ((empty, "without points"), (odd, "of another size"))
        if count
    ]


def _times(frames: list[Any]) -> tuple[Numbers | None, str]:
    """Times of the frames in seconds where all have one."""
    for key, unit in TIMES.items():
        values = [{str(k).casefold(): v for k, v in f.items()}.get(key) for f in frames if isinstance(f, dict)]
        if len(values) == len(frames) and all(isinstance(v, int | float) for v in values):
            return np.array(values, dtype=np.float64) * unit, f"times are {key} in units of {unit:g} s"
    return None, ""


def _rate(document: Any) -> float | None:
    if not isinstance(document, dict):
        return None
    found = next((document[k] for k in RATES if isinstance(document.get(k), int | float)), 0)
    return float(found) if found > 0 else None
