"""UCI Gesture Phase Segmentation, raw files: a Kinect's positions of hands, wrists, head and spine.

Madeo, Lima and Peres, "Gesture unit segmentation using support vector machines", 2013. Positions are in the sensor's
units, which the data set does not name. Each row has a phase: rest, preparation, stroke, hold or retraction.
"""

from __future__ import annotations

import numpy as np

from timbrespace.motion.readers.tracks import runs, track_of
from timbrespace.motion.table import Numbers, Table
from timbrespace.motion.timing import regular
from timbrespace.motion.track import Stretch, Track

CHANNELS = tuple(f"{part}{axis}" for part in ("lh", "rh", "h", "s", "lw", "rw") for axis in "xyz")
TIME, PHASE, REST = "timestamp", "phase", "rest"


def fits(table: Table) -> bool:
    """Whether the header is that of a raw file."""
    return {*CHANNELS, TIME, PHASE} <= {n.casefold() for n in table.names}


def read(table: Table, *, label: str, rate_hz: float | None = None) -> Track:
    """All eighteen coordinates; gestures are the stretches without rest."""
    values = np.stack([table.numbers(name)[0] for name in CHANNELS], axis=1)
    seconds, note = clock(table.numbers(TIME)[0])
    even = regular(values, seconds, rate_hz=rate_hz)
    phases = np.array([p.casefold() for p in table.column(PHASE)])
    rows = np.arange(len(phases)) if even.rows is None else even.rows
    moving = ~np.isin(phases, (REST, ""))[rows]
    found = [Stretch(a, b, f"gesture {i}") for i, (a, b) in enumerate(runs(moving, cuts=even.cuts), start=1)]
    notes = [*table.notes, note, f"column {PHASE} holds text: it marks {len(found)} gestures between rests"]
    return track_of(even, CHANNELS, label=label, notes=notes, stretches=found)


def clock(stamps: Numbers) -> tuple[Numbers, str]:
    """Stamps in seconds, and how they were read.

    They are written as a clock shows them, minutes, seconds and milliseconds as digits in a row (5702026 is 57 min
    2.026 s), so that 40 s seem to pass at every full minute of a naive reading as milliseconds. Files in which
    some stamp cannot be a clock's are read as milliseconds.
    """
    known = stamps[np.isfinite(stamps)]
    minutes, rest = np.divmod(known, 100_000)
    hours, minutes = np.divmod(minutes, 100)
    if bool((rest >= 60_000).any() or (minutes >= 60).any()):
        return stamps / 1000, f"times are column {TIME} in ms"
    whole = np.full_like(stamps, np.nan)
    whole[np.isfinite(stamps)] = (hours * 3600 + minutes * 60) + rest / 1000
    return whole, f"times are column {TIME}, a clock's minutes, seconds and milliseconds"
