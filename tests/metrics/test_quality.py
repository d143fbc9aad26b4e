"""Quality of samples: SciPy, scikit-learn, and cases whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import torch
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from timbrespace.core.errors import ParameterError
from timbrespace.metrics import quality
from timbrespace.metrics.quality import Quality, frechet_distance, precision_recall_density_coverage


def features(n: int, f: int, *, seed: int = 0) -> Tensor:
    """Correlated, with a mean."""
    g = torch.Generator().manual_seed(seed)
    mix = torch.randn(f, f, generator=torch.Generator().manual_seed(99), dtype=torch.float64)
    return torch.randn(n, f, generator=g, dtype=torch.float64) @ mix + 2.0


def by_scipy(a: Tensor, b: Tensor) -> float:
    x, y = a.numpy(), b.numpy()
    product = scipy.linalg.sqrtm(np.cov(x.T) @ np.cov(y.T))
    shift = np.square(x.mean(0) - y.mean(0)).sum()
    return float(shift + np.trace(np.cov(x.T)) + np.trace(np.cov(y.T)) - 2 * np.trace(product).real)


def test_frechet_distance_is_scipys() -> None:
    a, b = features(300, 12), 1.3 * features(200, 12, seed=1) + 0.2
    assert frechet_distance(a, b) == pytest.approx(by_scipy(a, b), rel=1e-9)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-10)
    assert frechet_distance(a.float(), b.float()) == pytest.approx(by_scipy(a, b), rel=1e-5)


def test_frechet_distance_has_its_closed_forms() -> None:
    a = features(100, 6)
    total = float(a.var(0).sum())
    shift = torch.arange(6.0, dtype=torch.float64)
    assert frechet_distance(a, a) == pytest.approx(0.0, abs=1e-10)
    assert frechet_distance(a, a + shift) == pytest.approx(float(shift.square().sum()), rel=1e-10)
    centred = a - a.mean(0)
    assert frechet_distance(centred, 3 * centred) == pytest.approx(4 * total, rel=1e-10)
    # One dimension: (mean - mean)² + (deviation - deviation)².
    x, y = features(50, 1), 2 * features(70, 1, seed=1)
    expected = float((x.mean() - y.mean()) ** 2 + (x.std() - y.std()) ** 2)
    assert frechet_distance(x, y) == pytest.approx(expected, rel=1e-10)


def test_frechet_distance_of_singular_covariances() -> None:
    """Fewer examples than features, constant features: scipy's root fails there, the mathematics does not."""
    few = features(5, 20)
    assert frechet_distance(few, few + 1.0) == pytest.approx(20.0, rel=1e-9)
    flat = features(80, 6)
    flat[:, 2:] = 1.0
    assert frechet_distance(flat, flat) == pytest.approx(0.0, abs=1e-10)
    # Along axes of their own, nothing overlaps: the variances add up.
    x, y = torch.zeros(50, 2, dtype=torch.float64), torch.zeros(50, 2, dtype=torch.float64)
    x[:, 0], y[:, 1] = torch.linspace(-1, 1, 50), torch.linspace(-2, 2, 50)
    assert frechet_distance(x, y) == pytest.approx(float(x.var(0).sum() + y.var(0).sum()), rel=1e-10)
    one = torch.ones(4, 3)
    assert frechet_distance(one, one + 2.0) == pytest.approx(12.0)


def by_neighbours(real: Tensor, generated: Tensor, k: int) -> Quality:
    """As the papers write it, with every pair and scikit-learn's neighbours."""
    x, y = real.numpy(), generated.numpy()
    reach_x = NearestNeighbors(n_neighbors=k + 1).fit(x).kneighbors(x)[0][:, -1]
    reach_y = NearestNeighbors(n_neighbors=k + 1).fit(y).kneighbors(y)[0][:, -1]
    distance = np.linalg.norm(x[:, None] - y[None], axis=-1)
    in_real, in_generated = distance <= reach_x[:, None], distance <= reach_y[None]
    return Quality(
        precision=in_real.any(0).mean(),
        recall=in_generated.any(1).mean(),
        density=in_real.sum() / (k * len(y)),
        coverage=in_real.any(1).mean(),
    )


@pytest.mark.parametrize(("n", "m", "k"), [(150, 150, 5), (120, 70, 3), (70, 130, 1), (6, 9, 5)])
@pytest.mark.parametrize("pairs", [1, 500, 1 << 21])
def test_the_four_are_those_of_all_pairs(n: int, m: int, k: int, pairs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality, "PAIRS_AT_ONCE", pairs)
    real, generated = features(n, 4), 0.9 * features(m, 4, seed=1) + 0.5
    found, expected = (
        precision_recall_density_coverage(real, generated, neighbours=k),
        by_neighbours(real, generated, k),
    )
    for name in ("precision", "recall", "density", "coverage"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), abs=1e-12), name


def test_examples_as_good_as_real() -> None:
    """Of one distribution: density 1, and coverage ``1 - binom(2n - k - 1, n) / binom(2n - 1, n)``, near 1 - 2^-k."""
    found = precision_recall_density_coverage(features(1500, 8), features(1500, 8, seed=1))
    assert found.density == pytest.approx(1.0, abs=0.06)
    assert found.coverage == pytest.approx(1 - 0.5**5, abs=0.02)
    assert found.precision == pytest.approx(found.recall, abs=0.03)
    assert found.precision > 0.85


def test_collapse_is_precise_and_recalls_little() -> None:
    real, centre = features(400, 4), features(400, 4).mean(0)
    found = precision_recall_density_coverage(real, centre + 1e-3 * features(300, 4, seed=1))
    assert found.precision == 1.0
    assert found.recall == 0.0
    assert found.density > 1.0
    assert found.coverage < 0.2


def test_elsewhere_is_nothing() -> None:
    found = precision_recall_density_coverage(features(50, 4), features(60, 4) + 1e3)
    assert found == Quality(precision=0.0, recall=0.0, density=0.0, coverage=0.0)


def test_far_from_the_origin() -> None:
    """Distances are those of centred features: a large common offset costs no digits."""
    real, generated = features(60, 4), features(60, 4, seed=1)
    near = precision_recall_density_coverage(real, generated)
    assert precision_recall_density_coverage(real + 1e6, generated + 1e6) == near


def test_what_cannot_be_judged() -> None:
    with pytest.raises(ParameterError, match="4 and 3 features; give them the same"):
        frechet_distance(features(9, 4), features(9, 3))
    with pytest.raises(ParameterError, match="1 and 9 examples; give 2 or more"):
        frechet_distance(features(1, 4), features(9, 4))
    with pytest.raises(ParameterError, match="5 and 9 examples; give 6 or more"):
        precision_recall_density_coverage(features(5, 4), features(9, 4))
    with pytest.raises(ParameterError, match="'neighbours' is 0"):
        precision_recall_density_coverage(features(9, 4), features(9, 4), neighbours=0)
    broken = features(9, 4)
    broken[0, 0] = torch.inf
    with pytest.raises(ParameterError, match="NaN or infinity"):
        frechet_distance(features(9, 4), broken)
