"""A motion at another rate."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

import numpy as np
import torch

from timbrespace.core.errors import ParameterError
from timbrespace.motion.table import Numbers
from timbrespace.motion.track import Stretch, Track

Kind = Literal["linear", "cubic"]
MAX_STEPS = 4_000_000
"""More steps than any path has: thirty minutes at 2 kHz."""


def resample(track: Track, rate_hz: float, *, kind: Kind = "cubic") -> Track:
    """The same motion with ``rate_hz`` steps a second; its ends stay, its duration is rounded to whole steps.

    Between steps it is interpolated by straight lines or by a cubic spline that does not overshoot (Fritsch and
    Carlson 1980: it is monotone between neighbours). Downwards, what the new rate cannot hold is removed before by a
    linear-phase low-pass (Hamming window, -6 dB at 0.4 of the new rate), the ends continued as their point mirror
    image, so that steady movement passes unchanged.
    """
    if not (math.isfinite(rate_hz) and rate_hz > 0):
        raise ParameterError(f"A motion's rate is a positive number of steps per second, not {rate_hz}.")
    known = len(track.values)
    steps = max(1, round(known * rate_hz / track.rate_hz))
    if steps > MAX_STEPS:
        raise ParameterError(
            f"{track.seconds:,.0f} s at {rate_hz:g} Hz are {steps:,} steps, too many; choose a lower rate."
        )
    values = track.values.double().numpy()
    if rate_hz < track.rate_hz:
        values = _low_passed(values, 0.4 * rate_hz / track.rate_hz)
    at = np.linspace(0, known - 1, steps) if steps > 1 else np.zeros(1)
    scale = (steps - 1) / max(1, known - 1)
    stretches = tuple(
        Stretch(round(s.start * scale), max(round(s.start * scale) + 1, min(steps, round(s.end * scale))), s.name)
        for s in track.stretches
    )
    motion = torch.from_numpy(_interpolated(values, at, kind)).float()
    return replace(track, values=motion, rate_hz=float(rate_hz), stretches=stretches)


def _interpolated(values: Numbers, at: Numbers, kind: Kind) -> Numbers:
    if len(values) < 3 or kind == "linear":
        index = np.arange(len(values))
        return np.stack([np.interp(at, index, channel) for channel in values.T], axis=1)
    from scipy.interpolate import PchipInterpolator

    return np.asarray(PchipInterpolator(np.arange(len(values)), values, axis=0)(at))


def _low_passed(values: Numbers, cutoff: float) -> Numbers:
    """Below ``cutoff`` cycles per step; the kernel spans three periods of it to either side."""
    from scipy.signal import oaconvolve

    reach = math.ceil(3 / cutoff)
    kernel = 2 * cutoff * np.sinc(2 * cutoff * np.arange(-reach, reach + 1)) * np.hamming(2 * reach + 1)
    kernel /= kernel.sum()
    if len(values) == 1:
        return values
    continued = np.pad(values, ((reach, reach), (0, 0)), mode="reflect", reflect_type="odd")
    return np.asarray(oaconvolve(continued, kernel[:, None], mode="valid", axes=0))
