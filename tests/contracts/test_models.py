"""The contract of models, over combinations of parts that cover every pair, and proof that it notices mistakes."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.contracts.combinations import covering, pairs
from tests.contracts.common import WIRED, check_config, members
from tests.contracts.variants import choices
from timbrespace.core.batch import Batch
from timbrespace.core.component import Component, build, catalogue
from timbrespace.core.errors import ParameterError
from timbrespace.core.trainable import Trainable
from timbrespace.layers.memory import Memory
from timbrespace.models import AutoEncoder
from timbrespace.models.base import Model
from timbrespace.models.bottlenecks import Bottleneck
from timbrespace.models.bottlenecks.base import Coded, Contested, Divergent, Posterior
from timbrespace.models.encoding import Encoding
from timbrespace.models.likelihoods import Likelihood
from timbrespace.models.networks import Network
from timbrespace.models.priors import Prior

FEATURES, N_FRAMES = WIRED["n_features"], WIRED["n_frames"]
GIVEN = {name: WIRED[name] for name in ("n_features", "n_channels", "n_frames", "sample_rate")}
SMALL = {"hidden": [32, 24], "channels": [4, 6], "fine": 4, "dense": 16, "n_components": 5, "codebook_size": 6}
SMALL |= {"width": 16, "latent_dim": WIRED["latent_dim"]}
"""Sizes that are enough: what a part does with its own is for its family's contract."""

Table = dict[str, Any]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def small(family: type[Component], kind: str, **settings: Any) -> Table:
    known = catalogue(family)[kind].arguments()
    sizes = {k: v for k, v in SMALL.items() if k in known and not known[k].wired}
    if "kernels" in known:  # one per layer: the channels are not all
        sizes.pop("channels", None)
    return {"kind": kind, **sizes, **settings}


def ways(family: type[Component]) -> list[Table]:
    """Every member, and once more for each other value of a switch or choice that says what sort of part it is.

    (Not for other parts inside it, which are of a family of their own, nor for how layers are computed.)
    """
    found = []
    for kind in members(family):
        found.append(small(family, kind))
        for name, argument in catalogue(family)[kind].arguments().items():
            if name in ("activation", "batch_norm", "pca_start") or argument.family is not None:
                continue
            others = [value for value in choices(argument) if value != argument.default]
            found += [small(family, kind, **{name: value}) for value in others]
    return found


def spelled(table: Table) -> str:
    """What a part is, as far as it differs from its kind's own defaults and the sizes above."""
    named = [str(v) if k == "kind" else f"{k}={v}" for k, v in table.items() if SMALL.get(k, ...) != v]
    return "+".join(named)


def name_of(table: Table) -> str:
    parts = [spelled(part) if isinstance(part, dict) else str(part) for part in table.values()]
    return "-".join(parts[1:])


@functools.cache
def refusal(bottleneck: str, prior: str) -> str | None:
    """The sentence with which a bottleneck refuses a prior, both as :func:`spelled`; nothing if it takes it."""
    parts = {spelled(t): t for t in (*ways(Bottleneck), *ways(Prior))}
    built = build(Bottleneck, parts[bottleneck], wired=WIRED)
    try:
        built.accept(None if prior == "None" else build(Prior, parts[prior], wired=WIRED))
    except ParameterError as error:
        return str(error)
    return None


@functools.cache
def pictures(network: str) -> bool:
    """Whether a network is for frames of one size."""
    return build(Network, small(Network, network), wired=WIRED).ratio == 0


def combinations() -> Iterator[Table]:
    """Every combination that makes sense."""
    families = (ways(Network), ways(Bottleneck), [None, *ways(Prior)], ways(Likelihood), [False, True])
    for network, bottleneck, prior, likelihood, centred in itertools.product(*families):
        takes = refusal(spelled(bottleneck), "None" if prior is None else spelled(prior)) is None
        if takes and not (centred and not pictures(network["kind"])):
            yield {
                "kind": "AutoEncoder", "network": network, "bottleneck": bottleneck, "prior": prior,
                "likelihood": likelihood, "centred": centred,
            }  # fmt: skip


def features(table: Table) -> Iterator[Any]:
    """Every pair of kinds; every part in each of its ways, and each way of a bottleneck with each way of a prior."""
    parts = [table[name] for name in ("network", "bottleneck", "prior", "likelihood")]
    yield from pairs([*(None if p is None else p["kind"] for p in parts), table["centred"]])
    yield from ((place, None if p is None else spelled(p)) for place, p in enumerate(parts))
    yield spelled(table["bottleneck"]), None if table["prior"] is None else spelled(table["prior"])


@functools.cache
def tables() -> list[Table]:
    return covering(combinations(), features)


def simple(**parts: Any) -> Table:
    """A plain VAE of pictures, with other parts where given."""
    usual = {
        "network": small(Network, "Mlp"), "bottleneck": small(Bottleneck, "Gaussian"), "prior": {"kind": "Normal"},
        "likelihood": {"kind": "Gaussian"},
    }  # fmt: skip
    return {"kind": "AutoEncoder", **usual, **parts}


def make(table: Table) -> AutoEncoder:
    torch.manual_seed(0)
    model = build(Model, table, wired=GIVEN)
    assert isinstance(model, AutoEncoder)
    return model


def frames(model: AutoEncoder, batch: int = 3, n_frames: int = 14, *, seed: int = 0) -> Tensor:
    """Smooth frames of the model's size, if it has one, and 0 or 1 where its likelihood takes only those."""
    length = n_frames if model.ratio else N_FRAMES
    noise = torch.randn(batch, FEATURES, length + 8, generator=seeded(seed))
    smooth = torch.nn.functional.avg_pool1d(noise, 9, 1)[:, None] * 3
    return (smooth > 0).float() if model.likelihood.support == "binary" else smooth


def check_model(model: AutoEncoder) -> None:
    assert isinstance(model, Trainable)
    model.initialise(Batch.of(frames(model, 12, 64)), generator=seeded())
    _players_learn_from_their_own_losses(model)
    model.after_step(Batch.of(frames(model)), generator=seeded())
    model.eval()
    x = frames(model)
    with torch.no_grad():
        level = model.encode(x).levels[0]
        steps = math.ceil(x.shape[-1] / model.ratio) if model.ratio else math.prod(model.network.grid)
        assert level.mean.shape == level.z.shape == (3, model.latent_dim, steps)
        assert torch.equal(level.z, model.encode(x).levels[0].z), "without a generator encoding is deterministic"
        torch.testing.assert_close(model.encode(x[1:2]).levels[0].mean, level.mean[1:2], rtol=1e-4, atol=1e-4)
        rebuilt = model.decode(level.z)
        assert rebuilt.shape[:3] == x.shape[:3]
        assert rebuilt.shape[3] >= x.shape[3] if model.ratio else rebuilt.shape == x.shape
        assert torch.isfinite(rebuilt).all()
    _latents_are_inferred(model, x)
    _codes_name_their_vectors(model, x)
    _monitor_speaks_of_each_example(model, x)
    _latents_are_drawn_from_the_prior(model)
    _weights_bound_the_likelihood(model, x)
    if model.lookahead is None:
        with pytest.raises(ParameterError, match="cannot play live"):
            model.decode_next(level.z, Memory())


def _players_learn_from_their_own_losses(model: AutoEncoder) -> None:
    model.train()
    with torch.no_grad():  # layers that start at zero hide the gradients of those before them
        for parameter in model.parameters():
            parameter += 0.02 * torch.randn(parameter.shape, generator=seeded(parameter.numel()))
    players = model.players()
    assert ("critic" in players) == isinstance(model.bottleneck, Contested)
    own = [id(p) for parameters in players.values() for p in parameters]
    assert sorted(own) == sorted(id(p) for p in model.parameters() if p.requires_grad), "each has one player"
    for player, parameters in players.items():
        for parameter in model.parameters():
            parameter.grad = None
        terms = _terms(model, player)
        for name, (term, again) in terms.items():
            assert term.ndim == 0
            assert torch.isfinite(term)
            assert torch.equal(term, again), f"{name} draws from elsewhere than the generator"
        torch.stack([term for term, _ in terms.values()]).sum().backward()
        for parameter in parameters:
            assert parameter.grad is not None, "a parameter is not part of its player's losses"
            assert parameter.grad.abs().sum() > 0, "a parameter gets no gradient"
        others = [p for p in model.parameters() if not any(p is q for q in parameters)]
        assert all(p.grad is None or not p.grad.any() for p in others), "a player moves what is not its own"


def _terms(model: AutoEncoder, player: str) -> dict[str, tuple[Tensor, Tensor]]:
    """A player's loss terms, twice from the same generator."""
    twice = []
    for _ in range(2):
        torch.manual_seed(0)
        twice.append(model.losses(Batch.of(frames(model)), player, step=0, generator=seeded(1)))
    assert twice[0].keys() == twice[1].keys()
    assert twice[0], "a player has nothing to do"
    assert ("reconstruction" in twice[0]) == (player == "model")
    return {name: (term, twice[1][name]) for name, term in twice[0].items()}


def _latents_are_inferred(model: AutoEncoder, x: Tensor) -> None:
    level = model.encode(x).levels[0]
    assert torch.equal(model.infer(x), level.z), "no refinement was asked for"
    if level.log_var is not None and model.prior is not None:
        assert model.infer(x, refinement=2).shape == level.z.shape
        return
    with pytest.raises(ParameterError, match="refinement=2 needs a posterior with a variance"):
        model.infer(x, refinement=2)


def _codes_name_their_vectors(model: AutoEncoder, x: Tensor) -> None:
    level = model.encode(x).levels[0]
    assert (level.codes is not None) == isinstance(model.bottleneck, Coded)
    if isinstance(model.bottleneck, Coded):
        assert level.codes is not None
        assert level.codes.shape == (3, level.z.shape[2])
        torch.testing.assert_close(model.bottleneck.vectors_of(level.codes), level.z)
        assert not torch.equal(level.z, level.mean), "the mean is what the encoder said"


def _monitor_speaks_of_each_example(model: AutoEncoder, x: Tensor) -> None:
    figures = model.monitor(Batch.of(x))
    assert {"reconstruction", "squared_error", "target_energy", "latents"} <= figures.keys()
    assert ("codes" in figures) == isinstance(model.bottleneck, Coded)
    for name, values in figures.items():
        assert values.shape[0] == len(x), f"{name} has no value per example"
        assert not values.requires_grad
        assert torch.isfinite(values).all()
    energy = x.square().sum(dim=(1, 2, 3)) if model.likelihood.additive else model.likelihood.errors(x, x)[1]
    torch.testing.assert_close(figures["target_energy"], energy)
    alone = model.monitor(Batch.of(x[:1]))
    close = 2e-2 if model.network.phase_free else 1e-4  # integrated phases remember how a batch of another size rounds
    for name in ("squared_error", "reconstruction"):
        torch.testing.assert_close(alone[name], figures[name][:1], rtol=close, atol=1e-3)
    _divergence_is_that_of_the_losses(model, x, figures)


def _divergence_is_that_of_the_losses(model: AutoEncoder, x: Tensor, figures: dict[str, Tensor]) -> None:
    """Where the loss ``kl`` has a form in closed terms of mean and variance, latents share it out; where the bottleneck
    itself tells its divergence, there is one number per step.
    """
    level, prior = model.encode(x).levels[0], model.placed_prior()
    in_space = level.log_var is not None and prior is not None and prior.support == "space"
    told = in_space or isinstance(model.bottleneck, Divergent)
    assert ("kl_per_dimension" in figures) == told
    if not told:
        return
    assert figures["kl_per_dimension"].shape[1] in (1, model.latent_dim)
    if prior is not None and type(prior).__name__ == "Normal":
        with torch.no_grad():
            kl = prior.kl(level, generator=seeded()).sum(dim=(1, 2)) / level.z.shape[2]
        torch.testing.assert_close(figures["kl_per_dimension"].sum(1), kl)


def _latents_are_drawn_from_the_prior(model: AutoEncoder) -> None:
    steps = math.prod(model.network.grid)
    if model.prior is None:
        with pytest.raises(ParameterError, match="This model has no prior to sample from"):
            model.sample_latents(2, generator=seeded())
        return
    drawn = model.sample_latents(5, generator=seeded())
    assert drawn.shape == (5, model.latent_dim, steps)
    assert torch.equal(drawn, model.sample_latents(5, generator=seeded()))
    assert not torch.equal(drawn, model.sample_latents(5, generator=seeded(1)))
    assert len(drawn.transpose(1, 2).flatten(0, 1).unique(dim=0)) == 5 * steps, "each vector is a draw of its own"
    with torch.no_grad():
        made = model.decode(drawn)
    assert made.shape == (5, 1, FEATURES, model.ratio or N_FRAMES)
    assert torch.isfinite(made).all()


def _weights_bound_the_likelihood(model: AutoEncoder, x: Tensor) -> None:
    """Where they are defined, their mean over draws is what the losses say of the same draws; else one sentence."""
    defined = isinstance(model.bottleneck, Posterior) and model.prior is not None and model.likelihood.density
    if not defined:
        with pytest.raises(ParameterError, match=type(model.likelihood).__name__) as refused:
            model.log_weights(Batch.of(x), generator=seeded())
        _is_a_sentence(str(refused.value), type(model.bottleneck).__name__)
        return
    draws = 400
    many = Batch.of(x[:1].expand(draws, -1, -1, -1))
    weights = model.log_weights(many, generator=seeded())
    assert weights.shape == (draws,)
    assert not weights.requires_grad
    with torch.no_grad():
        terms = model.losses(many, "model", step=0, generator=seeded())
    if "kl" in terms:
        error = float(weights.double().std()) / draws**0.5
        assert error < 2 + 0.05 * abs(float(weights.mean()))
        assert float(weights.double().mean()) == pytest.approx(
            -float(terms["reconstruction"] + terms["kl"]), abs=5 * error + 1e-3
        )
    if model.likelihood.support == "binary":
        with pytest.raises(ParameterError, match="and binary data for Bernoulli"):
            model.log_weights(Batch.of(0.5 * x), generator=seeded())


def _is_a_sentence(text: str, *names: str) -> None:
    assert text.endswith("."), text
    assert "\n" not in text
    assert len(text) > 60, "a refusal says why"
    for name in names:
        assert name in text, f"{name} is not named: {text}"


def test_every_model_is_among_the_combinations() -> None:
    assert members(Model) == ["AutoEncoder"], "the combinations are of AutoEncoder's parts: cover the new one"


def test_the_combinations_cover_every_pair() -> None:
    covered = set().union(*(set(features(table)) for table in tables()))
    assert covered == set().union(*(set(features(table)) for table in combinations()))
    for family, name in (
        (Network, "network"),
        (Bottleneck, "bottleneck"),
        (Prior, "prior"),
        (Likelihood, "likelihood"),
    ):
        kinds = {table[name]["kind"] for table in tables() if table[name] is not None}
        assert kinds == set(members(family)), "a member makes no model at all"
    assert len(tables()) < 90


@pytest.mark.parametrize("table", tables(), ids=name_of)
def test_contract(table: Table) -> None:
    model = make(table)
    check_config(model, Model)
    check_model(model)
    _state_brings_back_an_identical_model(model)


def _state_brings_back_an_identical_model(model: AutoEncoder) -> None:
    again = build(Model, model.config()).eval()
    assert isinstance(again, AutoEncoder)
    again.load_state_dict(model.state_dict())
    x = frames(model, seed=3)
    with torch.no_grad():
        latents = model.encode(x).levels[0].z
        assert torch.equal(again.encode(x).levels[0].z, latents)
        assert torch.equal(again.decode(latents), model.decode(latents))
        if model.prior is not None:
            assert torch.equal(again.sample_latents(2, generator=seeded()), model.sample_latents(2, generator=seeded()))


REFUSED = [
    (b, p)
    for b, p in itertools.product(map(spelled, ways(Bottleneck)), ["None", *map(spelled, ways(Prior))])
    if refusal(b, p) is not None
]


@pytest.mark.parametrize("pair", REFUSED, ids="-".join)
def test_what_makes_no_sense_is_refused_with_the_reason(pair: tuple[str, str]) -> None:
    parts = {spelled(t): t for t in (*ways(Bottleneck), *ways(Prior))}
    bottleneck, prior = parts[pair[0]], parts.get(pair[1])
    with pytest.raises(ParameterError) as refused:
        make(simple(bottleneck=bottleneck, prior=prior))
    _is_a_sentence(str(refused.value), bottleneck["kind"], "prior" if prior is None else prior["kind"])


def test_only_pictures_have_an_average_one() -> None:
    with pytest.raises(ParameterError, match=r"A TemporalConv network cannot be 'centred': .* no one size\.$"):
        make(simple(network=small(Network, "TemporalConv"), centred=True))


def test_a_centred_model_begins_with_the_average_picture() -> None:
    for likelihood in ("Gaussian", "Bernoulli"):
        model = make(simple(likelihood={"kind": likelihood}, centred=True))
        x = frames(model, 40)
        model.initialise(Batch.of(x), generator=seeded())
        with torch.no_grad():
            for parameter in model.network.decoder.parameters():
                parameter.zero_()
        start = model.decode(torch.zeros(1, model.latent_dim, 1))
        torch.testing.assert_close(
            start[0], x.mean(0).clamp(1e-3, 1 - 1e-3) if likelihood == "Bernoulli" else x.mean(0)
        )
        seen = model.encode(x.mean(0, keepdim=True)).levels[0].mean
        torch.testing.assert_close(seen[..., 0], model.network.encode(torch.zeros(1, 1, FEATURES, N_FRAMES))[:, :3, 0])


def plant(method: str, wrong: Any, table: Table) -> AutoEncoder:
    """A model with one of its methods replaced."""
    model = make(table)
    right = getattr(model, method)
    object.__setattr__(model, method, lambda *given, **named: wrong(right, *given, **named))
    return model


def _always_draws(right: Any, x: Tensor, **named: Any) -> Encoding:
    level = right(x, **named).levels[0]
    return Encoding((dataclasses.replace(level, z=level.z + 0.1 * torch.randn(level.z.shape)),))


def _mixes_examples(right: Any, x: Tensor, **named: Any) -> Encoding:
    return right(x - x.mean(dim=0, keepdim=True), **named)  # type: ignore[no-any-return]  # what encode gives


def _is_short(right: Any, latents: Tensor) -> Tensor:
    return right(latents)[..., :-4]  # type: ignore[no-any-return]  # what decode gives


def _averages(right: Any, batch: Batch) -> dict[str, Tensor]:
    return {name: values.mean(0, keepdim=True) for name, values in right(batch).items()}


def _forgets_codes(right: Any, batch: Batch) -> dict[str, Tensor]:
    return {name: values for name, values in right(batch).items() if name != "codes"}


def _dropped_term(right: Any, batch: Batch, player: str, **named: Any) -> dict[str, Tensor]:
    return {name: term.detach().requires_grad_() for name, term in right(batch, player, **named).items()}


def _own_noise(right: Any, batch: Batch, player: str, **named: Any) -> dict[str, Tensor]:
    noise = torch.empty(()).uniform_(generator=torch.Generator().manual_seed(torch.seed() % 2**31))
    return {name: term + noise for name, term in right(batch, player, **named).items()}


def _one_game(right: Any, batch: Batch, player: str, **named: Any) -> dict[str, Tensor]:
    return right(batch, "model", **named) | right(batch, "critic", **named)  # type: ignore[no-any-return]  # terms


def _one_player(right: Any) -> dict[str, list[torch.nn.Parameter]]:
    return {"model": [p for parameters in right().values() for p in parameters]}


def _one_vector_for_all(right: Any, n: int, *, generator: torch.Generator) -> Tensor:
    return right(n, generator=generator)[..., :1].expand(-1, -1, 48)  # type: ignore[no-any-return]  # latents


def _always_the_same(right: Any, n: int, *, generator: torch.Generator) -> Tensor:
    return right(n, generator=seeded())  # type: ignore[no-any-return]  # latents


def _without_prior(right: Any, batch: Batch, *, generator: torch.Generator) -> Tensor:
    return right(batch, generator=generator) + 10.0  # type: ignore[no-any-return]  # a density left out


def _defined_everywhere(right: Any, batch: Batch, *, generator: torch.Generator) -> Tensor:
    return torch.zeros(len(batch))


PLAIN = simple()
GAN = simple(bottleneck=small(Bottleneck, "Adversarial"))
CODES = simple(bottleneck=small(Bottleneck, "VectorQuantized"), prior=None)
MAP = simple(network=small(Network, "Conv2d", dense=None))


@pytest.mark.parametrize(
    ("table", "method", "wrong"),
    [
        (PLAIN, "encode", _always_draws),
        (PLAIN, "encode", _mixes_examples),
        (PLAIN, "decode", _is_short),
        (PLAIN, "monitor", _averages),
        (CODES, "monitor", _forgets_codes),
        (PLAIN, "losses", _dropped_term),
        (PLAIN, "losses", _own_noise),
        (GAN, "losses", _one_game),
        (GAN, "players", _one_player),
        (MAP, "sample_latents", _one_vector_for_all),
        (PLAIN, "sample_latents", _always_the_same),
        (PLAIN, "log_weights", _without_prior),
        (CODES, "log_weights", _defined_everywhere),
    ],
)
def test_contract_notices_planted_mistakes(table: Table, method: str, wrong: Any) -> None:
    check_model(make(table))
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        check_model(plant(method, wrong, table))
