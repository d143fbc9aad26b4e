"""Correlations of axes and descriptors: scipy's values, and intervals that know that frames of a sound are no crowd."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
import torch

from timbrespace.latent.correlation import Estimate, correlate, independent_units


def data(n: int = 3_000, sounds: int = 60, *, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Points and descriptors that share a part per sound and a part per step."""
    g = torch.Generator().manual_seed(seed)
    source = torch.arange(n) * sounds // n
    of_sound = torch.randn(sounds, 3, generator=g)[source]
    x = of_sound + torch.randn(n, 3, generator=g)
    y = torch.stack([x[:, 0] + torch.randn(n, generator=g), -(x[:, 1] ** 3), torch.randn(n, generator=g)], dim=1)
    return x, y, source


def test_values_are_scipys() -> None:
    x, y, source = data()
    y[::7, 1] = math.nan
    found = correlate(x, y, source, generator=np.random.default_rng(0))
    for i in range(3):
        for k in range(3):
            known = torch.isfinite(y[:, k])
            a, b = x[known, i].double().numpy(), y[known, k].double().numpy()
            assert float(found.pearson.value[i, k]) == pytest.approx(scipy.stats.pearsonr(a, b)[0], abs=1e-5)
            assert float(found.spearman.value[i, k]) == pytest.approx(scipy.stats.spearmanr(a, b)[0], abs=1e-5)


def test_intervals_are_those_of_a_bootstrap_of_sounds() -> None:
    x, y, source = data()
    found = correlate(x, y, source, generator=np.random.default_rng(1), resamples=2_000)
    rng, groups = np.random.default_rng(2), [np.flatnonzero(source.numpy() == s) for s in range(60)]
    plain, ranked = [], []
    for _ in range(400):
        rows = np.concatenate([groups[g] for g in rng.integers(0, 60, 60)])
        plain.append(scipy.stats.pearsonr(x[rows, 0], y[rows, 0])[0])
        ranked.append(scipy.stats.spearmanr(x[rows, 0], y[rows, 0])[0])
    for estimate, draws in ((found.pearson, plain), (found.spearman, ranked)):
        low, high = np.percentile(draws, [2.5, 97.5])
        assert float(estimate.low[0, 0]) == pytest.approx(low, abs=0.02)
        assert float(estimate.high[0, 0]) == pytest.approx(high, abs=0.02)


def test_intervals_of_sounds_are_wider_than_if_every_step_were_its_own() -> None:
    g = torch.Generator().manual_seed(3)
    source = torch.arange(3_000) // 100
    x, y = (torch.randn(30, 1, generator=g)[source] for _ in range(2))
    whole = correlate(x, y, source, generator=np.random.default_rng(0)).pearson
    apart = correlate(x, y, torch.arange(3_000), generator=np.random.default_rng(0)).pearson
    assert float(whole.high - whole.low) > 5 * float(apart.high - apart.low)


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    held = 0
    for seed in range(100):
        g = torch.Generator().manual_seed(seed)
        x = torch.randn(40, 1, generator=g).repeat_interleave(5, 0)
        y = 0.6 * x + 0.8 * torch.randn(40, 1, generator=g).repeat_interleave(5, 0)
        found = correlate(x, y, torch.arange(200) // 5, generator=np.random.default_rng(seed)).pearson
        held += bool(found.low[0, 0] <= 0.6 <= found.high[0, 0])
    assert 85 <= held <= 99


def test_the_same_seed_gives_the_same_intervals() -> None:
    x, y, source = data()
    one, two = (correlate(x, y, source, generator=np.random.default_rng(5)).pearson for _ in range(2))
    assert torch.equal(one.low, two.low)
    assert torch.equal(one.high, two.high)
    assert not torch.equal(one.low, correlate(x, y, source, generator=np.random.default_rng(6)).pearson.low)


def test_few_sounds_are_cut_into_runs() -> None:
    units = independent_units(1_000, torch.zeros(1_000))
    assert 20 <= len(np.unique(units)) <= 21
    assert bool((np.diff(units) >= 0).all())
    two = independent_units(1_000, torch.arange(1_000) // 500)
    assert len(np.unique(two)) >= 20
    assert not set(two[:500]) & set(two[500:])
    many = independent_units(1_000, torch.arange(1_000) // 10)
    assert len(np.unique(many)) == 100


def test_what_cannot_be_known_is_nan() -> None:
    x, y, source = data()
    y[:, 0], y[:, 1] = math.nan, 4.0
    x[:, 2] = 1.0
    found = correlate(x, y, source, generator=np.random.default_rng(0))
    for estimate in (found.pearson, found.spearman):
        for part in (estimate.value, estimate.low, estimate.high):
            assert bool(part[:, :2].isnan().all())
            assert bool(part[2].isnan().all())
            assert bool(part[:2, 2].isfinite().all())
    assert bool((found.pearson.low <= found.pearson.high)[:2, 2].all())


def test_turning_an_axis_turns_its_interval() -> None:
    estimate = Estimate(torch.tensor([[0.5], [0.2]]), torch.tensor([[0.4], [-0.1]]), torch.tensor([[0.7], [0.3]]))
    turned = estimate.turned(torch.tensor([-1.0, 1.0]))
    torch.testing.assert_close(turned.value, torch.tensor([[-0.5], [0.2]]))
    torch.testing.assert_close(turned.low, torch.tensor([[-0.7], [-0.1]]))
    torch.testing.assert_close(turned.high, torch.tensor([[-0.4], [0.3]]))
