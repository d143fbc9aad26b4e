"""The contract of priors, and proof that it notices mistakes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests.contracts.common import check_config, make, members
from timbrespace.models.encoding import Level
from timbrespace.models.priors import Normal, Prior


def posterior(batch: int, latents: int, steps: int) -> Level:
    generator = torch.Generator().manual_seed(1)
    mean = torch.randn(batch, latents, steps, generator=generator)
    return Level(z=mean, mean=mean, log_var=torch.randn(batch, latents, steps, generator=generator) - 1)


def check_prior(prior: Prior) -> None:
    draws = prior.sample(20_000, generator=torch.Generator().manual_seed(0))
    assert draws.shape == (20_000, prior.latent_dim)
    assert torch.equal(draws, prior.sample(20_000, generator=torch.Generator().manual_seed(0)))
    _log_prob_fits_samples(prior, draws)
    _kl_equals_monte_carlo(prior)


def _log_prob_fits_samples(prior: Prior, draws: Tensor) -> None:
    """E_p[q(z)/p(z)] = 1 for a slightly narrower q around the samples: log_prob is the density of sample."""
    centre, width = draws.mean(0), 0.8 * draws.std(0)
    q = torch.distributions.Normal(centre, width).log_prob(draws).sum(1)
    log_p = prior.log_prob(draws.T[None])
    assert log_p.shape == (1, len(draws))
    assert float((q - log_p[0]).exp().mean()) == pytest.approx(1.0, abs=0.05)


def _kl_equals_monte_carlo(prior: Prior) -> None:
    level = posterior(2, prior.latent_dim, 4)
    assert level.log_var is not None
    kl = prior.kl(level, generator=torch.Generator().manual_seed(0))
    assert kl.shape[0] == 2
    assert kl.shape[2] == 4
    q = torch.distributions.Normal(level.mean, (0.5 * level.log_var).exp())
    torch.manual_seed(2)
    draws = q.sample(torch.Size([20_000]))
    log_q = q.log_prob(draws).sum(2)
    log_p = torch.stack([prior.log_prob(d) for d in draws])
    expected = (log_q - log_p).mean(0)
    torch.testing.assert_close(kl.sum(1), expected, rtol=0.03, atol=0.05)


@pytest.mark.parametrize("kind", members(Prior))
def test_contract(kind: str) -> None:
    prior = make(Prior, kind)
    check_config(prior, Prior)
    check_prior(prior)


class _Broken(Prior):
    def __init__(self) -> None:
        super().__init__()
        self.latent_dim = 3
        self.right = Normal(latent_dim=3)

    def sample(self, n: int, *, generator: torch.Generator) -> Tensor:
        return self.right.sample(n, generator=generator)

    def log_prob(self, z: Tensor, *, posterior: Level | None = None) -> Tensor:
        return self.right.log_prob(z)

    def kl(self, level: Level, *, generator: torch.Generator) -> Tensor:
        return self.right.kl(level, generator=generator)


class LogSigmaPrior(_Broken):
    """Planted mistake: the log-variance is read as a log-deviation."""

    def kl(self, level: Level, *, generator: torch.Generator) -> Tensor:
        assert level.log_var is not None
        return self.right.kl(Level(level.z, level.mean, 2 * level.log_var), generator=generator)


class UnnormalisedPrior(_Broken):
    """Planted mistake: the density lacks its constant."""

    def log_prob(self, z: Tensor, *, posterior: Level | None = None) -> Tensor:
        return -0.5 * z.square().sum(dim=1)


@pytest.mark.parametrize("broken", [LogSigmaPrior, UnnormalisedPrior])
def test_contract_notices_planted_mistakes(broken: type[Prior]) -> None:
    with pytest.raises(AssertionError):
        check_prior(broken())


def test_kl_vanishes_where_posterior_and_prior_agree() -> None:
    zero = torch.zeros(2, 3, 4)
    assert torch.equal(Normal(latent_dim=3).kl(Level(zero, zero, zero), generator=torch.Generator()), zero)
