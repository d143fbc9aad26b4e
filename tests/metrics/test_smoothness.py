"""Smoothness: what it gives in closed form, and what does not change it."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from timbrespace.core.errors import ParameterError
from timbrespace.metrics.smoothness import roughness, shuffled_smoothness, smoothness


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_a_straight_line_is_smooth() -> None:
    line = torch.linspace(0, 1, 20)[:, None] * torch.tensor([1.0, -2.0, 3.0])
    assert roughness(line) == pytest.approx(0.0, abs=1e-9)
    assert smoothness(line) == pytest.approx(1.0, abs=1e-9)


def test_a_circle_has_its_closed_form() -> None:
    n = 60
    angle = 2 * torch.pi * torch.arange(n).double() / n
    circle = torch.stack([angle.cos(), angle.sin()], dim=1)
    second = 2 - 2 * torch.cos(torch.tensor(2 * torch.pi / n, dtype=torch.float64))
    assert roughness(circle) == pytest.approx(float(second**2) / 6, rel=1e-6)


def test_a_zigzag_is_rougher_than_chance() -> None:
    zigzag = torch.tensor([1.0, -1.0]).repeat(50)[:, None]
    assert roughness(zigzag) == pytest.approx(16 / 6)


def test_independent_noise_is_as_smooth_as_chance() -> None:
    noise = torch.randn(20_000, 3, generator=generator())
    assert roughness(noise) == pytest.approx(1.0, abs=0.03)
    assert shuffled_smoothness(noise[:200], generator=generator()) == pytest.approx(0.0, abs=0.05)


def test_random_order_destroys_smoothness() -> None:
    curve = torch.linspace(0, 3, 40).sin()[:, None]
    assert smoothness(curve) > 0.999
    assert abs(shuffled_smoothness(curve, generator=generator())) < 0.1


@given(st.floats(0.01, 100.0), st.floats(-100.0, 100.0))
@settings(max_examples=20, deadline=None)
def test_scale_and_offset_do_not_matter(scale: float, offset: float) -> None:
    points = torch.randn(30, 2, generator=generator()).double()
    assert roughness(scale * points + offset) == pytest.approx(roughness(points), rel=1e-6)


def test_points_that_stand_still_are_smooth_and_few_points_are_refused() -> None:
    assert roughness(torch.full((10, 2), 3.0)) == 0.0
    with pytest.raises(ParameterError, match="4 points or more, not 3"):
        roughness(torch.zeros(3, 2))


def test_what_is_not_known_is_left_out() -> None:
    """By hand: of a gap only the second differences that touch it are lost, and of a dimension without, nothing."""
    p = torch.randn(60, 2, generator=torch.Generator().manual_seed(0)).cumsum(0)
    gap = p.clone()
    gap[20:25, 1] = torch.nan
    bends = (p[:-2] - 2 * p[1:-1] + p[2:]).double()
    rows = torch.tensor([not (17 < t < 25) for t in range(58)])  # the difference at t reaches to t + 2
    known = torch.cat([p[:20, 1], p[25:, 1]]).double()
    expected = bends[:, 0].square().mean() + bends[rows, 1].square().mean()
    spread = p[:, 0].double().var(correction=0) + known.var(correction=0)
    assert roughness(gap) == pytest.approx(float(expected / (6 * spread)))
    lost = p.clone()
    lost[3:, 1] = torch.nan
    assert roughness(lost) == pytest.approx(roughness(p[:, :1]))
    assert math.isnan(roughness(torch.full((9, 2), torch.nan)))
