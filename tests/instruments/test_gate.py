"""Levels follow their curves, whatever the blocks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from timbrespace.instruments.gate import Gate, Ramp

blocks = st.lists(st.integers(0, 40), min_size=1, max_size=12)


def test_opens_and_closes_along_a_raised_cosine() -> None:
    gate = Gate(10)
    assert gate.closed
    gate.open = True
    expected = 0.5 * (1 - np.cos(np.pi * np.minimum(np.arange(1, 16), 10) / 10))
    np.testing.assert_allclose(gate.gains(15), expected)
    gate.open = False
    assert gate.until_closed() == 10
    np.testing.assert_allclose(gate.gains(12), [*expected[8::-1], 0, 0, 0], atol=1e-12)
    assert gate.closed


def test_turned_round_it_goes_back_the_way_it_came() -> None:
    gate = Gate(100)
    gate.open = True
    up = gate.gains(30)
    gate.open = False
    np.testing.assert_array_equal(gate.gains(29), up[28::-1])
    assert not gate.silent
    gate.gains(1)
    assert gate.silent


@given(openings=st.lists(st.tuples(st.booleans(), blocks), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_gates_do_not_know_blocks(openings: list[tuple[bool, list[int]]]) -> None:
    whole, cut = Gate(25), Gate(25)
    for is_open, sizes in openings:
        whole.open = cut.open = is_open
        np.testing.assert_array_equal(np.concatenate([cut.gains(n) for n in sizes]), whole.gains(sum(sizes)))


def test_a_ramp_arrives_exactly() -> None:
    start, end = 0.06927698793726605, 0.02869213693208263
    assert start + (end - start) != end  # rounding would keep it from there
    ramp = Ramp(start, 441)
    ramp.go(end)
    values = ramp.values(1000)
    assert (values[440:] == end).all()
    assert values[0] == pytest.approx(start + (end - start) / 441)
    assert ramp.value == end


@given(targets=st.lists(st.tuples(st.floats(0, 4), blocks), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_ramps_do_not_know_blocks(targets: list[tuple[float, list[int]]]) -> None:
    whole, cut = Ramp(1.0, 25), Ramp(1.0, 25)
    for target, sizes in targets:
        whole.go(target)
        cut.go(target)
        np.testing.assert_array_equal(np.concatenate([cut.values(n) for n in sizes]), whole.values(sum(sizes)))
    assert whole.value == cut.value
