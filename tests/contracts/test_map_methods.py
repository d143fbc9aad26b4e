"""The contract of maps, and proof that it notices mistakes."""

from __future__ import annotations

import functools
import math

import pytest
import torch
from torch import Tensor

from tests.contracts.common import check_config, make, members
from timbrespace.core.errors import ParameterError
from timbrespace.core.seeds import torch_generator
from timbrespace.latent.maps import MapMethod
from timbrespace.latent.maps.faithfulness import faithfulness
from timbrespace.latent.maps.planes import Plane, principal_plane

QUICK = {"Tsne": {"iterations": 40}, "Umap": {"epochs": 60}}


@functools.cache
def blobs() -> Tensor:
    """Three groups of forty points in seven dimensions."""
    g = torch_generator(0, "blobs")
    centres = 4 * torch.randn(3, 7, generator=g)
    return centres.repeat_interleave(40, 0) + 0.5 * torch.randn(120, 7, generator=g)


def check_map(method: MapMethod) -> None:
    data = blobs()
    before = data.clone()
    plane = method.embed(data, seed=3)
    assert torch.equal(data, before), "it works on the vectors in place"
    assert plane.shape == (120, 2)
    assert plane.dtype == torch.float32
    assert torch.equal(plane, method.embed(data, seed=3)), "a seed gives one map"
    torch.testing.assert_close(plane.mean(0), torch.zeros(2), atol=1e-5, rtol=0)
    assert float(plane.square().mean()) == pytest.approx(1, abs=1e-4), "the scale is not the stated one"
    turn = plane.double().T @ principal_plane(data).double()
    left, _, right = torch.linalg.svd(turn)
    torch.testing.assert_close(left @ right, torch.eye(2).double(), atol=1e-4, rtol=0)  # no turn brings it nearer
    assert faithfulness(data, plane).trustworthiness > 0.9, "neighbours are not neighbours"
    with_strangers(method)
    degenerate(method)


def with_strangers(method: MapMethod) -> None:
    """The global generator has no say, nor is it touched; double precision and gradients are taken."""
    state = torch.get_rng_state()
    ours = method.embed(blobs()[:30].double().requires_grad_(), seed=1)
    assert torch.equal(state, torch.get_rng_state())
    torch.manual_seed(99)
    assert torch.equal(ours, method.embed(blobs()[:30], seed=1))
    assert not ours.requires_grad


def degenerate(method: MapMethod) -> None:
    for n in range(8):
        plane = method.embed(blobs()[:n])
        assert plane.shape == (n, 2)
        assert bool(plane.isfinite().all())
    assert torch.equal(method.embed(torch.full((20, 3), 7.3)), torch.zeros(20, 2)), "what coincides has one place"
    line = torch.arange(30.0)[:, None]
    assert bool(method.embed(line).isfinite().all()), "one dimension"
    twice = method.embed(blobs()[:20].repeat(3, 1))
    assert bool(twice.isfinite().all()), "duplicates"
    flat = torch.cat([blobs(), torch.zeros(120, 3), 1e-12 * blobs()], dim=1)
    assert bool(method.embed(flat).isfinite().all()), "collapsed dimensions"
    assert method.embed(torch.zeros(6, 0)).shape == (6, 2)
    for value in (math.nan, math.inf, -math.inf):
        broken = blobs().clone()
        broken[5, 2] = value
        with pytest.raises(ParameterError, match="finite vectors; these hold NaN or infinite values"):
            method.embed(broken)


@pytest.mark.parametrize("kind", members(MapMethod))
def test_contract(kind: str) -> None:
    method = make(MapMethod, kind, **QUICK.get(kind, {}))
    check_config(method, MapMethod)
    check_map(method)


class _Right(MapMethod):
    def __init__(self) -> None: ...

    def _layout(self, vectors: Tensor, flat: Plane, *, seed: int) -> Plane:
        return flat @ torch.tensor([[0.0, 3.0], [3.0, 0.0]]) + 5  # turned, mirrored, scaled, moved: all is undone


class Random(_Right):
    """Planted mistake: places have nothing to do with the vectors."""

    def _layout(self, vectors: Tensor, flat: Plane, *, seed: int) -> Plane:
        return torch.randn(flat.shape, generator=torch_generator(seed))


class Forgetful(_Right):
    """Planted mistake: every call draws anew."""

    def _layout(self, vectors: Tensor, flat: Plane, *, seed: int) -> Plane:
        return flat + 1e-3 * torch.randn(flat.shape)


class InPlace(_Right):
    """Planted mistake: the vectors are worked on."""

    def _layout(self, vectors: Tensor, flat: Plane, *, seed: int) -> Plane:
        vectors -= vectors.mean(0)
        return flat


class Divides(_Right):
    """Planted mistake: points that coincide give NaN."""

    def _layout(self, vectors: Tensor, flat: Plane, *, seed: int) -> Plane:
        nearest = torch.cdist(vectors, vectors).fill_diagonal_(torch.inf).amin(1, keepdim=True)
        return flat + 1e-3 * nearest / nearest


def test_the_right_method_behind_the_mistakes_passes() -> None:
    check_map(_Right())


@pytest.mark.parametrize("broken", [Random, Forgetful, InPlace, Divides])
def test_contract_notices_planted_mistakes(broken: type[MapMethod]) -> None:
    with pytest.raises((AssertionError, RuntimeError)):
        check_map(broken())
