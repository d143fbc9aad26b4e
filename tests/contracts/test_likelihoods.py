"""The contract of likelihoods, and proof that it notices mistakes."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any, ClassVar, Literal

import pytest
import torch
from torch import Tensor, nn

from tests.contracts.common import check_config, members
from tests.contracts.variants import made, spelled, variants
from timbrespace.core.errors import ParameterError
from timbrespace.models.likelihoods import (
    Bernoulli,
    Gaussian,
    Laplace,
    Likelihood,
    MultiResolutionSpectral,
    SquaredError,
)


def frames_for(likelihood: Likelihood, *shape: int, seed: int = 0) -> Tensor:
    """Frames of the kind that the likelihood speaks of."""
    noise = torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
    return (noise > 0).float() if likelihood.support == "binary" else noise


def check_likelihood(likelihood: Likelihood) -> None:
    n = likelihood.n_parameters
    parameters = torch.randn(5, n, 4, 6, generator=torch.Generator().manual_seed(1), requires_grad=True)
    target = frames_for(likelihood, 5, 1, 4, 6)
    nll = likelihood.negative_log_likelihood(parameters, target)
    assert nll.shape == (5,)
    assert torch.isfinite(nll).all()
    _sums_over_cells(likelihood, parameters.detach(), target, nll.detach())
    _draws_are_frames(likelihood, parameters.detach())
    if likelihood.density and likelihood.support == "real":
        _is_a_density(likelihood)
    elif likelihood.density:
        _is_a_mass(likelihood)
    else:
        _is_least_at_the_target(likelihood)
    _learns(likelihood, parameters, nll)
    _survives_silence(likelihood)
    _starts_at_the_average(likelihood)


def _starts_at_the_average(likelihood: Likelihood) -> None:
    """The parameters of an average say that average; where it is certain (a cell always empty) they stay finite."""
    average = torch.rand(1, 1, 4, 6, generator=torch.Generator().manual_seed(2)) * 0.9 + 0.05
    start = likelihood.parameters_of(average)
    assert start.shape == (1, likelihood.n_parameters, 4, 6)
    torch.testing.assert_close(likelihood.mean(start), average, rtol=1e-4, atol=1e-4)
    for certain in (torch.zeros(1, 1, 4, 6), torch.ones(1, 1, 4, 6)):
        assert torch.isfinite(likelihood.parameters_of(certain)).all()
        torch.testing.assert_close(likelihood.mean(likelihood.parameters_of(certain)), certain, rtol=0, atol=2e-3)


def _sums_over_cells(likelihood: Likelihood, parameters: Tensor, target: Tensor, nll: Tensor) -> None:
    """Per example and in sum: the same rows twice count twice; of a density, two halves add up to the whole."""
    with torch.no_grad():
        alone = likelihood.negative_log_likelihood(parameters[1:2], target[1:2])
        torch.testing.assert_close(alone, nll[1:2], rtol=1e-5, atol=1e-5)
        if not likelihood.additive:
            return
        twice = likelihood.negative_log_likelihood(torch.cat([parameters] * 2, 2), torch.cat([target] * 2, 2))
        torch.testing.assert_close(twice, 2 * nll, rtol=1e-5, atol=1e-5)
        if likelihood.density:
            cuts = (slice(0, 2), slice(2, None))
            halves = [likelihood.negative_log_likelihood(parameters[..., c], target[..., c]) for c in cuts]
            torch.testing.assert_close(sum(halves), nll, rtol=1e-5, atol=1e-5)


def _draws_are_frames(likelihood: Likelihood, parameters: Tensor) -> None:
    with torch.no_grad():
        one, again = (likelihood.sample(parameters, generator=torch.Generator().manual_seed(2)) for _ in range(2))
        assert one.shape == likelihood.mean(parameters).shape == (5, 1, 4, 6)
        assert torch.equal(one, again), "draws come from elsewhere than the generator"
        assert torch.isfinite(likelihood.negative_log_likelihood(parameters, one)).all(), "a draw is impossible"


def _is_a_density(likelihood: Likelihood) -> None:
    """exp(-nll) integrates to 1; its mean and spread are those that are claimed and drawn."""
    grid = torch.linspace(-24, 24, 48_001)
    for seed in range(3):
        generator = torch.Generator().manual_seed(seed)
        parameters = torch.randn(1, likelihood.n_parameters, 1, 1, generator=generator)
        cells = parameters.expand(len(grid), -1, 1, 1)
        with torch.no_grad():
            density = (-likelihood.negative_log_likelihood(cells, grid.reshape(-1, 1, 1, 1))).double().exp()
            drawn = likelihood.sample(cells.contiguous(), generator=generator).double().flatten()
            claimed = float(likelihood.mean(parameters).double())
        assert float(density.mean()) * 48 == pytest.approx(1.0, abs=2e-3)
        density = density / density.sum()
        mean = float((density * grid).sum())
        deviation = math.sqrt(float((density * (grid - mean) ** 2).sum()))
        assert claimed == pytest.approx(mean, abs=1e-3)
        assert float(drawn.mean()) == pytest.approx(mean, abs=5 * deviation / math.sqrt(len(grid)))
        assert float(drawn.std()) == pytest.approx(deviation, rel=0.03)


def _is_a_mass(likelihood: Likelihood) -> None:
    """The probabilities of 0 and 1 add up to 1, and that of 1 is what is claimed and drawn."""
    parameters = torch.randn(1, likelihood.n_parameters, 1, 1, generator=torch.Generator().manual_seed(3))
    many = parameters.expand(20_000, -1, 1, 1)
    with torch.no_grad():
        nothing, one = (
            (-likelihood.negative_log_likelihood(parameters, torch.full((1, 1, 1, 1), v))).exp() for v in (0.0, 1.0)
        )
        drawn = likelihood.sample(many.contiguous(), generator=torch.Generator().manual_seed(4))
        claimed = float(likelihood.mean(parameters))
    assert float(nothing + one) == pytest.approx(1.0)
    assert claimed == pytest.approx(float(one))
    assert set(drawn.unique().tolist()) <= {0.0, 1.0}
    assert float(drawn.mean()) == pytest.approx(claimed, abs=0.02)


def _is_least_at_the_target(likelihood: Likelihood) -> None:
    """What is no density is at least a distance: nought where the mean is the target, more the further away it is."""
    target = frames_for(likelihood, 5, 1, 4, 6)
    away = torch.randn(target.shape, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        assert torch.equal(likelihood.mean(target), target)
        costs = [likelihood.negative_log_likelihood(target + by * away, target) for by in (0.0, 0.01, 0.1, 1.0)]
    torch.testing.assert_close(costs[0], torch.zeros(5))
    assert all((small < large).all() for small, large in pairwise(costs))


def _learns(likelihood: Likelihood, parameters: Tensor, nll: Tensor) -> None:
    nll.sum().backward()
    assert parameters.grad is not None
    assert (parameters.grad.abs().sum(dim=(0, 2, 3)) > 0).all(), "a decoder's output gets no gradient"
    for parameter in likelihood.parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None
            assert parameter.grad.abs().sum() > 0


def _survives_silence(likelihood: Likelihood) -> None:
    for target in (torch.zeros(2, 1, 4, 6), frames_for(likelihood, 2, 1, 4, 6)):
        parameters = torch.zeros(2, likelihood.n_parameters, 4, 6, requires_grad=True)
        likelihood.negative_log_likelihood(parameters, target).sum().backward()
        assert parameters.grad is not None
        assert torch.isfinite(parameters.grad).all(), "no finite gradient where all is zero"


@pytest.mark.parametrize("table", variants(Likelihood, members(Likelihood)), ids=spelled)
def test_contract(table: dict[str, Any]) -> None:
    likelihood = made(Likelihood, table)
    check_config(likelihood, Likelihood)
    check_likelihood(likelihood)


class PlainGaussian(Likelihood):
    """A whole one, from which the broken ones derive."""

    n_parameters = 1

    def __init__(self) -> None:
        super().__init__()

    def negative_log_likelihood(self, parameters: Tensor, target: Tensor) -> Tensor:
        return (0.5 * (parameters - target).square() + 0.5 * math.log(2 * math.pi)).sum(dim=(1, 2, 3))

    def mean(self, parameters: Tensor) -> Tensor:
        return parameters

    def parameters_of(self, mean: Tensor) -> Tensor:
        return mean

    def sample(self, parameters: Tensor, *, generator: torch.Generator) -> Tensor:
        return parameters + torch.randn(parameters.shape, generator=generator)


class Averaged(PlainGaussian):
    """Planted mistake: a mean over cells instead of their sum."""

    def negative_log_likelihood(self, parameters: Tensor, target: Tensor) -> Tensor:
        return 0.5 * ((parameters - target).square() + math.log(2 * math.pi)).mean(dim=(1, 2, 3))


class Doubled(PlainGaussian):
    """Planted mistake: the factor 1/2 is missing, so that samples are wider than the density."""

    def negative_log_likelihood(self, parameters: Tensor, target: Tensor) -> Tensor:
        return ((parameters - target).square() + 0.5 * math.log(math.pi)).sum(dim=(1, 2, 3))


class Unnormalised(PlainGaussian):
    """Planted mistake: no constant, and yet a density is claimed."""

    def negative_log_likelihood(self, parameters: Tensor, target: Tensor) -> Tensor:
        return 0.5 * (parameters - target).square().sum(dim=(1, 2, 3))


class Negated(Unnormalised):
    """Planted mistake: the sign of a distance."""

    density: ClassVar[bool] = False

    def negative_log_likelihood(self, parameters: Tensor, target: Tensor) -> Tensor:
        return -super().negative_log_likelihood(parameters, target)


class BatchMean(PlainGaussian):
    """Planted mistake: every example gets the mean of all."""

    def negative_log_likelihood(self, parameters: Tensor, target: Tensor) -> Tensor:
        return super().negative_log_likelihood(parameters, target).mean().expand(len(target))


class Breaking(PlainGaussian):
    """Planted mistake: a distance whose gradient is not finite where all is zero."""

    density: ClassVar[bool] = False

    def negative_log_likelihood(self, parameters: Tensor, target: Tensor) -> Tensor:
        return (parameters - target).square().sum(dim=(1, 3)).sqrt().sum(1)


class DoubledStart(PlainGaussian):
    """Planted mistake: the parameters of an average say twice as much."""

    def parameters_of(self, mean: Tensor) -> Tensor:
        return 2 * mean


class ProbabilitiesAsLogits(PlainGaussian):
    """Planted mistake: the mean of a binary likelihood is the decoder's output as it is."""

    support: ClassVar[Literal["real", "binary"]] = "binary"

    def negative_log_likelihood(self, parameters: Tensor, target: Tensor) -> Tensor:
        cells = nn.functional.binary_cross_entropy_with_logits(parameters, target, reduction="none")
        return cells.sum(dim=(1, 2, 3))

    def sample(self, parameters: Tensor, *, generator: torch.Generator) -> Tensor:
        return torch.bernoulli(parameters.sigmoid(), generator=generator)


BROKEN = [Averaged, Doubled, Unnormalised, Negated, BatchMean, Breaking, DoubledStart, ProbabilitiesAsLogits]


@pytest.mark.parametrize("broken", BROKEN)
def test_contract_notices_planted_mistakes(broken: type[Likelihood]) -> None:
    check_likelihood(PlainGaussian())
    with pytest.raises(AssertionError):
        check_likelihood(broken())


def test_gaussian_equals_torch_distribution() -> None:
    parameters, target = torch.randn(3, 1, 4, 5), torch.randn(3, 1, 4, 5)
    expected = -torch.distributions.Normal(parameters, 0.3).log_prob(target).sum(dim=(1, 2, 3))
    torch.testing.assert_close(Gaussian(sigma=0.3).negative_log_likelihood(parameters, target), expected)


def test_laplace_equals_torch_distribution() -> None:
    parameters, target = torch.randn(3, 1, 4, 5), torch.randn(3, 1, 4, 5)
    expected = -torch.distributions.Laplace(parameters, 0.3).log_prob(target).sum(dim=(1, 2, 3))
    torch.testing.assert_close(Laplace(scale=0.3).negative_log_likelihood(parameters, target), expected)


def test_bernoulli_equals_torch_distribution() -> None:
    parameters, target = 3 * torch.randn(3, 1, 4, 5), (torch.rand(3, 1, 4, 5) > 0.5).float()
    expected = -torch.distributions.Bernoulli(logits=parameters).log_prob(target).sum(dim=(1, 2, 3))
    torch.testing.assert_close(Bernoulli().negative_log_likelihood(parameters, target), expected)


def test_bernoulli_is_finite_where_it_is_sure() -> None:
    certain = torch.tensor([200.0, -200.0]).reshape(1, 1, 1, 2)
    assert float(Bernoulli().negative_log_likelihood(certain, torch.tensor([1.0, 0.0]).reshape(1, 1, 1, 2))) == 0.0
    assert float(Bernoulli().negative_log_likelihood(certain, torch.tensor([0.0, 1.0]).reshape(1, 1, 1, 2))) == 400.0


def test_bernoulli_of_grey_values_is_the_mean_over_their_binarisations() -> None:
    generator = torch.Generator().manual_seed(0)
    grey, logits = torch.rand(1, 1, 4, 5, generator=generator), torch.randn(1, 1, 4, 5, generator=generator)
    binary = torch.bernoulli(grey.expand(20_000, -1, -1, -1), generator=generator)
    each = Bernoulli().negative_log_likelihood(logits.expand_as(binary), binary)
    assert float(Bernoulli().negative_log_likelihood(logits, grey)) == pytest.approx(float(each.mean()), rel=0.01)


@pytest.mark.parametrize("wrong", [-0.1, 1.5, math.nan])
def test_bernoulli_refuses_frames_that_are_no_probabilities(wrong: float) -> None:
    target = torch.full((1, 1, 2, 2), 0.5)
    target[0, 0, 1, 1] = wrong
    with pytest.raises(ParameterError, match=r"needs frames between 0 and 1, not .* use Gaussian"):
        Bernoulli().negative_log_likelihood(torch.zeros(1, 1, 2, 2), target)


@pytest.mark.parametrize(("kind", "scale"), [("Gaussian", 0.37), ("Laplace", 0.37 * math.sqrt(2 / math.pi))])
def test_a_learned_scale_settles_at_the_error(kind: str, scale: float) -> None:
    """The root mean square error of a Gaussian, the mean absolute one of a Laplace likelihood."""
    likelihood = made(Likelihood, {"kind": kind, {"Gaussian": "sigma", "Laplace": "scale"}[kind]: None})
    parameters, target = torch.zeros(8, 1, 10, 10), 0.37 * torch.randn(8, 1, 10, 10)
    optimiser = torch.optim.Adam(likelihood.parameters(), 0.05)
    for _ in range(300):
        optimiser.zero_grad()
        likelihood.negative_log_likelihood(parameters, target).mean().backward()
        optimiser.step()
    mean = float(target.square().mean().sqrt() if kind == "Gaussian" else target.abs().mean())
    learned = float(next(iter(likelihood.parameters())).exp().detach())
    assert learned == pytest.approx(mean, rel=1e-3)
    assert learned == pytest.approx(scale, rel=0.1)


def test_squared_error_is_a_gaussian_of_variance_one_half() -> None:
    parameters, target = torch.randn(2, 1, 50, 200), torch.randn(2, 1, 50, 200)
    likelihood = SquaredError()
    constant = 0.5 * math.log(math.pi) * 50 * 200
    expected = Gaussian(sigma=0.5**0.5).negative_log_likelihood(parameters, target)
    torch.testing.assert_close(likelihood.negative_log_likelihood(parameters, target) + constant, expected)
    drawn = likelihood.sample(parameters, generator=torch.Generator().manual_seed(0)) - parameters
    assert float(drawn.var()) == pytest.approx(0.5, rel=0.05)


def test_spectra_are_those_of_librosa() -> None:
    librosa = pytest.importorskip("librosa")
    target, output = (torch.randn(1, 1, 3, 64, generator=torch.Generator().manual_seed(s)) for s in (0, 1))
    terms = []
    for n in (8, 32):
        x, y = (
            abs(librosa.stft(t[0, 0].numpy(), n_fft=n, hop_length=n // 4, pad_mode="constant"))
            for t in (target, output)
        )
        x, y = (torch.from_numpy(v) * math.sqrt(8 / 3 / n) for v in (x, y))
        terms.append(float(((x - y).abs() + 0.5 * ((x + 0.1) / (y + 0.1)).log().abs()).mean()))
    likelihood = MultiResolutionSpectral(n_ffts=[8, 32], log_weight=0.5, floor=0.1, direct=None)
    found = float(likelihood.negative_log_likelihood(output, target))
    assert found == pytest.approx(sum(terms) / 2 * 3 * 64, rel=1e-4)


def test_spectra_of_white_noise_have_its_deviation() -> None:
    """The scale of the windows: from white noise of deviation 1 to silence is about one deviation per cell."""
    likelihood = MultiResolutionSpectral(n_ffts=[16], log_weight=0.0, direct=None)
    noise = torch.randn(1, 1, 200, 256, generator=torch.Generator().manual_seed(0))
    per_cell = float(likelihood.negative_log_likelihood(torch.zeros_like(noise), noise)) / noise.numel()
    assert per_cell == pytest.approx(math.sqrt(math.pi) / 2, rel=0.1)  # the mean of a Rayleigh variable


def test_only_the_direct_part_knows_the_sign() -> None:
    target = torch.randn(1, 1, 4, 32, generator=torch.Generator().manual_seed(0))
    blind, seeing = MultiResolutionSpectral(direct=None), MultiResolutionSpectral()
    assert float(blind.negative_log_likelihood(-target, target)) == pytest.approx(0.0, abs=1e-4)
    assert float(seeing.negative_log_likelihood(-target, target)) == pytest.approx(
        2 * float(target.abs().sum()), rel=1e-3
    )


@pytest.mark.parametrize("n_ffts", [[], [8, 1]])
def test_window_lengths_are_checked(n_ffts: list[int]) -> None:
    with pytest.raises(ParameterError, match=r"give window lengths of 2 frames or more"):
        MultiResolutionSpectral(n_ffts=n_ffts)
