"""The contract of schedules, and proof that it notices mistakes."""

from __future__ import annotations

import math

import pytest

from tests.contracts.common import check_config, make, members
from timbrespace.training.schedules import Constant, Cyclical, Linear, Schedule


def check_schedule(schedule: Schedule) -> None:
    values = [schedule.value(step, steps_per_epoch=10.0) for step in range(0, 6000, 7)]
    assert all(math.isfinite(v) and v >= 0 for v in values)
    assert values == [schedule.value(step, steps_per_epoch=10.0) for step in range(0, 6000, 7)]
    low, high = getattr(schedule, "start", 0.0), getattr(schedule, "end", max(values))
    assert min(values) >= min(low, high)
    assert max(values) <= max(low, high)
    assert schedule.value(10**9, steps_per_epoch=10.0) == pytest.approx(schedule.final)


@pytest.mark.parametrize("kind", members(Schedule))
def test_contract(kind: str) -> None:
    schedule = make(Schedule, kind)
    check_config(schedule, Schedule)
    check_schedule(schedule)


class Overshoots(Schedule):
    """Planted mistake: the ramp is not held at its end."""

    def __init__(self) -> None:
        self.start, self.end = 0.0, 1.0

    @property
    def final(self) -> float:
        return self.end

    def value(self, step: int, *, steps_per_epoch: float) -> float:
        return step / 300


def test_contract_notices_planted_mistakes() -> None:
    with pytest.raises(AssertionError):
        check_schedule(Overshoots())


def test_linear_ramp() -> None:
    ramp = Linear(start=0.5, end=4.0, length=100)
    assert [ramp.value(s, steps_per_epoch=1) for s in (0, 50, 100, 900)] == [0.5, 2.25, 4.0, 4.0]


def test_epochs_are_converted() -> None:
    ramp = Linear(length=2, unit="epochs")
    assert ramp.value(25, steps_per_epoch=25.0) == pytest.approx(0.5)


def test_cyclical_restarts_and_ends() -> None:
    cycle = Cyclical(start=0.0, end=1.0, length=100, rise=0.5, cycles=2)
    assert [cycle.value(s, steps_per_epoch=1) for s in (0, 25, 50, 99, 100, 125, 200, 201)] == [
        0.0, 0.5, 1.0, 1.0, 0.0, 0.5, 1.0, 1.0,
    ]  # fmt: skip


def test_constant() -> None:
    assert Constant(weight=0.25).value(7, steps_per_epoch=3) == 0.25
