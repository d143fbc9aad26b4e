"""The contract of priors, and proof that it notices mistakes."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from tests.contracts.common import check_config, members
from tests.contracts.variants import made, spelled, variants
from timbrespace.core.errors import ParameterError
from timbrespace.models.encoding import Level
from timbrespace.models.priors import Normal, Prior
from timbrespace.models.priors.base import Anchored

DRAWS = 40_000


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def posterior(batch: int, latents: int, steps: int) -> Level:
    generator = seeded(1)
    mean = torch.randn(batch, latents, steps, generator=generator)
    return Level(z=mean, mean=mean, log_var=torch.randn(batch, latents, steps, generator=generator) - 1)


def ready(prior: Prior) -> Prior:
    """The prior itself; one that lives on an encoder's posteriors placed by a fixed linear encoder."""
    if not isinstance(prior, Anchored):
        return prior
    frames = prior.pseudo_inputs
    weight = torch.randn(prior.latent_dim, frames[0].numel(), generator=seeded(5)) * frames[0].numel() ** -0.5 * 4
    mean = nn.functional.linear(frames.flatten(1), weight)[..., None]
    placed = prior.anchored(Level(z=mean, mean=mean, log_var=mean.sin() - 1))
    assert isinstance(placed, type(prior))
    return placed


def check_prior(prior: Prior) -> None:
    assert prior.support in ("space", "region", "sphere")
    with torch.no_grad():
        draws = prior.sample(DRAWS, generator=seeded())
        assert draws.shape == (DRAWS, prior.latent_dim)
        assert torch.equal(draws, prior.sample(DRAWS, generator=seeded()))
        assert not torch.equal(draws, prior.sample(DRAWS, generator=seeded(1)))
        assert float(draws.var(dim=0).mean()) == pytest.approx(prior.variance, rel=0.03)
        assert prior.log_prob(draws[:6].reshape(3, 2, -1).transpose(1, 2)).shape == (3, 2)
        if prior.support == "sphere":
            _density_on_a_sphere_fits_samples(prior, draws)
        else:
            _density_fits_samples(prior, draws)
        if prior.support == "space":
            _kl_equals_monte_carlo(prior)
            _kl_takes_the_draw_there_is(prior)
    _refusals_have_reasons(prior)
    _every_parameter_is_reached(prior)


def _density_fits_samples(prior: Prior, draws: Tensor) -> None:
    """E_p[q(z)/p(z)] = 1 for narrow q inside the support, where draws are many: log_prob is the density of sample."""
    width = 0.3 * draws.std(0)
    likely = prior.log_prob(draws[:20].T[None])[0].argsort(descending=True)
    for centre in draws[likely[:3]]:
        inside = torch.maximum(torch.minimum(centre, draws.amax(0) - 4 * width), draws.amin(0) + 4 * width)
        weights = torch.distributions.Normal(inside, width).log_prob(draws).sum(1) - prior.log_prob(draws.T[None])[0]
        _have_mean_one(weights.exp())


def _density_on_a_sphere_fits_samples(prior: Prior, draws: Tensor) -> None:
    """The same with tilted densities on the sphere, whose area is measured by points thrown into a box around it."""
    radius = math.sqrt(prior.variance * prior.latent_dim)
    torch.testing.assert_close(draws.norm(dim=1), torch.full((DRAWS,), radius))
    box = (2 * torch.rand(400_000, prior.latent_dim, generator=seeded(2)) - 1) * 1.1 * radius
    near = ((box.norm(dim=1) - radius).abs() < 0.05 * radius).double().mean()
    area = float(near) * (2.2 * radius) ** prior.latent_dim / (0.1 * radius)
    surface = -prior.log_prob(draws.T[None])[0] - math.log(area)
    for axis in torch.eye(prior.latent_dim):
        along = draws @ axis / radius
        _have_mean_one((1 + along) * surface.exp())
        _have_mean_one(prior.latent_dim * along.square() * surface.exp())
    assert (prior.log_prob(0.5 * draws[:4].T[None]) == -math.inf).all(), "there is no density beside the sphere"


def _have_mean_one(weights: Tensor) -> None:
    error = float(weights.double().std()) / math.sqrt(len(weights))
    assert error < 0.1, "the check itself is too noisy"
    assert float(weights.double().mean()) == pytest.approx(1.0, abs=5 * error + 0.01)


def _kl_equals_monte_carlo(prior: Prior) -> None:
    level = posterior(2, prior.latent_dim, 4)
    assert level.log_var is not None
    many = 10_000
    mean, log_var = (t.repeat(many, 1, 1) for t in (level.mean, level.log_var))
    kl = prior.kl(Level(mean, mean, log_var), generator=seeded(3))
    assert kl.shape in [(2 * many, prior.latent_dim, 4), (2 * many, 1, 4)]
    found = kl.sum(1).unflatten(0, (many, 2)).mean(0)
    z = mean + (0.5 * log_var).exp() * torch.randn(mean.shape, generator=seeded(2))
    log_q = torch.distributions.Normal(mean, (0.5 * log_var).exp()).log_prob(z).sum(1)
    expected = (log_q - prior.log_prob(z)).unflatten(0, (many, 2)).mean(0)
    torch.testing.assert_close(found, expected, rtol=0.03, atol=0.06)


def _kl_takes_the_draw_there_is(prior: Prior) -> None:
    level = posterior(2, prior.latent_dim, 4)
    drawn = Level(level.mean + 0.1, level.mean, level.log_var)
    one, other = (prior.kl(drawn, generator=seeded(seed)) for seed in (0, 1))
    assert torch.equal(one, other), "a draw is given, another one is taken"


def _refusals_have_reasons(prior: Prior) -> None:
    level = posterior(2, prior.latent_dim, 4)
    refused = Level(level.z, level.mean) if prior.support == "space" else level
    with pytest.raises(ParameterError, match=r"^.{40,}\.$"):
        prior.kl(refused, generator=seeded())


def _every_parameter_is_reached(prior: Prior) -> None:
    """Draws, densities and divergences have gradients for all that learns, however the prior came by it."""
    for reach in (
        lambda p: p.sample(64, generator=seeded()).square().sum(),
        lambda p: p.log_prob(torch.randn(8, p.latent_dim, 2, generator=seeded())).sum(),
    ):
        parameters = [p for p in prior.parameters() if p.requires_grad]
        if not parameters:
            return
        found = torch.autograd.grad(reach(ready(prior)), parameters)
        assert all(g.abs().sum() > 0 for g in found), "a parameter gets no gradient"


@pytest.mark.parametrize("table", variants(Prior, members(Prior)), ids=spelled)
def test_contract(table: dict[str, Any]) -> None:
    prior = made(Prior, table)
    check_config(prior, Prior)
    check_prior(ready(prior))


@pytest.mark.parametrize("kind", members(Prior))
def test_one_latent_and_many(kind: str) -> None:
    for latents in (1, 40):
        prior = ready(made(Prior, {"kind": kind}, latent_dim=latents))
        with torch.no_grad():
            draws = prior.sample(2000, generator=seeded())
            assert torch.isfinite(prior.log_prob(draws.T[None])).all()
        assert float(draws.var(dim=0, unbiased=False).mean()) == pytest.approx(prior.variance, rel=0.1)


class _Broken(Prior):
    def __init__(self) -> None:
        super().__init__()
        self.latent_dim = 3
        self.right = Normal(latent_dim=3)

    @property
    def variance(self) -> float:
        return 1.0

    def sample(self, n: int, *, generator: torch.Generator) -> Tensor:
        return self.right.sample(n, generator=generator)

    def log_prob(self, z: Tensor) -> Tensor:
        return self.right.log_prob(z)

    def kl(self, level: Level, *, generator: torch.Generator) -> Tensor:
        return self.right.kl(level, generator=generator)


class LogSigmaPrior(_Broken):
    """Planted mistake: the log-variance is read as a log-deviation."""

    def kl(self, level: Level, *, generator: torch.Generator) -> Tensor:
        if level.log_var is None:
            return self.right.kl(level, generator=generator)
        return self.right.kl(Level(level.z, level.mean, 2 * level.log_var), generator=generator)


class UnnormalisedPrior(_Broken):
    """Planted mistake: the density lacks its constant."""

    def log_prob(self, z: Tensor) -> Tensor:
        return -0.5 * z.square().sum(dim=1)


class WrongVariance(_Broken):
    """Planted mistake: the deviation of all latents together, so that kernels measure in the wrong unit."""

    @property
    def variance(self) -> float:
        return 3.0


class HalfSphere(Prior):
    """Planted mistake: draws cover one half of the sphere, the density speaks of the whole."""

    support: ClassVar[str] = "sphere"

    def __init__(self, *, halved: bool = True) -> None:
        super().__init__()
        self.latent_dim = 3
        self.halved = halved

    @property
    def variance(self) -> float:
        return 0.9166 if self.halved else 1.0

    def sample(self, n: int, *, generator: torch.Generator) -> Tensor:
        z = math.sqrt(3) * nn.functional.normalize(torch.randn(n, 3, generator=generator), dim=1)
        return torch.cat([z[:, :1].abs(), z[:, 1:]], 1) if self.halved else z

    def log_prob(self, z: Tensor) -> Tensor:
        on = (z.norm(dim=1) - math.sqrt(3)).abs() < 1e-3
        return torch.where(on, -math.log(12 * math.pi), -math.inf)

    def kl(self, level: Level, *, generator: torch.Generator) -> Tensor:
        raise ParameterError("It is infinite, as a surface has no volume in space.")


class AnotherDraw(_Broken):
    """Planted mistake: the divergence is estimated at another draw than the one that is decoded."""

    def kl(self, level: Level, *, generator: torch.Generator) -> Tensor:
        exact = self.right.kl(level, generator=generator)
        return exact + 0.1 * torch.randn(exact.shape, generator=generator)


class FrozenDraws(_Broken):
    """Planted mistake: a location that learns, but not from draws."""

    def __init__(self) -> None:
        super().__init__()
        self.location = nn.Parameter(torch.zeros(3))

    def sample(self, n: int, *, generator: torch.Generator) -> Tensor:
        return self.right.sample(n, generator=generator) + 0 * self.location

    def log_prob(self, z: Tensor) -> Tensor:
        return self.right.log_prob(z - self.location[:, None])


class SilentRefusal(_Broken):
    """Planted mistake: a divergence of something without a variance is nought instead of refused."""

    def kl(self, level: Level, *, generator: torch.Generator) -> Tensor:
        return torch.zeros_like(level.z) if level.log_var is None else self.right.kl(level, generator=generator)


BROKEN = [LogSigmaPrior, UnnormalisedPrior, WrongVariance, HalfSphere, AnotherDraw, FrozenDraws, SilentRefusal]


@pytest.mark.parametrize("broken", BROKEN)
def test_contract_notices_planted_mistakes(broken: type[Prior]) -> None:
    check_prior(_Broken())
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        check_prior(broken())


def test_a_whole_sphere_satisfies_the_contract() -> None:
    check_prior(HalfSphere(halved=False))


def test_kl_vanishes_where_posterior_and_prior_agree() -> None:
    zero = torch.zeros(2, 3, 4)
    assert torch.equal(Normal(latent_dim=3).kl(Level(zero, zero, zero), generator=torch.Generator()), zero)
