"""The map in two networks: it learns what it can, says what it loses, and survives being stored."""

from __future__ import annotations

import functools
import math
import warnings

import pytest
import torch
from torch import Tensor

from timbrespace.core.errors import BundleError, ParameterError
from timbrespace.core.seeds import torch_generator
from timbrespace.latent import distilling
from timbrespace.latent.distilled_map import DistilledMap
from timbrespace.latent.distilling import _held_out, distil
from timbrespace.latent.maps import Pca, Umap
from timbrespace.latent.maps.faithfulness import faithfulness


def sheet(n: int = 1200) -> Tensor:
    """A bent sheet in six dimensions, far from the origin, with a little noise: a plane can hold it."""
    g = torch_generator(4, "sheet")
    u = 2 * torch.rand(n, 2, generator=g) - 1
    bent = torch.stack([2 * u[:, 0], 2 * u[:, 1], u[:, 0] ** 2, u[:, 0] * u[:, 1], u[:, 1] ** 2, 0 * u[:, 0]], 1)
    return bent + 0.02 * torch.randn(n, 6, generator=g) + 3


@functools.cache
def made() -> DistilledMap:
    return distil(sheet(), method=Umap(epochs=100), seed=0)


def test_there_and_back_again() -> None:
    z = sheet()
    there = made().to_map(z)
    assert there.shape == (1200, 2)
    back = made().from_map(there)
    assert float((back - z).square().sum() / (z - z.mean(0)).square().sum()) < 0.1
    assert faithfulness(z, there).trustworthiness > 0.95
    for shape in ((), (3,), (3, 5)):
        assert made().to_map(torch.zeros(*shape, 6)).shape == (*shape, 2)
        assert made().from_map(torch.zeros(*shape, 2)).shape == (*shape, 6)


def test_errors_are_what_they_say() -> None:
    """Recomputed from the networks alone, on the points held out."""
    errors = made().errors
    assert errors is not None
    z = sheet()
    held = _held_out(len(z), None, 0)
    assert errors.held_out == int(held.sum())
    assert errors.points == 1200
    unseen, known = z[held], z[~held]
    guess = made().from_map(made().to_map(unseen))
    explained = 1 - (guess - unseen).square().sum() / (unseen - known.mean(0)).square().sum()
    assert errors.explained == pytest.approx(float(explained), abs=1e-4)
    near = torch.cdist(made().to_map(unseen), made().to_map(known)).argmin(1)
    nearest = 1 - (known[near] - unseen).square().sum() / (unseen - known.mean(0)).square().sum()
    assert errors.nearest == pytest.approx(float(nearest), abs=5e-4)
    places = Umap(epochs=100).embed((z - z.mean(0)) @ made().axes.T, seed=0)
    off = (made().to_map(unseen) - places[held]).square().sum(1).mean() / places.square().sum(1).mean()
    assert errors.map_error == pytest.approx(float(off.sqrt()), abs=0.05)
    assert errors.explained > 0.9 > errors.plane - 0.05
    assert errors.trustworthiness == pytest.approx(
        faithfulness(unseen, made().to_map(unseen)).trustworthiness, abs=1e-3
    )


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of the training, where it matters not how good the map is."""
    monkeypatch.setattr(distilling, "STEPS", 80)


def test_the_metric_decides_what_the_map_shows() -> None:
    """With a metric to which two of six latents are nearly all, a map tells those two."""
    g = torch_generator(0)
    z = torch.randn(800, 6, generator=g)
    metric = torch.diag(torch.tensor([1.0, 1.0, 1e-3, 1e-3, 1e-3, 1e-3]))
    found = distil(z, metric=metric, method=Pca(), seed=0)
    share = 1 - (found.from_map(found.to_map(z)) - z).square().mean(0) / z.var(0)
    assert bool((share[:2] > 0.9).all())
    assert bool((share[2:] < 0.2).all())
    assert found.errors is not None
    assert found.errors.explained > 0.9


def test_whole_sounds_are_held_out() -> None:
    source = torch.arange(1000) // 20
    held = _held_out(1000, source, 0)
    assert int(held.sum()) == 200
    assert all(len(set(held[source == s].tolist())) == 1 for s in range(50))
    assert 0 < int(_held_out(1000, torch.zeros(1000), 0).sum()) < 1000


def test_a_seed_gives_one_map_and_strangers_have_no_say(brief: None) -> None:
    def weights(seed: int) -> Tensor:
        return distil(sheet(150), method=Pca(), seed=seed).tensors()["forth.0.weight"]

    state = torch.get_rng_state()
    first = weights(1)
    assert torch.equal(state, torch.get_rng_state())
    torch.manual_seed(5)
    with torch.no_grad():  # as at the end of a training
        assert torch.equal(first, weights(1))
    assert not torch.equal(first, weights(2))


def test_it_survives_being_stored() -> None:
    again = DistilledMap.from_tensors(made().tensors())
    z = sheet()[:50]
    assert torch.equal(again.to_map(z), made().to_map(z))
    assert torch.equal(again.from_map(z[:, :2]), made().from_map(z[:, :2]))
    assert again.errors == made().errors
    assert not any(p.requires_grad for p in again.parameters())
    assert sum(p.numel() for p in again.parameters()) < 10_000


def test_it_can_be_traced() -> None:
    z = sheet()[:50]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on the annotations that are checked on the way, and on tracing itself
        traced = torch.jit.trace(made(), z)
    assert torch.equal(traced(z), made().to_map(z))


def test_tensors_that_do_not_fit_are_refused() -> None:
    tensors = made().tensors()
    for broken in (
        {k: t for k, t in tensors.items() if k != "mean"},
        {k: t for k, t in tensors.items() if k != "back.2.bias"},
        tensors | {"forth.0.weight": torch.zeros(3, 3)},
        tensors | {"axes": torch.zeros(2, 2)},
        tensors | {"errors": torch.zeros(3)},
        tensors | {"more": torch.zeros(3)},
        tensors | {"mean": torch.tensor(1.0)},
    ):
        with pytest.raises(BundleError, match="map stored with this model does not fit together"):
            DistilledMap.from_tensors(broken)


def test_too_little_is_refused() -> None:
    with pytest.raises(ParameterError, match="100 different vectors or more; these are 99"):
        distil(sheet(99))
    with pytest.raises(ParameterError, match="different vectors or more; these are 200"):
        distil(torch.ones(200, 3))
    with pytest.raises(ParameterError, match="NaN or infinite"):
        distil(torch.full((200, 3), math.nan))


def test_much_is_thinned(brief: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distilling, "MOST", 300)
    errors = distil(sheet(), source=torch.arange(1200) // 30, method=Pca()).errors
    assert errors is not None
    assert errors.points == 300
