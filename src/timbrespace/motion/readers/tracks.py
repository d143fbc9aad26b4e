"""What all readers end with: steps at a constant rate, made a track."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
import torch

from timbrespace.motion.timing import Regular
from timbrespace.motion.track import Stretch, Track


def track_of(
    even: Regular, names: Sequence[str], *, label: str, notes: Iterable[str] = (), stretches: Sequence[Stretch] = ()
) -> Track:
    """The track of steps at a constant rate, with what was noted on the way."""
    values = torch.from_numpy(np.ascontiguousarray(even.values)).float()
    return Track(
        torch.where(values.isfinite(), values, torch.nan),  # also what single precision cannot hold
        tuple(names),
        float(even.rate_hz),
        label=label,
        stretches=tuple(stretches),
        notes=(*notes, *even.notes),
    )


def runs(active: np.ndarray, *, cuts: Sequence[int] = ()) -> list[tuple[int, int]]:
    """Start and end of each run of true values, also ended at ``cuts``."""
    flags = np.concatenate([[False], active, [False]])
    starts, ends = np.flatnonzero(flags[1:] & ~flags[:-1]), np.flatnonzero(flags[:-1] & ~flags[1:])
    found = []
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        inner = [start, *sorted(c for c in cuts if start < c < end), end]
        found += list(pairwise(inner))
    return found
