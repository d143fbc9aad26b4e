"""The importance-weighted likelihood beside the exact one of a linear model with Gaussian noise."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal, Normal

from timbrespace.core.errors import ParameterError
from timbrespace.metrics.likelihood_bound import Estimate, importance_weighted_nll

NOISE, LATENT, OBSERVED = 0.5, 2, 5


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def model(n: int = 200) -> tuple[Tensor, Tensor, Tensor]:
    """Probabilistic PCA, ``x = W z + noise``: W, data (n, 5), and the exact NLL (M. Tipping and C. Bishop 1999)."""
    w = torch.randn(OBSERVED, LATENT, generator=generator(), dtype=torch.float64)
    z = torch.randn(n, LATENT, generator=generator(1), dtype=torch.float64)
    x = z @ w.T + NOISE * torch.randn(n, OBSERVED, generator=generator(2), dtype=torch.float64)
    covariance = w @ w.T + NOISE**2 * torch.eye(OBSERVED)
    exact = -scipy.stats.multivariate_normal(np.zeros(OBSERVED), covariance.numpy()).logpdf(x.numpy())
    return w, x, torch.from_numpy(exact)


def log_weights(w: Tensor, x: Tensor, samples: int, *, widen: float = 1.0, seed: int = 3) -> Tensor:
    """Of draws from the exact posterior with its deviation times ``widen``."""
    precision = torch.eye(LATENT) + w.T @ w / NOISE**2
    mean = torch.linalg.solve(precision, w.T @ x.T / NOISE**2).T
    root = widen * torch.linalg.cholesky(torch.linalg.inv(precision))
    z = mean + torch.randn(samples, *mean.shape, generator=generator(seed), dtype=torch.float64) @ root.T
    likelihood = Normal(z @ w.T, NOISE).log_prob(x).sum(-1)
    prior = Normal(0.0, 1.0).log_prob(z).sum(-1)
    return likelihood + prior - MultivariateNormal(mean, scale_tril=root).log_prob(z)


def test_the_exact_posterior_needs_one_sample() -> None:
    w, x, exact = model()
    for samples in (1, 10):
        found = importance_weighted_nll(log_weights(w, x, samples))
        torch.testing.assert_close(found.per_example, exact, rtol=1e-9, atol=1e-9)
        assert found.mean == pytest.approx(float(exact.mean()))
        assert found.standard_error == pytest.approx(float(exact.std()) / math.sqrt(len(exact)))


def test_a_wider_proposal_converges_from_above() -> None:
    w, x, exact = model()
    gaps = [importance_weighted_nll(log_weights(w, x, s, widen=1.6)).mean - float(exact.mean()) for s in (1, 10, 100)]
    assert gaps[0] > gaps[1] > gaps[2] > 0
    draws = log_weights(w, x, 3000, widen=1.6)
    found = importance_weighted_nll(draws)
    weights = (draws - draws.logsumexp(0) + math.log(3000)).exp()
    error = float((weights.var(0) / 3000).mean() / len(x)) ** 0.5  # delta method, of the mean over examples
    assert abs(found.mean - float(exact.mean())) < 3.5 * error < 0.01


def test_one_sample_is_the_elbo_and_single_precision_does() -> None:
    w, x, _ = model()
    draws = log_weights(w, x, 1, widen=1.6)
    assert importance_weighted_nll(draws).mean == pytest.approx(-float(draws.mean()))
    many = log_weights(w, x, 500, widen=1.6) - 1000.0  # an image's log-weights lie this far below zero and overflow exp
    assert importance_weighted_nll(many.float()).mean == pytest.approx(importance_weighted_nll(many).mean, abs=1e-3)


def test_standard_error_is_that_of_the_mean() -> None:
    """Over many test sets the mean scatters as its standard error says."""
    sets = [importance_weighted_nll(log_weights(*_fresh(seed), 5, widen=1.6, seed=seed)) for seed in range(300)]
    scatter = float(torch.tensor([e.mean for e in sets]).std())
    said = sum(e.standard_error for e in sets) / len(sets)
    assert said == pytest.approx(scatter, rel=0.12)


def _fresh(seed: int) -> tuple[Tensor, Tensor]:
    w = model(2)[0]
    z = torch.randn(60, LATENT, generator=generator(10_000 + seed), dtype=torch.float64)
    return w, z @ w.T + NOISE * torch.randn(60, OBSERVED, generator=generator(20_000 + seed), dtype=torch.float64)


def test_impossible_draws() -> None:
    draws = torch.zeros(4, 3)
    draws[1:, 0] = -math.inf
    draws[:, 1] = -math.inf
    assert importance_weighted_nll(draws).per_example.tolist() == [pytest.approx(math.log(4)), math.inf, 0.0]
    draws[0, 2] = math.nan
    with pytest.raises(ParameterError, match="hold NaN"):
        importance_weighted_nll(draws)
    with pytest.raises(ParameterError, match="1 sample or more"):
        importance_weighted_nll(torch.zeros(0, 3))
    with pytest.raises(ParameterError, match="2 examples or more, not 1"):
        Estimate.of(torch.zeros(1))
