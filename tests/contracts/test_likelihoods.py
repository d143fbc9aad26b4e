"""The contract of likelihoods, and proof that it notices mistakes."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from tests.contracts.common import check_config, make, members
from timbrespace.models.likelihoods import Gaussian, Likelihood


def check_likelihood(likelihood: Likelihood) -> None:
    generator = torch.Generator().manual_seed(0)
    n = likelihood.n_parameters
    parameters = torch.randn(5, n, 4, 6, generator=generator, requires_grad=True)
    target = torch.randn(5, 1, 4, 6, generator=generator)
    nll = likelihood.negative_log_likelihood(parameters, target)
    assert nll.shape == (5,)
    assert torch.isfinite(nll).all()
    _sums_over_cells(likelihood, parameters.detach(), target, nll)
    _is_a_density(likelihood)
    nll.sum().backward()
    assert parameters.grad is not None
    assert parameters.grad.abs().sum() > 0


def _sums_over_cells(likelihood: Likelihood, parameters: Tensor, target: Tensor, nll: Tensor) -> None:
    """In nats per example: two halves of an example add up to the whole."""
    halves = [
        likelihood.negative_log_likelihood(parameters[..., part], target[..., part])
        for part in (slice(0, 2), slice(2, None))
    ]
    torch.testing.assert_close(sum(halves), nll.detach(), rtol=1e-5, atol=1e-5)


def _is_a_density(likelihood: Likelihood) -> None:
    """exp(-nll) has the same mass for any parameters; its mean and spread are those that are claimed and drawn."""
    masses = []
    for seed in range(3):
        generator = torch.Generator().manual_seed(seed)
        parameters = torch.randn(1, likelihood.n_parameters, 1, 1, generator=generator)
        grid = torch.linspace(-12, 12, 24_001)
        cells = parameters.expand(len(grid), -1, 1, 1)
        with torch.no_grad():
            density = (-likelihood.negative_log_likelihood(cells, grid.reshape(-1, 1, 1, 1))).double().exp()
            drawn = likelihood.sample(cells.contiguous(), generator=generator).double().flatten()
            claimed = float(likelihood.mean(parameters).double())
        masses.append(float(density.mean()) * 24)
        density = density / density.sum()
        mean = float((density * grid).sum())
        deviation = math.sqrt(float((density * (grid - mean) ** 2).sum()))
        assert claimed == pytest.approx(mean, abs=1e-3)
        assert float(drawn.mean()) == pytest.approx(mean, abs=5 * deviation / math.sqrt(len(grid)))
        assert float(drawn.std()) == pytest.approx(deviation, rel=0.03)
    assert masses == pytest.approx([masses[0]] * 3, rel=1e-3)


@pytest.mark.parametrize("kind", members(Likelihood))
def test_contract(kind: str) -> None:
    likelihood = make(Likelihood, kind)
    check_config(likelihood, Likelihood)
    check_likelihood(likelihood)


class AveragedGaussian(Likelihood):
    """Planted mistake: a mean over cells instead of their sum."""

    n_parameters = 1

    def __init__(self) -> None:
        super().__init__()

    def negative_log_likelihood(self, parameters: Tensor, target: Tensor) -> Tensor:
        return 0.5 * (parameters - target).square().mean(dim=(1, 2, 3))

    def mean(self, parameters: Tensor) -> Tensor:
        return parameters

    def sample(self, parameters: Tensor, *, generator: torch.Generator) -> Tensor:
        return parameters + torch.randn(parameters.shape, generator=generator)


class DoubledGaussian(AveragedGaussian):
    """Planted mistake: the factor 1/2 is missing, so that samples are wider than the density."""

    def negative_log_likelihood(self, parameters: Tensor, target: Tensor) -> Tensor:
        return (parameters - target).square().sum(dim=(1, 2, 3))


@pytest.mark.parametrize("broken", [AveragedGaussian, DoubledGaussian])
def test_contract_notices_planted_mistakes(broken: type[Likelihood]) -> None:
    with pytest.raises(AssertionError):
        check_likelihood(broken())


def test_gaussian_equals_torch_distribution() -> None:
    parameters, target = torch.randn(3, 1, 4, 5), torch.randn(3, 1, 4, 5)
    expected = -torch.distributions.Normal(parameters, 0.3).log_prob(target).sum(dim=(1, 2, 3))
    torch.testing.assert_close(Gaussian(sigma=0.3).negative_log_likelihood(parameters, target), expected)


def test_learned_sigma_settles_at_the_root_mean_square_error() -> None:
    likelihood = Gaussian(sigma=None)
    parameters, target = torch.zeros(8, 1, 10, 10), 0.37 * torch.randn(8, 1, 10, 10)
    optimiser = torch.optim.Adam(likelihood.parameters(), 0.05)
    for _ in range(300):
        optimiser.zero_grad()
        likelihood.negative_log_likelihood(parameters, target).mean().backward()
        optimiser.step()
    assert float(likelihood.log_sigma.exp().detach()) == pytest.approx(float(target.square().mean().sqrt()), rel=1e-3)
