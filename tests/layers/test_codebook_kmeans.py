"""k-means against scikit-learn, k-means++ against its definition."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from torch import Tensor

from timbrespace.core.errors import DataError
from timbrespace.layers import kmeans as module
from timbrespace.layers.codebook import nearest
from timbrespace.layers.kmeans import kmeans, spread_out


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=generator(seed))


def error(vectors: Tensor, codes: Tensor) -> float:
    return float((vectors - codes[nearest(vectors, codes)]).double().square().sum(1).mean())


def clusters(n_clusters: int, each: int, *, offset: float = 0.0) -> tuple[Tensor, Tensor]:
    centres = 20.0 * normal(n_clusters, 8) + offset
    return centres, (centres.repeat_interleave(each, dim=0) + 0.1 * normal(n_clusters * each, 8, seed=1))


def test_lloyd_agrees_with_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    from sklearn.cluster import KMeans

    vectors = normal(600, 6)
    start = torch.arange(12)
    monkeypatch.setattr(module, "spread_out", lambda *_, **__: start)
    reference = KMeans(12, init=vectors[start].numpy(), n_init=1, max_iter=300, tol=0.0).fit(vectors.numpy())
    ours = kmeans(vectors, 12, generator=generator(), n_iterations=300, relaxation=1.0)
    np.testing.assert_allclose(ours.numpy(), reference.cluster_centers_, atol=1e-4)


def test_each_step_lowers_the_error_and_longer_steps_sooner() -> None:
    vectors = normal(3000, 16)
    relaxed, plain = (
        [error(vectors, kmeans(vectors, 100, generator=generator(), n_iterations=n, relaxation=r)) for n in range(1, 9)]
        for r in (1.8, 1.0)
    )
    assert all(b < a for a, b in itertools.pairwise(plain))
    assert relaxed[0] == plain[0], "the last step goes to the means"
    assert all(a < b for a, b in zip(relaxed[3:], plain[3:], strict=True))


def test_the_end_is_a_fixed_point() -> None:
    vectors = normal(400, 5)
    codes = kmeans(vectors, 9, generator=generator(), n_iterations=1000)
    labels = nearest(vectors, codes)
    means = torch.stack([vectors[labels == k].mean(0) for k in range(9)])
    torch.testing.assert_close(codes, means, atol=1e-4, rtol=0)


def test_as_good_as_scikit_learn() -> None:
    from sklearn.cluster import KMeans

    vectors = normal(1500, 10)
    reference = KMeans(40, n_init=1, random_state=0, max_iter=100).fit(vectors.numpy()).inertia_ / len(vectors)
    errors = [error(vectors, kmeans(vectors, 40, generator=generator(s), n_iterations=100)) for s in range(3)]
    assert np.mean(errors) < 1.01 * reference


@pytest.mark.parametrize("offset", [0.0, 30_000.0])
def test_separate_clusters_are_all_found(offset: float) -> None:
    centres, vectors = clusters(25, 20, offset=offset)
    codes = kmeans(vectors, 25, generator=generator())
    assert cdist(centres.double().numpy(), codes.double().numpy()).min(axis=1).max() < 0.3


def test_the_generator_decides() -> None:
    vectors = normal(500, 4)
    first, again, other = (kmeans(vectors, 20, generator=generator(s)) for s in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_code_without_vectors_moves_to_the_farthest(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = torch.tensor([[0.0], [0.1], [0.2], [10.0]])
    monkeypatch.setattr(module, "spread_out", lambda *_, **__: torch.tensor([0, 0]))  # the second gets nothing
    assert 10.0 in kmeans(vectors, 2, generator=generator(), n_iterations=1).flatten().tolist()
    assert sorted(kmeans(vectors, 2, generator=generator()).flatten().tolist()) == pytest.approx([0.1, 10.0], abs=1e-5)


@pytest.mark.parametrize("n", [1, 3, 7])
def test_fewer_vectors_than_codes(n: int) -> None:
    vectors = normal(n, 4)
    codes = kmeans(vectors, 10, generator=generator())
    assert codes.shape == (10, 4)
    assert error(vectors, codes) < 1e-10


def test_equal_vectors() -> None:
    vectors = torch.tensor([[3.0, 4.0], [3.0, 4.0], [5.0, 6.0]]).repeat(50, 1) * 100.0
    codes = kmeans(vectors, 8, generator=generator())
    assert error(vectors, codes) < 1e-4
    chosen = spread_out(vectors, 8, generator=generator())
    assert len({tuple(v.tolist()) for v in vectors[chosen[:2]]}) == 2


def test_seeds_are_drawn_by_squared_distance() -> None:
    """From a first seed at 0, the second is drawn as 4 : 25 : 64; a third as the distances to both say."""
    vectors = torch.tensor([[0.0], [2.0], [5.0], [8.0]])
    counts: dict[tuple[int, ...], int] = {}
    first_is_zero = 0
    for seed in range(3000):
        a, b, c = spread_out(vectors, 3, generator=generator(seed)).tolist()
        if a == 0:
            first_is_zero += 1
            counts[(b, c)] = counts.get((b, c), 0) + 1
    assert first_is_zero / 3000 == pytest.approx(0.25, abs=0.025)
    expected = {
        (1, 2): 4 / 93 * 9 / 45,
        (1, 3): 4 / 93 * 36 / 45,
        (2, 1): 25 / 93 * 4 / 13,
        (2, 3): 25 / 93 * 9 / 13,
        (3, 1): 64 / 93 * 4 / 13,
        (3, 2): 64 / 93 * 9 / 13,
    }
    for pair, probability in expected.items():
        assert counts.get(pair, 0) / first_is_zero == pytest.approx(probability, abs=0.05), pair


def test_seeds_lie_in_separate_clusters() -> None:
    _, vectors = clusters(30, 40)
    hits = [len(set((spread_out(vectors, 30, generator=generator(s)) // 40).tolist())) for s in range(5)]
    assert min(hits) >= 29  # at random: 19


def test_each_vector_is_a_seed_once() -> None:
    vectors = normal(130, 3)
    assert sorted(spread_out(vectors, 130, generator=generator()).tolist()) == list(range(130))


@pytest.mark.parametrize(
    ("vectors", "what"), [(torch.zeros(0, 3), "no vectors"), (torch.full((4, 3), torch.nan), "not finite")]
)
def test_what_cannot_be_clustered(vectors: Tensor, what: str) -> None:
    with pytest.raises(DataError, match=what):
        kmeans(vectors, 2, generator=generator())
