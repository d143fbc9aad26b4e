"""Knobs: position and value are inverse to each other, and every value stays in range."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timbrespace.core.errors import ParameterError
from timbrespace.core.knob import Knob

KNOBS = [Knob(0, 48, "dB"), Knob(20, 20_000, "Hz", "log"), Knob(-1, 1)]


@pytest.mark.parametrize("knob", KNOBS, ids=str)
@given(st.floats(0, 1))
def test_position_inverts_value(knob: Knob, position: float) -> None:
    assert knob.position(knob.value(position)) == pytest.approx(position, abs=1e-9)


@pytest.mark.parametrize("knob", KNOBS, ids=str)
@given(st.floats(allow_nan=True, allow_infinity=True))
def test_clamp_always_lands_inside(knob: Knob, value: float) -> None:
    assert knob.contains(knob.clamp(value))


def test_log_scale_is_geometric() -> None:
    assert Knob(20, 20_000, "Hz", "log").value(0.5) == pytest.approx(math.sqrt(20 * 20_000))


@pytest.mark.parametrize(
    ("low", "high", "scale"), [(1, 1, "linear"), (2, 1, "linear"), (0, 1, "log"), (0, math.inf, "linear")]
)
def test_impossible_ranges_are_refused(low: float, high: float, scale: str) -> None:
    with pytest.raises(ParameterError, match="knob"):
        Knob(low, high, "", scale)  # type: ignore[arg-type]  # parametrised
