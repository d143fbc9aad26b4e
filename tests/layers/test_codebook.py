"""Look-up in a codebook against the definition, in awkward places."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from torch import Tensor

from timbrespace.layers import codebook
from timbrespace.layers.codebook import gathered, nearest


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("n", "k", "d"), [(1, 2, 1), (7, 3, 5), (1500, 512, 64), (300, 1000, 3), (5, 300_000, 2)])
def test_nearest_is_the_argmin_of_the_distance(n: int, k: int, d: int) -> None:
    vectors, codes = normal(n, d), normal(k, d, seed=1)
    found = nearest(vectors, codes).numpy()
    distances = cdist(vectors[:50].double().numpy(), codes.double().numpy())
    chosen = distances[np.arange(len(distances)), found[:50]]
    np.testing.assert_allclose(chosen, distances.min(axis=1), atol=1e-5)
    assert found.dtype == np.int64
    assert found.shape == (n,)


def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, codes = normal(103, 4), normal(8, 4, seed=1)
    whole = nearest(vectors, codes)
    monkeypatch.setattr(codebook, "CACHED_SCORES", 80)
    assert torch.equal(nearest(vectors, codes), whole)


def test_codes_find_themselves() -> None:
    codes = normal(512, 64)
    assert torch.equal(nearest(codes, codes), torch.arange(512))


def test_the_first_of_equals_wins() -> None:
    codes = torch.tensor([[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0]])
    assert nearest(torch.tensor([[2.0, 0.0], [-2.0, 0.0]]), codes).tolist() == [0, 2]


def test_far_from_the_origin() -> None:
    """A codebook at a distance of 2,000 with a spread of 1: the plain matrix form is lost in rounding there."""
    vectors, codes = normal(2000, 16) + 500.0, normal(64, 16, seed=1) + 500.0
    right = cdist(vectors.double().numpy(), codes.double().numpy()).argmin(axis=1)
    assert (nearest(vectors, codes).numpy() == right).mean() > 0.995
    plain = (vectors @ codes.T - 0.5 * codes.square().sum(1)).argmax(1).numpy()
    assert (plain == right).mean() < 0.98


def test_autocast_leaves_distances_in_single_precision() -> None:
    vectors, codes = normal(4000, 16), normal(512, 16, seed=1)
    right = nearest(vectors, codes)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(nearest(vectors, codes), right)
    assert nearest(vectors.bfloat16(), codes.bfloat16()).dtype == torch.int64


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")
def test_a_trace_holds_the_search() -> None:
    """A traced search looks up what it is given, not what it was traced with."""
    traced = torch.jit.trace(nearest, (normal(5, 4), normal(8, 4)))
    vectors, codes = normal(30, 4, seed=2), normal(8, 4, seed=3)
    assert torch.equal(traced(vectors, codes), nearest(vectors, codes))


def test_not_a_number_gets_a_code_that_exists() -> None:
    vectors = torch.full((3, 4), float("nan"))
    assert ((nearest(vectors, normal(8, 4)) >= 0) & (nearest(vectors, normal(8, 4)) < 8)).all()


def test_gathered_against_numpy() -> None:
    vectors, codes = normal(1000, 5), torch.randint(0, 9, (1000,), generator=torch.Generator().manual_seed(2))
    codes[(codes == 4) | (codes == 8)] = 5  # two empty codes, one of them the last
    counts, sums = gathered(vectors, codes, 9)
    np.testing.assert_array_equal(counts.numpy(), np.bincount(codes.numpy(), minlength=9))
    expected = np.zeros((9, 5))
    np.add.at(expected, codes.numpy(), vectors.double().numpy())
    np.testing.assert_allclose(sums.numpy(), expected, atol=1e-4)
    assert counts[4] == counts[8] == 0
