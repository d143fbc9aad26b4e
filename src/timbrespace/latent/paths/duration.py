"""How many points a duration has."""

from __future__ import annotations

import math

from timbrespace.core.errors import ParameterError

LONGEST_STEPS = 4_000_000
"""Half an hour at two thousand points a second; more is a slip of the finger, and would fill the memory."""


def check_duration(seconds: float, rate_hz: float) -> None:
    """Raise :class:`ParameterError` for a duration or a rate that is no positive number."""
    if not (math.isfinite(seconds) and seconds > 0 and math.isfinite(rate_hz) and rate_hz > 0):
        raise ParameterError(
            f"A path lasts a positive number of seconds, not {seconds} (at {rate_hz} points a second)."
        )


def steps_in(seconds: float, rate_hz: float) -> int:
    """The whole number of points nearest to ``seconds`` at ``rate_hz``, at least one."""
    check_duration(seconds, rate_hz)
    if seconds * rate_hz > LONGEST_STEPS:
        raise ParameterError(
            f"A path has up to {LONGEST_STEPS:,} points, and {seconds:g} seconds are {seconds * rate_hz:,.0f} of them;"
            " give a shorter time."
        )
    return max(1, round(seconds * rate_hz))
