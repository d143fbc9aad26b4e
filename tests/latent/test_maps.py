"""Maps against references: umap-learn's own parts, scikit-learn's measures, brute force."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from torch import Tensor

from timbrespace.core.errors import ParameterError
from timbrespace.core.seeds import torch_generator
from timbrespace.latent.maps import Pca, Tsne, Umap
from timbrespace.latent.maps.faithfulness import faithfulness
from timbrespace.latent.maps.neighbours import nearest_neighbours
from timbrespace.latent.maps.planes import placed, principal_plane
from timbrespace.latent.maps.umap import _forces, curve
from timbrespace.latent.maps.umap_kernels import BINS, FIRST, SHIFT, bin_centres, memberships


def roll(n: int = 600) -> Tensor:
    """A sheet rolled up in three dimensions and embedded in ten."""
    g = torch_generator(1, "roll")
    angle, height = 3 + 9 * torch.rand(n, generator=g), 10 * torch.rand(n, generator=g)
    sheet = torch.stack([angle * angle.cos(), height, angle * angle.sin()], 1)
    return sheet @ torch.linalg.qr(torch.randn(10, 10, generator=g)).Q[:3]


def test_neighbours_are_those_of_all_distances() -> None:
    x = torch.cat([roll(300) + 1000.0, roll(40) + 1000.0])  # far from zero, and forty of them twice
    distances, near = nearest_neighbours(x, 9)
    every = torch.cdist(x.double(), x.double()).fill_diagonal_(torch.inf)
    truth = every.topk(9, largest=False).values
    torch.testing.assert_close(distances.double(), truth, atol=2e-3, rtol=1e-4)
    assert not bool((near == torch.arange(len(x))[:, None]).any())
    assert bool((distances.diff(dim=1) >= 0).all())
    torch.testing.assert_close(every.gather(1, near), distances.double(), atol=2e-3, rtol=1e-4)


def test_neighbours_in_blocks_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    x = roll(200)
    whole = nearest_neighbours(x, 5)
    monkeypatch.setattr("timbrespace.latent.maps.neighbours.BLOCK_BYTES", 4 * 200 * 7)
    assert torch.equal(nearest_neighbours(x, 5)[1], whole[1])


def test_neighbours_that_do_not_exist_are_refused() -> None:
    for count in (0, 4):
        with pytest.raises(ParameterError, match=f"4 vectors have 1 to 3 neighbours each, not {count}"):
            nearest_neighbours(roll(4), count)


def test_the_principal_plane_is_that_of_svd() -> None:
    x = roll()
    plane = principal_plane(x)
    _, s, v = torch.linalg.svd(x - x.mean(0), full_matrices=False)
    torch.testing.assert_close(plane.square().sum(0).sqrt(), s[:2], rtol=1e-4, atol=0)
    for axis in range(2):
        way = v[axis] * v[axis][v[axis].abs().argmax()].sign()
        torch.testing.assert_close(plane[:, axis], (x - x.mean(0)) @ way, atol=1e-3, rtol=1e-3)
    assert float(principal_plane(torch.arange(9.0)[:, None].expand(9, 3))[:, 1].abs().max()) == 0


def test_maps_are_brought_into_one_form() -> None:
    plane = torch.randn(50, 2, generator=torch_generator(0))
    like = torch.tensor([[0.0, -1.0], [-1.0, 0.0]])  # a turn and a mirror
    moved = placed(7 * plane @ like + 3, like=plane)
    centred = plane - plane.mean(0)
    torch.testing.assert_close(moved, centred / centred.square().mean().sqrt(), atol=1e-5, rtol=1e-5)


def test_memberships_are_umaps() -> None:
    """Ours against umap-learn's, which counts the point itself as its own first neighbour."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on TensorFlow, which it could use
        umap = pytest.importorskip("umap.umap_")
    x = torch.cat([roll(60), roll(15)])  # with duplicates
    distances, near = nearest_neighbours(x, 14)
    indices = np.concatenate([np.arange(75)[:, None], near.numpy()], 1).astype(np.int64)
    gaps = np.concatenate([np.zeros((75, 1), np.float32), distances.numpy()], 1)
    sigmas, rhos = umap.smooth_knn_dist.py_func(gaps, 15.0)  # as Python: compiling takes longer
    rows, columns, values, _ = umap.compute_membership_strengths.py_func(indices.astype(np.int32), gaps, sigmas, rhos)
    theirs = np.zeros((75, 75), np.float32)
    theirs[rows, columns] = values
    ours = np.zeros((75, 75), np.float32)
    np.put_along_axis(ours, near.numpy(), memberships(distances.numpy(), np.float32(np.log2(15))), 1)
    np.testing.assert_allclose(ours, theirs, atol=2e-3)


def test_the_graph_joins_both_directions() -> None:
    method = Umap(n_neighbors=8, epochs=10_000)
    x = roll(60)
    head, tail, weights = method._graph(x)
    distances, near = nearest_neighbours(x, 7)
    one_way = np.zeros((60, 60), np.float32)
    np.put_along_axis(one_way, near.numpy(), memberships(distances.numpy(), np.float32(3)), 1)
    joined = one_way + one_way.T - one_way * one_way.T
    ours = np.zeros_like(joined)
    ours[head, tail] = weights
    np.testing.assert_allclose(ours, np.where(joined >= joined.max() / 10_000, joined, 0), atol=1e-6)


def test_the_curve_is_umaps() -> None:
    assert curve(0.1) == pytest.approx((1.576943460405378, 0.8950608781227859), rel=1e-4)
    assert curve(0.5) == pytest.approx((0.5830300203414425, 1.3341669931033755), rel=1e-4)


def test_forces_are_the_gradients_of_the_cross_entropy() -> None:
    """The table against autograd, at the middle of its bins, and against itself between them."""
    a, b = curve(0.1)
    pull, push = _forces(a, b)
    u = torch.from_numpy(bin_centres()[20 * 64 : 45 * 64 : 37].astype(np.float64)).requires_grad_()
    together = 1 / (1 + a * u**b)
    (attract,) = torch.autograd.grad(together.log().sum(), u, retain_graph=True)
    at = slice(20 * 64, 45 * 64, 37)
    np.testing.assert_allclose(pull[at], 2 * attract.numpy(), rtol=1e-4)  # du = 2 (x - y) dx
    repel = torch.autograd.grad((1 - together).log().sum(), u)[0] * u / (u + 0.001)
    np.testing.assert_allclose(push[at], 2 * repel.detach().numpy(), rtol=1e-3)
    edges = (np.arange(BINS, dtype=np.int32) + FIRST) << SHIFT
    ratio = bin_centres() / edges.view(np.float32)
    assert ratio.min() > 1
    assert ratio.max() < 1 + 1 / 64
    assert float(edges.view(np.float32)[0]) == 2.0**-30


def test_neighbours_on_the_map_are_neighbours() -> None:
    x = roll()
    flat = faithfulness(x, Pca().embed(x))
    for method in (Umap(), Tsne(iterations=250)):
        found = faithfulness(x, method.embed(x, seed=0))
        assert found.trustworthiness > max(0.985, flat.trustworthiness), method
        assert found.continuity > 0.95, method


def test_seeds_give_different_maps_and_clusters_stay_apart() -> None:
    g = torch_generator(0)
    x = torch.cat([torch.randn(80, 5, generator=g), torch.randn(80, 5, generator=g) + 9])
    one, two = (Umap().embed(x, seed=s) for s in (0, 1))
    assert not torch.equal(one, two)
    gaps = torch.cdist(one, one)
    assert float(gaps[:80, 80:].min()) > float(gaps[:80, :80].topk(2, largest=False).values[:, 1].max())


def test_arguments_are_checked() -> None:
    with pytest.raises(ParameterError, match="Umap's 'n_neighbors' is 1, outside its range"):
        Umap(n_neighbors=1)
    with pytest.raises(ParameterError, match="Tsne's 'perplexity' is 0"):
        Tsne(perplexity=0.5)


@pytest.mark.parametrize("queries", [1000, 70])
def test_faithfulness_is_scikit_learns(queries: int) -> None:
    from sklearn.manifold import trustworthiness

    x = roll(200)
    plane = Pca().embed(x)
    found = faithfulness(x, plane, neighbours=12, queries=queries)
    near = 1e-5 if queries > 200 else 0.02
    assert found.trustworthiness == pytest.approx(trustworthiness(x.numpy(), plane.numpy(), n_neighbors=12), abs=near)
    assert found.continuity == pytest.approx(trustworthiness(plane.numpy(), x.numpy(), n_neighbors=12), abs=near)


def test_faithfulness_at_its_ends() -> None:
    x = roll(200)[:, :2]
    assert faithfulness(x, x) == (1.0, 1.0)
    chance = faithfulness(roll(), torch.randn(600, 2, generator=torch_generator(5)))
    assert chance == pytest.approx((0.5, 0.5), abs=0.05)
    assert all(np.isnan(faithfulness(x[:4], x[:4])))
    with pytest.raises(ParameterError, match="200 vectors has as many places, not 3"):
        faithfulness(x, x[:3])
