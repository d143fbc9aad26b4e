"""From what was read to what can be mapped: no gaps, no spikes, no tremble."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from timbrespace.core.errors import ParameterError
from timbrespace.motion.gaps import LONGEST, fill_gaps
from timbrespace.motion.one_euro import one_euro
from timbrespace.motion.spikes import without_spikes
from timbrespace.motion.track import Track

STILL = 1e-6
"""A channel that moves by less than this share of its values does not move: rounding alone."""


@dataclass(frozen=True)
class Preparation:
    """How a motion is mended.

    Gaps of up to ``longest_gap`` seconds become straight lines. A running median over ``spikes`` seconds removes single
    wrong values (0: none). ``smoothing`` is the One-Euro filter's lowest cutoff in Hz (0: none), and ``quickness`` its
    beta in Hz per standard deviation of the channel per second, so that it means the same in pixels and in metres.
    """

    longest_gap: float = LONGEST
    spikes: float = 0.0
    smoothing: float = 2.0
    quickness: float = 0.5

    def __post_init__(self) -> None:
        for name in ("longest_gap", "spikes", "smoothing", "quickness"):
            value = getattr(self, name)
            if not 0 <= value <= 1000:
                raise ParameterError(f"The {name.replace('_', ' ')} of a motion is from 0 to 1000, not {value:g}.")


def prepare(track: Track, how: Preparation | None = None) -> Track:
    """The motion mended, with notes on what was done and which channels stand still."""
    how = how or Preparation()
    filled = fill_gaps(track, longest=how.longest_gap)
    values = filled.values
    if how.spikes > 0:
        values = without_spikes(values, width=2 * round(how.spikes * track.rate_hz / 2) + 1)
    still = standing_still(filled)
    if how.smoothing > 0:
        offset, scale = values.mean(0), values.double().std(0, correction=0).float().clamp_min(1e-30)
        calm = one_euro((values - offset) / scale, rate_hz=track.rate_hz, min_cutoff=how.smoothing, beta=how.quickness)
        values = torch.where(torch.tensor(still), values, calm * scale + offset)
    notes = [f"column {name} stands still" for name, s in zip(filled.names, still, strict=True) if s]
    if all(still):
        notes = ["nothing moves, so that the sound stands still"]
    return replace(filled, values=values).noted(notes)


def standing_still(track: Track) -> list[bool]:
    """For each channel whether it stays at one value, but for rounding."""
    values = track.values.double()
    reach = values.max(0).values - values.min(0).values
    return (reach <= STILL * values.abs().max(0).values).tolist()
