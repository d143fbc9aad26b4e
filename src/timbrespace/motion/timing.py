"""Irregular time stamps turned into a constant rate."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from timbrespace.motion.table import Indices, Numbers, Table

DEFAULT_RATE_HZ = 30.0
"""What a file without times is taken for: the usual camera."""
LONGEST_HOLE = 2.0
"""Seconds without any row, above which a recording counts as paused and the pause is cut out."""
NAMES = (
    "timestamp",
    "time_stamp",
    "time",
    "t",
    "date",
    "datetime",
    "clock",
    "frame",
    "frame_id",
    "frame_number",
    "index",
)
UNITS = {"s": 1.0, "sec": 1.0, "seconds": 1.0, "ms": 1e-3, "msec": 1e-3, "us": 1e-6, "usec": 1e-6, "ns": 1e-9}
LEAST_ROWS = 8
MOST_STEPS_PER_ROW = 50
"""Steps for each row, above which the median distance of rows is that of bursts and not of the motion."""
SNAP = 1e-6
"""Share of a period by which a step may miss a row and still be it."""


@dataclass(frozen=True)
class Regular:
    """Values (step, channel) at a constant rate; ``cuts`` are steps at which a pause was cut out."""

    values: Numbers
    rate_hz: float
    cuts: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    rows: Indices | None = None
    """For each step the row of the file nearest in time."""


def find_time(table: Table) -> str | None:
    """The name of the column of times: by its name, else the first one if it rises in steady steps."""
    for wanted in NAMES:
        for name in table.names:
            if name.casefold() == wanted or (_words(name)[:1] == [wanted] and _unit(name)):
                return name
    if table.headed and not table.names[0].isdecimal():
        return None
    values, text = table.numbers(table.names[0])
    return table.names[0] if not text and len(table.names) > 1 and _rises_steadily(values) else None


def _rises_steadily(values: Numbers) -> bool:
    step = np.diff(values)
    if len(values) < LEAST_ROWS or not np.isfinite(values).all() or step.min() <= 0:
        return False
    middle = float(np.median(step))
    return float(np.mean(np.abs(step - middle) <= 0.5 * middle)) >= 0.8


def seconds_of(table: Table, name: str) -> tuple[Numbers | None, str]:
    """The column's times in seconds and a note on its unit; None where it only counts rows, or is no time."""
    values, text = table.numbers(name)
    if text > len(values) / 2:
        dates = _dates(table.column(name))
        return (dates, f"times are the dates of column {name}") if dates is not None else (None, _unread(name))
    known = values[np.isfinite(values)]
    if len(known) < 2:
        return None, _unread(name)
    step = float(np.median(np.abs(np.diff(known))))
    unit = _unit(name)
    if unit is None and (step == 1.0 or "frame" in name.casefold() or name.casefold() == "index"):
        return None, f"column {name} counts rows and gives no time"
    if step == 0:
        return None, _unread(name)
    scale = unit or (1.0 if step < 2 else 1e-3 if step < 2000 else 1e-6 if step < 2e6 else 1e-9)
    word = next(k for k, v in UNITS.items() if v == scale)
    return values * scale, f"times are column {name} in {word}"


def regular(values: Numbers, seconds: Numbers | None, *, rate_hz: float | None = None) -> Regular:
    """Rows (row, channel) at the times ``seconds`` (row,) as steps of a constant rate, one over the median distance.

    Between rows values are interpolated linearly, and are unknown where one of both is, or where rows are missing
    for more than a quarter of a second. Without times, rows are steps of ``rate_hz``.
    """
    index = np.arange(len(values))
    if seconds is None:
        assumed = f"no times were found, so that {DEFAULT_RATE_HZ:g} rows a second are assumed"
        return Regular(values, rate_hz or DEFAULT_RATE_HZ, notes=() if rate_hz else (assumed,), rows=index)
    order, notes = _in_order(seconds)
    if len(order) < 2:
        note = f"the times do not rise, so that {rate_hz or DEFAULT_RATE_HZ:g} rows a second are assumed"
        return Regular(values, rate_hz or DEFAULT_RATE_HZ, notes=(note,), rows=index)
    times, period, pauses = _without_pauses(seconds[order])
    if times[-1] - times[0] > MOST_STEPS_PER_ROW * len(times) * period:
        period = float(times[-1] - times[0]) / (len(times) - 1)
        notes += ("rows come in bursts, so that their mean distance was taken for a step",)
    if len(pauses):
        total = "a pause" if len(pauses) == 1 else f"{len(pauses)} pauses"
        notes += (f"{total} of more than {LONGEST_HOLE:g} s between rows was cut out",)
    at = np.arange(int((times[-1] - times[0]) / period + SNAP) + 1) * period + times[0]
    cuts = tuple(int(c) for c in np.searchsorted(at, times[pauses + 1] - 1e-9))
    nearest = order[np.clip(np.searchsorted(times, at - period / 2), 0, len(times) - 1)]
    return Regular(_at(times, values[order], at, period), 1 / period, cuts, notes, nearest)


def _in_order(seconds: Numbers) -> tuple[Indices, tuple[str, ...]]:
    """Rows in the order of time, each time once; nothing where most rows do not rise."""
    known = np.flatnonzero(np.isfinite(seconds))
    order = known[np.argsort(seconds[known], kind="stable")]
    if len(order) < 2 or np.mean(np.diff(seconds[known]) <= 0) > 0.5:
        return known[:0], ()
    fresh = np.concatenate([[True], np.diff(seconds[order]) > 0])
    moved = int(np.sum(order != known))
    lost = len(seconds) - int(fresh.sum())
    notes = [f"{moved} rows were out of order in time and were sorted"] if moved else []
    notes += [f"{lost} rows without a time of their own were left out"] if lost else []
    return order[fresh], tuple(notes)


def _without_pauses(seconds: Numbers) -> tuple[Numbers, float, Indices]:
    """Times from zero with pauses shortened to one period, the period, and the rows before the pauses."""
    step = np.diff(seconds)
    period = float(np.median(step))
    pauses = np.flatnonzero(step > max(LONGEST_HOLE, 4 * period))
    step[pauses] = period
    return np.concatenate([[0.0], np.cumsum(step)]), period, pauses


def _at(times: Numbers, values: Numbers, at: Numbers, period: float) -> Numbers:
    after = np.clip(np.searchsorted(times, at, side="right"), 1, len(times) - 1)
    before = after - 1
    width = times[after] - times[before]
    weight = np.clip((at - times[before]) / width, 0.0, 1.0)[:, None]
    # A known row counts alone where the step falls on it, but for rounding, even if its neighbour is unknown.
    weight = np.where(weight < SNAP, 0.0, np.where(weight > 1 - SNAP, 1.0, weight))
    mixed = np.where(weight <= 0, values[before], np.where(weight >= 1, values[after], 0.0))
    inside = (weight > 0) & (weight < 1)
    mixed = np.where(inside, (1 - weight) * values[before] + weight * values[after], mixed)
    missing = (width > max(0.25, 4 * period))[:, None] & inside
    return np.where(missing, np.nan, mixed)


def _unit(name: str) -> float | None:
    """The unit a name ends with: time_ms, t [s], timestamp(us)."""
    words = _words(name)
    return UNITS.get(words[-1]) if len(words) > 1 else None


def _words(name: str) -> list[str]:
    return re.split(r"[^a-z0-9]+", name.casefold().rstrip("])"))


def _dates(cells: tuple[str, ...]) -> Numbers | None:
    try:
        moments = [datetime.fromisoformat(c) for c in cells]
        return np.array([(m - moments[0]).total_seconds() for m in moments])
    except (ValueError, TypeError):  # TypeError: some with, some without a time zone
        return None


def _unread(name: str) -> str:
    return f"column {name} was not understood as times and was left out"
