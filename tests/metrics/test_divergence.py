"""Divergences: brute force, closed forms, POT, and gradients beside autograd's."""

from __future__ import annotations

import math

import ot
import pytest
import torch
from torch import Tensor

from tests.contracts.common import make, members
from timbrespace.core.errors import ParameterError
from timbrespace.metrics.divergence import ROWS_AT_ONCE, mmd, sliced_wasserstein
from timbrespace.metrics.kernels import InverseMultiquadratic, Kernel, Rbf


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def points(n: int, d: int, *, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(n, d, generator=generator(seed), dtype=dtype)


def gram(kernel: Kernel, x: Tensor, y: Tensor, variance: float) -> Tensor:
    return kernel.value((x[:, None] - y[None]).square().sum(-1) / (2 * x.shape[1] * variance))


def formula(x: Tensor, y: Tensor, kernel: Kernel, *, variance: float = 1.0) -> Tensor:
    """The U-statistic as it is written down, for autograd; diagonals are left out before they are computed."""

    def within(a: Tensor) -> Tensor:
        first, second = torch.triu_indices(len(a), len(a), offset=1)
        u = (a[first] - a[second]).square().sum(-1) / (2 * a.shape[1] * variance)
        return kernel.value(u).mean()

    return within(x) + within(y) - 2 * gram(kernel, x, y, variance).mean()


@pytest.mark.parametrize("kind", members(Kernel))
def test_mmd_is_the_sum_over_pairs(kind: str) -> None:
    kernel, x, y, v = make(Kernel, kind), 1.3 * points(9, 3), points(6, 3, seed=1), 0.7

    def k(a: Tensor, b: Tensor) -> float:
        return float(kernel.value((a - b).square().sum() / (2 * 3 * v)))

    total = sum(k(x[i], x[j]) for i in range(9) for j in range(9) if i != j) / (9 * 8)
    total += sum(k(y[i], y[j]) for i in range(6) for j in range(6) if i != j) / (6 * 5)
    total -= 2 * sum(k(a, b) for a in x for b in y) / (9 * 6)
    assert float(mmd(x, y, kernel, variance=v)) == pytest.approx(total, rel=1e-12)


@pytest.mark.parametrize("kind", members(Kernel))
@pytest.mark.parametrize(("n", "m", "d"), [(2, 2, 1), (5, 7, 3), (ROWS_AT_ONCE, 3, 4), (300, 150, 2), (40, 301, 6)])
def test_value_and_gradients_are_those_of_the_formula(kind: str, n: int, m: int, d: int) -> None:
    kernel = make(Kernel, kind)
    for wanted in [(True, True), (True, False), (False, True), (False, False)]:
        x, y = (1.2 * points(n, d) + 0.3).requires_grad_(wanted[0]), points(m, d, seed=1).requires_grad_(wanted[1])
        ours, theirs = mmd(x, y, kernel, variance=0.8), formula(x, y, kernel, variance=0.8)
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)
        sides = [t for t in (x, y) if t.requires_grad]
        if sides:
            for a, b in zip(torch.autograd.grad(3 * ours, sides), torch.autograd.grad(3 * theirs, sides), strict=True):
                torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize("kind", members(Kernel))
def test_gradcheck(kind: str) -> None:
    x, y = points(6, 3).requires_grad_(), points(5, 3, seed=1).requires_grad_()
    kernel = make(Kernel, kind)
    assert torch.autograd.gradcheck(lambda a, b: mmd(a, b, kernel, variance=1.5), (x, y))


@pytest.mark.parametrize(("spread", "of_x", "of_y"), [(1.0, 0.0, 0.0), (1.0, 100.0, 100.0), (0.01, 10.0, 0.0)])
def test_single_precision_suffices(spread: float, of_x: float, of_y: float) -> None:
    """Also far from the origin, and where the points lie close together far from the prior."""
    x = (spread * points(256, 16, dtype=torch.float32) + of_x).requires_grad_()
    y = points(256, 16, seed=1, dtype=torch.float32) + of_y
    exact = x.detach().double().requires_grad_()
    (ours,) = torch.autograd.grad(mmd(x, y, InverseMultiquadratic()), x)
    (theirs,) = torch.autograd.grad(formula(exact, y.double(), InverseMultiquadratic()), exact)
    assert float((ours - theirs).norm() / theirs.norm()) < 1e-5


def test_half_precision_is_computed_in_single() -> None:
    x, y = points(64, 8).bfloat16().requires_grad_(), points(64, 8, seed=1).bfloat16()
    exact = mmd(x.detach().double(), y.double(), InverseMultiquadratic())
    with torch.autocast("cpu", torch.bfloat16):
        value = mmd(x, y, InverseMultiquadratic())
    assert value.dtype == torch.float32
    assert float(value.detach()) == pytest.approx(float(exact), abs=2e-6)
    value.backward()
    assert x.grad is not None
    assert x.grad.dtype == torch.bfloat16


def test_mmd_of_gaussians_has_its_closed_form() -> None:
    """``E k(x, y) = (w² / q)^(d/2) exp(-|a - b|² / (2 q))``, ``q = w² + s² + t²``, for N(a, s² I) and N(b, t² I)."""
    d, s, t, shift, kernel = 3, 1.0, 1.5, 0.8, Rbf(scales=[0.7])
    w2 = d * 0.7

    def expected(spread: float, distance: float) -> float:
        q = w2 + spread
        return (w2 / q) ** (d / 2) * math.exp(-(distance**2) / (2 * q))

    exact = expected(2 * s * s, 0.0) + expected(2 * t * t, 0.0) - 2 * expected(s * s + t * t, shift * math.sqrt(d))
    draws = torch.stack(
        [mmd(s * points(400, d, seed=i), t * points(300, d, seed=1000 + i) + shift, kernel) for i in range(60)]
    )
    error = float(draws.std()) / math.sqrt(len(draws))
    assert error < 0.02 * exact
    assert abs(float(draws.mean()) - exact) < 3.5 * error


def test_mmd_is_without_bias_and_not_the_v_statistic() -> None:
    kernel, biased, ours = InverseMultiquadratic(), [], []
    for seed in range(400):
        x, y = points(16, 4, seed=seed), points(12, 4, seed=10_000 + seed)
        ours.append(mmd(x, y, kernel))
        within = gram(kernel, x, x, 1.0).mean() + gram(kernel, y, y, 1.0).mean()
        biased.append(within - 2 * gram(kernel, x, y, 1.0).mean())
    values = torch.stack(ours)
    error = float(values.std()) / math.sqrt(len(values))
    assert abs(float(values.mean())) < 3 * error
    assert 0.3 < float((values < 0).double().mean()) < 0.8
    assert float(torch.stack(biased).mean()) > 20 * error


def test_mmd_depends_on_counts_and_not_on_the_number_of_latents() -> None:
    """Coordinates that are all zero change nothing where the variance is that of one coordinate."""
    x, y, kernel = points(20, 3), points(30, 3, seed=1) + 0.5, InverseMultiquadratic()
    wide_x, wide_y = (torch.cat([t, torch.zeros(len(t), 9)], 1).requires_grad_() for t in (x, y))
    narrow, wide = mmd(x.requires_grad_(), y, kernel), mmd(wide_x, wide_y, kernel, variance=0.25)
    assert float(wide.detach()) == pytest.approx(float(narrow.detach()), rel=1e-12)
    gradients = torch.autograd.grad(narrow, x)[0], torch.autograd.grad(wide, wide_x)[0]
    torch.testing.assert_close(gradients[1][:, :3], gradients[0])
    assert not gradients[1][:, 3:].any()


@pytest.mark.parametrize(("n", "m", "d"), [(4, 4, 2), (5, 40, 2), (40, 5, 30)])
def test_two_heaps_far_apart_are_two_kernels_apart(n: int, m: int, d: int) -> None:
    """Whatever the counts and dimensions: all pairs of a heap are alike (7 scales of 1), and none across."""
    x, y = torch.zeros(n, d, dtype=torch.float64), torch.full((m, d), 1e7, dtype=torch.float64)
    assert float(mmd(x, y, InverseMultiquadratic())) == pytest.approx(14.0, rel=1e-6)


@pytest.mark.parametrize("kind", members(Kernel))
def test_descent_brings_points_to_the_prior(kind: str) -> None:
    """The sign: a loss that is made smaller makes the points more like the prior's."""
    kernel, prior = make(Kernel, kind), points(256, 2, seed=1)
    x = (0.2 * points(128, 2) + 1.0).requires_grad_()
    before = float(mmd(x, prior, kernel).detach())
    for _ in range(60):
        (gradient,) = torch.autograd.grad(mmd(x, prior, kernel), x)
        x = (x - 20.0 * gradient).detach().requires_grad_()
    assert float(mmd(x, prior, kernel).detach()) < 0.2 * before
    assert float(x.detach().mean(0).norm()) < 0.5  # from 2^(1/2)


@pytest.mark.parametrize("kind", members(Kernel))
def test_equal_points_have_finite_gradients(kind: str) -> None:
    x, y = torch.ones(5, 2).requires_grad_(), torch.ones(4, 2).requires_grad_()
    value = mmd(x, y, make(Kernel, kind))
    value.backward()
    assert float(value.detach()) == pytest.approx(0.0, abs=1e-6)
    for t in (x, y):
        assert t.grad is not None
        assert float(t.grad.abs().max()) < 1e-6


def test_images_as_points() -> None:
    g = generator()
    x, y = torch.rand(2000, 784, generator=g), torch.rand(2000, 784, generator=g)
    kernel, v = Rbf(), 1 / 12
    unlike = mmd(x, y.sqrt(), kernel, variance=v)
    assert abs(float(mmd(x, y, InverseMultiquadratic(), variance=v))) < 1e-4 < float(unlike)
    grams = [kernel.value(torch.cdist(a.double(), b.double()).square() / (2 * 784 * v))
             for a, b in ((x, x), (y.sqrt(), y.sqrt()), (x, y.sqrt()))]  # fmt: skip
    within = [float(k.sum() - k.trace()) / (2000 * 1999) for k in grams[:2]]
    assert float(unlike) == pytest.approx(sum(within) - 2 * float(grams[2].mean()), abs=2e-6)


def test_what_mmd_cannot_compare() -> None:
    kernel = Rbf()
    with pytest.raises(ParameterError, match="give 2 points or more, not 1 and 4"):
        mmd(points(1, 2), points(4, 2), kernel)
    with pytest.raises(ParameterError, match="2 and 3 coordinates; give them the same"):
        mmd(points(4, 2), points(4, 3), kernel)
    with pytest.raises(ParameterError, match="'variance' is 0.0; give that of one coordinate"):
        mmd(points(4, 2), points(4, 2), kernel, variance=0.0)


def test_nan_stays_nan() -> None:
    x = points(4, 2)
    x[1, 0] = math.nan
    assert math.isnan(float(mmd(x, points(4, 2), InverseMultiquadratic())))
    assert math.isnan(float(mmd(x.float(), points(4, 2).float(), InverseMultiquadratic())))


@pytest.mark.parametrize(("n", "m"), [(50, 50), (50, 80), (81, 30), (1, 7)])
def test_sliced_wasserstein_is_pots(n: int, m: int) -> None:
    x, y = points(n, 4), 1.5 * points(m, 4, seed=1) + 0.3
    directions = torch.randn(4, 70, generator=generator(5), dtype=torch.float64)
    directions /= directions.norm(dim=0)
    theirs = ot.sliced_wasserstein_distance(x.numpy(), y.numpy(), projections=directions.numpy(), p=2)
    assert sliced_wasserstein(x, y, n_projections=70, generator=generator(5)) == pytest.approx(theirs, rel=1e-9)


def test_sliced_wasserstein_of_a_shift() -> None:
    """``|c| / d^(1/2)``: the mean square of a direction's cosine with c is one over the number of coordinates."""
    x, shift = points(40, 5), torch.tensor([1.0, -2.0, 0.0, 0.5, 1.0], dtype=torch.float64)
    found = sliced_wasserstein(x, x + shift, n_projections=8000, generator=generator())
    assert found == pytest.approx(float(shift.norm()) / math.sqrt(5), rel=0.03)
    assert sliced_wasserstein(x, x[torch.randperm(40, generator=generator())], generator=generator()) < 1e-12


def test_sliced_wasserstein_of_gaussians() -> None:
    """For N(0, I) and N(c, s² I), ``(|c|² / d + (s - 1)²)^(1/2)``, up to what the samples add."""
    x, y = points(20_000, 3), 1.7 * points(15_000, 3, seed=1) + 0.4
    found = sliced_wasserstein(x, y, n_projections=200, generator=generator())
    assert found == pytest.approx(math.sqrt(0.4**2 + 0.7**2), rel=0.02)


def test_sliced_wasserstein_repeats_and_takes_repeated_samples() -> None:
    x, y = points(30, 3), points(20, 3, seed=1)
    first = sliced_wasserstein(x, y, generator=generator())
    assert first == sliced_wasserstein(x, y, generator=generator())
    assert first == pytest.approx(sliced_wasserstein(x.repeat(2, 1), y.repeat(3, 1), generator=generator()), rel=1e-9)


def test_what_sliced_wasserstein_cannot_compare() -> None:
    with pytest.raises(ParameterError, match="0 and 4 points along 500"):
        sliced_wasserstein(points(0, 2), points(4, 2), generator=generator())
    with pytest.raises(ParameterError, match="2 and 3 coordinates"):
        sliced_wasserstein(points(4, 2), points(4, 3), generator=generator())
