"""The contract of models, over every combination of their parts, and proof that it notices mistakes."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.contracts.common import WIRED, check_config, members
from timbrespace.core.batch import Batch
from timbrespace.core.component import build, catalogue
from timbrespace.core.trainable import Trainable
from timbrespace.models.base import Model
from timbrespace.models.encoding import Encoding

FEATURES = WIRED["n_features"]


def frames(batch: int = 3, n_frames: int = 14, *, seed: int = 0) -> Tensor:
    noise = torch.randn(batch, 1, FEATURES, n_frames + 8, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.avg_pool1d(noise[:, 0], 9, 1)[:, None] * 3


def tables() -> list[dict[str, Any]]:
    """Every model with every combination of the parts it needs."""
    found = []
    for kind in members(Model):
        arguments = catalogue(Model)[kind].arguments().values()
        families = {a.name: a.family for a in arguments if a.required and a.family is not None}
        for parts in itertools.product(*(members(family) for family in families.values())):
            found.append({"kind": kind, **{n: {"kind": p} for n, p in zip(families, parts, strict=True)}})
    return found


def name_of(table: dict[str, Any]) -> str:
    return "-".join(part if isinstance(part, str) else part["kind"] for part in table.values())


def make(table: dict[str, Any]) -> Model:
    torch.manual_seed(0)
    given = {"n_features": FEATURES, "n_channels": 1, "sample_rate": WIRED["sample_rate"]}
    return build(Model, table, wired=given)


def check_model(model: Model) -> None:
    assert isinstance(model, Trainable)
    model.initialise(Batch.of(frames(8, 64)), generator=torch.Generator().manual_seed(0))
    _every_parameter_learns(model)
    model.eval()
    x = frames()
    with torch.no_grad():
        level = model.encode(x).levels[0]
        steps = math.ceil(x.shape[-1] / model.ratio) if model.ratio else 1
        assert level.mean.shape == level.z.shape == (3, model.latent_dim, steps)
        assert torch.equal(level.z, model.encode(x).levels[0].z), "without a generator encoding is deterministic"
        torch.testing.assert_close(model.encode(x[1:2]).levels[0].mean, level.mean[1:2], rtol=1e-4, atol=1e-4)
        rebuilt = model.decode(level.mean)
        assert rebuilt.shape[:3] == x.shape[:3]
        assert rebuilt.shape[3] >= x.shape[3]
        assert torch.isfinite(rebuilt).all()
    _monitor_speaks_of_each_example(model, x)


def _every_parameter_learns(model: Model) -> None:
    model.train()
    with torch.no_grad():  # layers that start at zero hide the gradients of those before them
        for parameter in model.parameters():
            parameter += 0.02 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(parameter.numel()))
    players = model.players()
    assert players
    for player, parameters in players.items():
        for parameter in model.parameters():
            parameter.grad = None
        draws = [torch.Generator().manual_seed(1) for _ in range(2)]
        torch.manual_seed(0)
        terms = model.losses(Batch.of(frames()), player, step=0, generator=draws[0])
        torch.manual_seed(0)
        again = model.losses(Batch.of(frames()), player, step=0, generator=draws[1])
        assert terms
        for name, term in terms.items():
            assert term.ndim == 0
            assert torch.isfinite(term)
            assert torch.equal(term, again[name]), f"{name} draws from elsewhere than the generator"
        torch.stack(list(terms.values())).sum().backward()
        for parameter in parameters:
            assert parameter.grad is not None, "a parameter is not part of the losses"
            assert parameter.grad.abs().sum() > 0, "a parameter gets no gradient"


def _monitor_speaks_of_each_example(model: Model, x: Tensor) -> None:
    figures = model.monitor(Batch.of(x))
    assert {"squared_error", "target_energy", "latents"} <= figures.keys()
    for name, values in figures.items():
        assert values.shape[0] == len(x), f"{name} has no value per example"
        assert not values.requires_grad
        assert torch.isfinite(values).all()
    torch.testing.assert_close(figures["target_energy"], x.square().sum(dim=(1, 2, 3)))
    alone = model.monitor(Batch.of(x[:1]))
    torch.testing.assert_close(alone["squared_error"], figures["squared_error"][:1], rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("table", tables(), ids=name_of)
def test_contract(table: dict[str, Any]) -> None:
    model = make(table)
    check_config(model, Model)
    check_model(model)


@pytest.mark.parametrize("table", tables(), ids=name_of)
def test_state_brings_back_an_identical_model(table: dict[str, Any]) -> None:
    model = make(table).eval()
    model.initialise(Batch.of(frames(8, 64)), generator=torch.Generator().manual_seed(0))
    again = build(Model, model.config()).eval()
    again.load_state_dict(model.state_dict())
    with torch.no_grad():
        assert torch.equal(again.encode(frames()).levels[0].mean, model.encode(frames()).levels[0].mean)
        latents = model.encode(frames()).levels[0].mean
        assert torch.equal(again.decode(latents), model.decode(latents))


def plant(method: str, wrong: Any) -> Model:
    """The first model with one of its methods replaced."""
    model = make(tables()[0])
    right = getattr(model, method)
    object.__setattr__(model, method, lambda *given, **named: wrong(right, *given, **named))
    return model


def _always_draws(right: Any, x: Tensor, **named: Any) -> Encoding:
    level = right(x, **named).levels[0]
    noisy = level.z + 0.1 * torch.randn(level.z.shape)
    return Encoding((type(level)(noisy, noisy),))


def _mixes_examples(right: Any, x: Tensor, **named: Any) -> Encoding:
    return right(x - x.mean(dim=0, keepdim=True), **named)  # type: ignore[no-any-return]  # what encode gives


def _is_short(right: Any, latents: Tensor) -> Tensor:
    return right(latents)[..., :-4]  # type: ignore[no-any-return]  # what decode gives


def _averages(right: Any, batch: Batch) -> dict[str, Tensor]:
    return {name: values.mean(0, keepdim=True) for name, values in right(batch).items()}


def _dropped_term(right: Any, batch: Batch, player: str, **named: Any) -> dict[str, Tensor]:
    return {name: term.detach().requires_grad_() for name, term in right(batch, player, **named).items()}


def _own_noise(right: Any, batch: Batch, player: str, **named: Any) -> dict[str, Tensor]:
    noise = torch.empty(()).uniform_(generator=torch.Generator().manual_seed(torch.seed() % 2**31))
    return {name: term + noise for name, term in right(batch, player, **named).items()}


@pytest.mark.parametrize(
    ("method", "wrong"),
    [
        ("encode", _always_draws),
        ("encode", _mixes_examples),
        ("decode", _is_short),
        ("monitor", _averages),
        ("losses", _dropped_term),
        ("losses", _own_noise),
    ],
)
def test_contract_notices_planted_mistakes(method: str, wrong: Any) -> None:
    check_model(make(tables()[0]))
    with pytest.raises(AssertionError):
        check_model(plant(method, wrong))
