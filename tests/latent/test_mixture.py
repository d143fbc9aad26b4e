"""Mixtures of Gaussians: SciPy's densities, samples with the right moments, and fits that find what was planted."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
import torch
from safetensors.torch import load, save

from timbrespace.core.errors import ParameterError
from timbrespace.latent.mixture import Mixture, fit_mixture

WEIGHTS = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def planted() -> Mixture:
    means = torch.tensor([[0.0, 0.0], [6.0, 1.0], [-3.0, 7.0]], dtype=torch.float64)
    roots = torch.tensor([[[1.0, 0.0], [0.8, 0.5]], [[0.4, 0.0], [0.0, 1.5]], [[1.0, 0.0], [-0.5, 0.3]]])
    return Mixture(WEIGHTS, means, roots.double())


def test_log_prob_is_scipys() -> None:
    mixture, z = planted(), 5 * torch.randn(40, 2, generator=generator())
    covariances = (mixture.scale_tril @ mixture.scale_tril.mT).numpy()
    expected = sum(
        float(w) * scipy.stats.multivariate_normal(m.numpy(), c).pdf(z.double().numpy())
        for w, m, c in zip(mixture.weights, mixture.means, covariances, strict=True)
    )
    np.testing.assert_allclose(mixture.log_prob(z).numpy(), np.log(expected), rtol=1e-8)
    far = mixture.log_prob(torch.full((1, 2), 1e4))
    assert math.isfinite(float(far))  # where every density is zero in floating point


def test_samples_have_the_moments_and_the_entropy() -> None:
    mixture = planted()
    z = mixture.sample(60_000, generator=generator())
    assert z.dtype == torch.float32
    mean = WEIGHTS @ mixture.means
    centred = mixture.means - mean
    within = (WEIGHTS[:, None, None] * (mixture.scale_tril @ mixture.scale_tril.mT)).sum(0)
    covariance = within + centred.T @ (WEIGHTS[:, None] * centred)
    torch.testing.assert_close(z.double().mean(0), mean, rtol=0, atol=0.06)
    torch.testing.assert_close(torch.cov(z.double().T), covariance, rtol=0.02, atol=0.2)
    near_first = (z.double() - mixture.means[0]).norm(dim=1) < 4
    assert float(near_first.double().mean()) == pytest.approx(0.5, abs=0.02)


def test_samples_repeat_and_may_be_none() -> None:
    assert torch.equal(planted().sample(9, generator=generator(1)), planted().sample(9, generator=generator(1)))
    assert not torch.equal(planted().sample(9, generator=generator(1)), planted().sample(9, generator=generator(2)))
    assert planted().sample(0, generator=generator()).shape == (0, 2)


def test_a_fit_finds_what_was_planted() -> None:
    mixture = planted()
    z = mixture.sample(6000, generator=generator())
    fitted = fit_mixture(z, n_components=3, seed=0)
    order = [int((fitted.means - m).norm(dim=1).argmin()) for m in mixture.means]
    assert sorted(order) == [0, 1, 2]
    torch.testing.assert_close(fitted.weights[order], WEIGHTS, rtol=0, atol=0.02)
    torch.testing.assert_close(fitted.means[order], mixture.means, rtol=0, atol=0.12)
    torch.testing.assert_close(fitted.scale_tril[order], mixture.scale_tril, rtol=0.05, atol=0.05)
    fresh = mixture.sample(6000, generator=generator(1))
    assert float(fitted.log_prob(fresh).mean()) == pytest.approx(float(mixture.log_prob(fresh).mean()), abs=0.01)


def test_a_fit_repeats_and_its_log_prob_is_scikit_learns() -> None:
    from sklearn.mixture import GaussianMixture

    z = planted().sample(800, generator=generator())
    first, again = fit_mixture(z, n_components=4, seed=3), fit_mixture(z, n_components=4, seed=3)
    for a, b in zip(first.tensors().values(), again.tensors().values(), strict=True):
        assert torch.equal(a, b)
    theirs = GaussianMixture(4)
    theirs.weights_, theirs.means_ = first.weights.numpy(), first.means.numpy()
    theirs.precisions_cholesky_ = torch.linalg.inv(first.scale_tril).mT.numpy()
    np.testing.assert_allclose(first.log_prob(z).numpy(), theirs.score_samples(z.double().numpy()), rtol=1e-8)


def test_one_component_is_mean_and_covariance() -> None:
    z = planted().sample(500, generator=generator()).double()
    fitted = fit_mixture(z, n_components=1, seed=0)
    torch.testing.assert_close(fitted.means[0], z.mean(0))
    covariance = fitted.scale_tril[0] @ fitted.scale_tril[0].T
    torch.testing.assert_close(covariance, torch.cov(z.T, correction=0), rtol=1e-4, atol=1e-4)


def test_collapsed_latents_and_small_units_do_no_harm() -> None:
    z = torch.randn(300, 4, generator=generator())
    z[:, 2] = 0.5
    z[:, 3] = z[:, 0]
    fitted = fit_mixture(z, n_components=3, seed=0)
    assert fitted.sample(100, generator=generator())[:, 2].sub(0.5).abs().max() < 0.01
    assert fitted.log_prob(z).isfinite().all()
    small = fit_mixture(1e-5 * z[:, :2], n_components=3, seed=0)  # the ridge shrinks with the unit
    large = fit_mixture(z[:, :2], n_components=3, seed=0)
    shifted = small.log_prob(1e-5 * z[:, :2]) + 2 * math.log(1e-5)
    torch.testing.assert_close(shifted, large.log_prob(z[:, :2]), rtol=1e-3, atol=1e-2)


def test_a_mixture_is_stored_and_read() -> None:
    mixture = planted()
    read = Mixture.from_tensors(load(save(mixture.tensors())))
    z = torch.randn(5, 2, generator=generator())
    assert torch.equal(read.log_prob(z), mixture.log_prob(z))
    assert torch.equal(read.sample(5, generator=generator()), mixture.sample(5, generator=generator()))


def test_what_cannot_be_fitted() -> None:
    z = torch.randn(20, 3, generator=generator())
    with pytest.raises(ParameterError, match="20 different latent vectors; 21 components need 21 or more"):
        fit_mixture(z, n_components=21, seed=0)
    with pytest.raises(ParameterError, match="1 different latent vectors; 1 components need 2"):
        fit_mixture(torch.ones(9, 3), n_components=1, seed=0)
    with pytest.raises(ParameterError, match="'n_components' is 0"):
        fit_mixture(z, n_components=0, seed=0)
    with pytest.raises(ParameterError, match="3 latents, the mixture 2"):
        planted().log_prob(z)
    z[3, 1] = math.nan
    with pytest.raises(ParameterError, match="NaN or infinity"):
        fit_mixture(z, n_components=2, seed=0)
