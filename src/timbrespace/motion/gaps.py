"""Gaps in a motion, where the hand was not seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from timbrespace.core.errors import DataError
from timbrespace.motion.readers.tracks import runs
from timbrespace.motion.table import Numbers
from timbrespace.motion.track import Track

LONGEST = 0.5
"""Seconds over which a hand is taken to have gone straight from where it was last seen to where it is seen again."""


def fill_gaps(track: Track, *, longest: float = LONGEST) -> Track:
    """The same motion without unknown values, and notes on what was filled or left out.

    A gap of up to ``longest`` seconds is a straight line; in a longer one the last value is held until so long
    before its end, and goes from there in a straight line. Before the first known value this one is held, after the
    last one that one. A channel without any known value is left out; raises :class:`DataError` if that is all of them.
    """
    values = track.values.double().numpy()
    known = np.isfinite(values)
    seen = known.any(axis=0)
    if not seen.any():
        raise DataError(
            f"{track.label or 'This motion'} holds no number in any column; choose another file or gesture."
        )
    notes = [f"column {n} holds no number and was left out" for n, s in zip(track.names, seen, strict=True) if not s]
    filled = np.stack([_filled(values[:, c], longest * track.rate_hz) for c in np.flatnonzero(seen)], axis=1)
    gaps = [end - start for c in np.flatnonzero(seen) for start, end in runs(~known[:, c])]
    if gaps:
        longer = sum(g > longest * track.rate_hz for g in gaps)
        held = f", {longer} of them held for they last more than {longest:g} s" if longer else ""
        share = sum(gaps) / (seen.sum() * len(values))
        longest_gap = max(gaps) / track.rate_hz
        notes.append(f"{len(gaps)} gaps ({share:.1%} of all values, up to {longest_gap:.2g} s) were filled{held}")
    names = tuple(n for n, s in zip(track.names, seen, strict=True) if s)
    return replace(track, values=torch.from_numpy(filled).float(), names=names).noted(notes)


def _filled(channel: Numbers, longest: float) -> Numbers:
    known = np.flatnonzero(np.isfinite(channel))
    places, values = list(known.astype(float)), list(channel[known])
    for i in np.flatnonzero(np.diff(known) - 1 > longest):  # one more support: held until here
        places.append(max(float(known[i]), known[i + 1] - longest - 1))
        values.append(channel[known[i]])
    order = np.argsort(places, kind="stable")
    return np.interp(np.arange(len(channel)), np.array(places)[order], np.array(values)[order])
