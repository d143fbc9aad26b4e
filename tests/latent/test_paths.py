"""Paths: ends, speeds, norms and statistics are what their formulas say."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from timbrespace.core.errors import ParameterError
from timbrespace.latent.paths import Path, line, random_walk, slerp

RATE = 20.0


def point(seed: int, dims: int = 4) -> torch.Tensor:
    return torch.randn(dims, generator=torch.Generator().manual_seed(seed))


def walk(seconds: float, *, seed: int = 0, period: float = 0.5, dims: int = 3) -> Path:
    generator = torch.Generator().manual_seed(seed)
    return random_walk(MEAN[:dims], COVARIANCE[:dims, :dims], seconds=seconds, rate_hz=RATE, period=period,
                       generator=generator)  # fmt: skip


MEAN = torch.tensor([1.0, -2.0, 0.5])
COVARIANCE = torch.tensor([[2.0, 0.6, 0.0], [0.6, 1.0, -0.3], [0.0, -0.3, 0.5]])


@pytest.mark.parametrize("curve", [line, slerp])
@given(seed=st.integers(0, 10_000), seconds=st.floats(0.1, 4.0))
@settings(max_examples=40, deadline=None)
def test_ends_and_duration(curve: object, seed: int, seconds: float) -> None:
    a, b = point(seed), point(seed + 1)
    path = curve(a, b, seconds=seconds, rate_hz=RATE)  # type: ignore[operator]  # line or slerp
    assert path.points.shape == (max(1, round(seconds * RATE)), 4)
    torch.testing.assert_close(path.points[0], a, atol=1e-5, rtol=1e-4)
    if len(path.points) > 1:
        torch.testing.assert_close(path.points[-1], b, atol=1e-5, rtol=1e-4)


def test_line_is_straight_and_even() -> None:
    path = line(point(0), point(1), seconds=2.0, rate_hz=RATE)
    torch.testing.assert_close(
        path.points.diff(dim=0), path.points.diff(dim=0)[:1].expand(39, -1), atol=1e-6, rtol=1e-4
    )


def test_slerp_has_constant_angular_speed_and_straight_norm() -> None:
    a, b = point(0).double(), 3 * point(1).double()
    path = slerp(a, b, seconds=2.0, rate_hz=RATE)
    norms = path.points.norm(dim=1)
    u = torch.linspace(0, 1, 40, dtype=torch.float32).double()
    torch.testing.assert_close(norms.double(), (1 - u) * a.norm() + u * b.norm(), rtol=1e-5, atol=1e-6)
    units = path.points / norms[:, None]
    steps = (units[1:] * units[:-1]).sum(1).clamp(-1, 1).acos()
    whole = float((a @ b / a.norm() / b.norm()).acos())
    torch.testing.assert_close(steps, torch.full_like(steps, whole / 39), rtol=1e-3, atol=1e-5)


def test_slerp_stays_in_the_plane_of_its_ends() -> None:
    a, b = point(0), point(1)
    basis = torch.linalg.qr(torch.stack([a, b]).T)[0]
    points = slerp(a, b, seconds=2.0, rate_hz=RATE).points
    torch.testing.assert_close(points @ basis @ basis.T, points, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("b", [point(0), 2 * point(0), -point(0), torch.zeros(4)])
def test_slerp_of_parallel_ends_is_the_line(b: torch.Tensor) -> None:
    a = point(0)
    curved, straight = (c(a, b, seconds=1.0, rate_hz=RATE).points for c in (slerp, line))
    assert curved.isfinite().all()
    torch.testing.assert_close(curved, straight, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("curve", [line, slerp])
def test_trajectories_run_along_and_begin_again(curve: object) -> None:
    a, b = torch.randn(7, 4), torch.randn(50, 4)
    path = curve(a, b, seconds=1.0, rate_hz=RATE)  # type: ignore[operator]  # line or slerp
    for i in (0, 5, 8, 19):
        both = curve(a[i % 7], b[i % 50], seconds=1.0, rate_hz=RATE)  # type: ignore[operator]  # line or slerp
        torch.testing.assert_close(path.points[i], both.points[i], atol=1e-5, rtol=1e-4)


def test_walk_has_the_mean_and_covariance_of_the_data() -> None:
    points = walk(20_000).points.double()
    torch.testing.assert_close(points.mean(0), MEAN.double(), atol=0.03, rtol=0)
    torch.testing.assert_close(torch.cov(points.T), COVARIANCE.double(), atol=0.05, rtol=0)


@pytest.mark.parametrize("period", [0.5, 2.0])
def test_walk_forgets_within_its_period(period: float) -> None:
    """Noise smoothed by a Gaussian of deviation s has the autocorrelation exp(-t² / (4 s²)), s = period / 4."""
    points = walk(20_000, period=period).points.double()
    centred = points - points.mean(0)
    for lag in (0.1, 0.25, 0.5, 1.0):
        shift = round(lag * RATE)
        found = float((centred[shift:] * centred[:-shift]).mean() / centred.square().mean())
        assert found == pytest.approx(math.exp(-(lag**2) / (4 * (period / 4) ** 2)), abs=0.03)


def test_walk_starts_and_ends_as_it_goes_on() -> None:
    """Stationary: over many walks every point, the first and last too, is distributed as the data are."""
    ends = torch.stack([walk(1.0, seed=s).points[[0, 10, -1]] for s in range(1500)]).double()
    for place in range(3):
        torch.testing.assert_close(ends[:, place].mean(0), MEAN.double(), atol=0.15, rtol=0)
        torch.testing.assert_close(torch.cov(ends[:, place].T), COVARIANCE.double(), atol=0.25, rtol=0)


def test_walk_is_smooth_and_follows_its_seed() -> None:
    path = walk(30.0, period=2.0)
    assert torch.equal(path.points, walk(30.0, period=2.0).points)
    assert not torch.equal(path.points, walk(30.0, period=2.0, seed=1).points)
    steps = path.points.diff(dim=0).norm(dim=1)
    spread = COVARIANCE.diagonal().sum().sqrt()
    expected = spread * (1 / RATE) / (2.0 / 4) / math.sqrt(2)  # standard deviation of the derivative
    assert float(steps.max()) < 4 * expected
    assert float(path.points.diff(n=2, dim=0).norm(dim=1).mean()) < 0.4 * float(steps.mean())


def test_walk_without_smoothing_is_white() -> None:
    points = walk(2000.0, period=0.0).points.double()
    centred = points - points.mean(0)
    assert abs(float((centred[1:] * centred[:-1]).mean() / centred.square().mean())) < 0.02


def test_walk_with_a_dead_dimension_stays_on_it() -> None:
    flat = torch.diag(torch.tensor([1.0, 0.0]))
    path = random_walk(torch.tensor([0.0, 5.0]), flat, seconds=5.0, rate_hz=RATE,
                       generator=torch.Generator().manual_seed(0))  # fmt: skip
    assert path.points.isfinite().all()
    assert float((path.points[:, 1] - 5).abs().max()) < 0.01


def test_resampling_keeps_ends_and_duration() -> None:
    path = line(point(0), point(1), seconds=3.0, rate_hz=RATE)
    other = path.resample(7.0)
    assert other.seconds == pytest.approx(3.0, abs=0.5 / 7)
    torch.testing.assert_close(other.points[[0, -1]], path.points[[0, -1]])
    torch.testing.assert_close(other.points.diff(n=2, dim=0), torch.zeros(19, 4), atol=1e-5, rtol=0)
    assert torch.equal(path.resample(RATE).points, path.points)
    assert Path(point(0)[None], 2.0).resample(20.0).points.shape == (10, 4)


def test_smoothing_keeps_lines_constants_and_the_mean() -> None:
    still = Path(point(0).expand(50, -1).clone(), RATE)
    torch.testing.assert_close(still.smooth(0.5).points, still.points, atol=1e-5, rtol=1e-4)
    straight = line(point(0), point(1), seconds=10.0, rate_hz=RATE)
    torch.testing.assert_close(straight.smooth(0.3).points[30:-30], straight.points[30:-30], atol=1e-4, rtol=1e-3)
    assert torch.equal(straight.smooth(0.0).points, straight.points)


def test_smoothing_damps_a_sine_as_a_gaussian_does() -> None:
    time = torch.arange(400) / RATE
    wave = Path(torch.sin(2 * math.pi * time)[:, None], RATE)  # 1 Hz
    s = 0.15
    ratio = wave.smooth(s).points[100:300].norm() / wave.points[100:300].norm()
    assert float(ratio) == pytest.approx(math.exp(-0.5 * (2 * math.pi * s) ** 2), rel=0.01)


def test_then_goes_on_at_the_first_rate() -> None:
    first = line(point(0), point(1), seconds=1.0, rate_hz=RATE)
    second = line(point(1), point(2), seconds=1.0, rate_hz=40.0)
    both = first.then(second)
    assert both.rate_hz == RATE
    assert both.points.shape == (40, 4)
    assert torch.equal(both.points[:20], first.points)
    torch.testing.assert_close(both.points[-1], point(2), atol=1e-5, rtol=1e-4)
    with pytest.raises(ParameterError, match="4 and 2 latents cannot follow"):
        first.then(Path(torch.zeros(3, 2), RATE))


def test_latents_are_a_batch_of_one() -> None:
    path = line(point(0), point(1), seconds=1.0, rate_hz=RATE)
    assert path.latents().shape == (1, 4, 20)
    assert torch.equal(path.latents()[0].T, path.points)


@pytest.mark.parametrize("seconds", [0.0, -1.0, math.nan, math.inf])
@pytest.mark.parametrize("curve", [line, slerp])
def test_durations_that_are_none(curve: object, seconds: float) -> None:
    with pytest.raises(ParameterError, match="A path lasts a positive number of seconds"):
        curve(point(0), point(1), seconds=seconds, rate_hz=RATE)  # type: ignore[operator]  # line or slerp


def test_wrong_shapes_and_rates() -> None:
    with pytest.raises(ParameterError, match=r"of one space, not shapes \(4,\) and \(3,\)"):
        line(point(0), torch.zeros(3), seconds=1.0, rate_hz=RATE)
    with pytest.raises(ParameterError, match="A path's rate is a positive number"):
        Path(torch.zeros(3, 2), math.nan)
    with pytest.raises(ParameterError, match="at least one"):
        Path(torch.zeros(0, 2), 1.0)


def test_a_walk_in_a_large_space_of_one_direction_is_drawn() -> None:
    """A dense covariance of rank one in 512 dimensions: its rounding in single precision is larger than any jitter."""
    direction = torch.randn(512, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    drawn = random_walk(torch.zeros(512), torch.outer(direction, direction), seconds=1.0, rate_hz=RATE,
                        generator=torch.Generator().manual_seed(1))  # fmt: skip
    assert drawn.points.isfinite().all()
    along = drawn.points.double() @ direction / direction.norm()
    assert along.square().sum() > 0.99 * drawn.points.double().square().sum()
