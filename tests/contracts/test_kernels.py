"""The contract of kernels, and proof that it notices mistakes."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from tests.contracts.common import check_config, make, members
from timbrespace.core.errors import ParameterError
from timbrespace.metrics.kernels import InverseMultiquadratic, Kernel, Laplace, Rbf


def squared_distances(x: Tensor, y: Tensor) -> Tensor:
    """``u`` of the contract for unit variance."""
    return (x[:, None] - y[None]).square().sum(-1) / (2 * x.shape[1])


def check_kernel(kernel: Kernel) -> None:
    u = torch.logspace(-3, 2, 61, dtype=torch.float64)
    value, slope = kernel.value_and_slope(u)
    _the_same_either_way(kernel)
    assert (value.diff() < 0).all(), "it must fall with distance"
    assert (value >= 0).all()
    step = 1e-6 * u
    difference = (kernel.value(u + step) - kernel.value(u - step)) / (2 * step)
    assert torch.allclose(slope, difference, rtol=1e-5, atol=1e-8), "the slope is not that of the value"
    at_zero = kernel.value_and_slope(torch.zeros(3, dtype=torch.float64))
    assert all(t.isfinite().all() for t in at_zero)
    # The largest value is that of a point with itself, one for each scale.
    assert torch.allclose(at_zero[0], torch.full((3,), float(len(kernel.scales)), dtype=torch.float64))
    _single_precision_suffices(kernel, u)
    for dimensions in (1, 2, 5, 16):
        _is_positive_definite(kernel, dimensions)


def _the_same_either_way(kernel: Kernel) -> None:
    """``value`` is the first of ``value_and_slope``, in any shape and layout, and leaves its argument alone."""
    for dtype in (torch.float32, torch.float64):
        u = torch.rand(7, 131, dtype=dtype, generator=torch.Generator().manual_seed(0))
        for given in (u, u.T, u[::2, ::3], u[0, :0], u[0, 0]):
            before = given.clone()
            value, slope = kernel.value_and_slope(given)
            assert torch.equal(given, before)
            assert value.shape == slope.shape == given.shape
            assert value.dtype == slope.dtype == dtype
            torch.testing.assert_close(kernel.value(given), value, rtol=1e-6, atol=0.0)
            torch.testing.assert_close(kernel.value(given.clone().requires_grad_()).detach(), value, rtol=1e-6, atol=0)
        tracked = u.clone().requires_grad_()
        assert not any(t.requires_grad for t in kernel.value_and_slope(tracked))
        (gradient,) = torch.autograd.grad(kernel.value(tracked).sum(), tracked)
        torch.testing.assert_close(gradient, kernel.value_and_slope(u)[1], rtol=1e-5, atol=1e-6)


def _single_precision_suffices(kernel: Kernel, u: Tensor) -> None:
    for rough, exact in zip(kernel.value_and_slope(u.float()), kernel.value_and_slope(u), strict=True):
        torch.testing.assert_close(rough.double(), exact, rtol=2e-5, atol=1e-7)


def _is_positive_definite(kernel: Kernel, dimensions: int) -> None:
    """Gram matrices of points, clustered and spread, have no eigenvalue below zero."""
    g = torch.Generator().manual_seed(dimensions)
    for spread in (0.1, 1.0, 4.0):
        x = spread * torch.randn(60, dimensions, dtype=torch.float64, generator=g)
        gram = kernel.value(squared_distances(x, x))
        assert float(torch.linalg.eigvalsh(gram)[0]) > -1e-10 * len(x), (
            f"not positive definite in {dimensions} dimensions"
        )


@pytest.mark.parametrize("kind", members(Kernel))
def test_contract(kind: str) -> None:
    kernel = make(Kernel, kind)
    check_config(kernel, Kernel)
    check_kernel(kernel)


@pytest.mark.parametrize("kind", members(Kernel))
@pytest.mark.parametrize("scales", [[0.25], [0.5, 3.0], [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 100.0]], ids=str)
def test_contract_holds_for_other_scales(kind: str, scales: list[float]) -> None:
    kernel = make(Kernel, kind, scales=scales)
    check_config(kernel, Kernel)
    check_kernel(kernel)


@pytest.mark.parametrize("kind", members(Kernel))
@pytest.mark.parametrize("scales", [[], [1.0, 0.0], [-1.0], [math.inf], [math.nan]], ids=str)
def test_impossible_scales_get_one_sentence(kind: str, scales: list[float]) -> None:
    with pytest.raises(ParameterError, match=rf"{kind}'s 'scales' are \[.*\]; give one or more numbers above 0\."):
        make(Kernel, kind, scales=scales)


class _Broken(Kernel):
    def __init__(self) -> None:
        self.scales = [1.0, 2.0]

    def value(self, u: Tensor) -> Tensor:
        return (-u).exp() + (-u / 2).exp()

    def value_and_slope(self, u: Tensor) -> tuple[Tensor, Tensor]:
        u = u.detach()
        return self.value(u), -(-u).exp() - 0.5 * (-u / 2).exp()


class WrongSign(_Broken):
    """Planted mistake: the slope points uphill."""

    def value_and_slope(self, u: Tensor) -> tuple[Tensor, Tensor]:
        value, slope = super().value_and_slope(u)
        return value, -slope


class ForgetsAScale(_Broken):
    """Planted mistake: with the slope comes the value of one scale."""

    def value_and_slope(self, u: Tensor) -> tuple[Tensor, Tensor]:
        return (-u.detach()).exp(), super().value_and_slope(u)[1]


class Averages(_Broken):
    """Planted mistake: the mean over scales in place of their sum."""

    def value(self, u: Tensor) -> Tensor:
        return super().value(u) / 2

    def value_and_slope(self, u: Tensor) -> tuple[Tensor, Tensor]:
        return super().value_and_slope(u)[0], super().value_and_slope(u)[1] / 2


class Rises(_Broken):
    """Planted mistake: points far apart are the most alike."""

    def value(self, u: Tensor) -> Tensor:
        return 2 - (-u).exp()

    def value_and_slope(self, u: Tensor) -> tuple[Tensor, Tensor]:
        return self.value(u.detach()), (-u.detach()).exp()


class NotPositiveDefinite(_Broken):
    """Planted mistake: ``exp(-u²)`` falls smoothly, but is no kernel."""

    def value(self, u: Tensor) -> Tensor:
        return 2 * (-u.square()).exp()

    def value_and_slope(self, u: Tensor) -> tuple[Tensor, Tensor]:
        u = u.detach()
        return self.value(u), -4 * u * (-u.square()).exp()


class InfiniteSlope(_Broken):
    """Planted mistake: the slope of a pointed kernel at zero is left infinite."""

    def value(self, u: Tensor) -> Tensor:
        return 2 * (-u.sqrt()).exp()

    def value_and_slope(self, u: Tensor) -> tuple[Tensor, Tensor]:
        u = u.detach()
        return self.value(u), -(-u.sqrt()).exp() / u.sqrt()


class Overwrites(_Broken):
    """Planted mistake: the distances are worked on in place."""

    def value_and_slope(self, u: Tensor) -> tuple[Tensor, Tensor]:
        value, slope = super().value_and_slope(u)
        u.detach().neg_()
        return value, slope


MISTAKES = [WrongSign, ForgetsAScale, Averages, Rises, NotPositiveDefinite, InfiniteSlope, Overwrites]


def test_the_right_kernel_behind_the_mistakes_passes() -> None:
    check_kernel(_Broken())


@pytest.mark.parametrize("broken", MISTAKES)
def test_contract_notices_planted_mistakes(broken: type[Kernel]) -> None:
    with pytest.raises(AssertionError):
        check_kernel(broken())


def test_values_of_the_three() -> None:
    """Each at a point, in its textbook form: x and y of 3 coordinates at distance 2, variance 0.5."""
    d, v, distance = 3, 0.5, 2.0
    u = torch.tensor(distance**2 / (2 * d * v), dtype=torch.float64)
    width = math.sqrt(d * v * 0.7)
    assert float(Rbf(scales=[0.7]).value(u)) == pytest.approx(math.exp(-(distance**2) / (2 * width**2)))
    assert float(Laplace(scales=[0.7]).value(u)) == pytest.approx(math.exp(-distance / width))
    constants = [2 * d * v * s for s in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)]
    expected = sum(c / (c + distance**2) for c in constants)
    assert float(InverseMultiquadratic().value(u)) == pytest.approx(expected)
