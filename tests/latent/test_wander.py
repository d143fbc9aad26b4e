"""The endless walk has the covariance its docstring states, at any step length."""

from __future__ import annotations

import math

import pytest
import torch

from timbrespace.core.errors import ParameterError
from timbrespace.latent.wander import Wander

PERIOD = 2.0
LENGTH = math.sqrt(2) * PERIOD / 4


def wander(n: int = 1, *, seed: int = 0) -> Wander:
    return Wander(n, period=PERIOD, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("steps", [[0.1, 0.1, 0.1], [0.3], [0.02, 0.05, 0.23]])
def test_covariance_is_matern_whatever_the_steps(steps: list[float]) -> None:
    """Twenty thousand coordinates are as many independent walks."""
    walk = wander(20_000)
    start = walk.position
    for seconds in steps:
        end = walk.advance(seconds)
    r = math.sqrt(3) * sum(steps) / LENGTH
    assert float((start * end).mean()) == pytest.approx((1 + r) * math.exp(-r), abs=0.03)
    for points in (start, end):
        assert float(points.mean()) == pytest.approx(0, abs=0.03)
        assert float(points.var()) == pytest.approx(1, abs=0.04)


def test_stays_stationary_for_long() -> None:
    walk = wander(4000)
    for _ in range(2000):
        walk.advance(0.046)
    assert float(walk.position.std()) == pytest.approx(1, abs=0.05)


def test_is_smooth() -> None:
    """Bends vanish beside ways as steps get shorter: there is a velocity. (Without, their ratio would stay.)"""

    def bend(dt: float) -> float:
        walk = wander(20_000)
        a, b, c = walk.position, walk.advance(dt), walk.advance(dt)
        return float(((c - b) - (b - a)).square().mean() / (c - a).square().mean())

    assert bend(0.01) < 0.6 * bend(0.02) < 0.03


def test_follows_from_its_seed() -> None:
    first, second, other = (wander(3, seed=s) for s in (1, 1, 2))
    for _ in range(5):
        assert torch.equal(first.advance(0.05), second.advance(0.05))
    assert not torch.equal(first.position, other.position)


def test_standing_still() -> None:
    walk = wander(3)
    before = walk.position
    assert torch.equal(walk.advance(0.0), before)
    assert torch.isfinite(walk.advance(1e-9)).all()
    torch.testing.assert_close(walk.position, before, atol=1e-4, rtol=0)


@pytest.mark.parametrize(("n", "period"), [(0, 1.0), (2, 0.0), (2, math.nan)])
def test_refuses_nonsense(n: int, period: float) -> None:
    with pytest.raises(ParameterError, match="A walk needs"):
        Wander(n, period=period, generator=torch.Generator())


@pytest.mark.parametrize("seconds", [-1.0, math.nan, math.inf])
def test_refuses_impossible_times(seconds: float) -> None:
    with pytest.raises(ParameterError, match="0 s or more"):
        wander().advance(seconds)
