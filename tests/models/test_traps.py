"""Mistakes that other implementations made, each with the test that would notice it here.

Those of single parts are noticed by the contracts too (``tests/contracts``); here each has its name.
"""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.contracts.common import members
from tests.contracts.test_bottlenecks import accepted
from tests.contracts.test_priors import ready, seeded
from tests.contracts.variants import made, spelled, variants
from timbrespace.core.batch import Batch
from timbrespace.core.component import build
from timbrespace.core.errors import ParameterError
from timbrespace.metrics.codes import perplexity
from timbrespace.metrics.divergence import mmd
from timbrespace.metrics.kernels import InverseMultiquadratic, Kernel
from timbrespace.models.autoencoder import AutoEncoder
from timbrespace.models.base import Model
from timbrespace.models.bottlenecks import Bottleneck, Gaussian, Mmd, VectorQuantized
from timbrespace.models.bottlenecks.base import Contested
from timbrespace.models.encoding import Level
from timbrespace.models.likelihoods import Likelihood, MultiResolutionSpectral
from timbrespace.models.priors import GaussianMixture, Normal, Prior, Uniform, VampPrior

SIZES = {"n_channels": 1, "n_features": 6, "n_frames": 5}


def autoencoder(bottleneck: dict[str, Any], prior: dict[str, Any] | None, **given: Any) -> AutoEncoder:
    torch.manual_seed(0)
    parts: dict[str, Any] = {
        "kind": "AutoEncoder",
        "network": {"kind": "Mlp", "hidden": [8]},
        "bottleneck": {"latent_dim": 3, **bottleneck},
        "likelihood": {"kind": "Bernoulli"},
    }
    if prior is not None:
        parts["prior"] = prior
    model = build(Model, {**parts, **given}, wired=SIZES)
    assert isinstance(model, AutoEncoder)
    model.initialise(pictures(), generator=seeded())
    return model


def pictures(n: int = 12) -> Batch:
    return Batch.of((torch.randn(n, 1, 6, 5, generator=seeded(7)) > 0).float())


def combinations() -> list[tuple[dict[str, Any], dict[str, Any] | None]]:
    """Every bottleneck with every prior that it takes."""
    found: list[tuple[dict[str, Any], dict[str, Any] | None]] = []
    for table in variants(Bottleneck, members(Bottleneck)):
        taken = accepted(made(Bottleneck, {**table, "latent_dim": 3}))
        tables = {None if p is None else type(p).__name__ for p in taken}
        found += [(table, None if kind is None else {"kind": kind}) for kind in sorted(tables, key=str)]
    return found


def named(value: Any) -> str:
    return "none" if value is None else spelled(value)


each_combination = pytest.mark.parametrize(("bottleneck", "prior"), combinations(), ids=named)


# --- MMD divided by the wrong size, by the latent dimension, or with its diagonal ------------------------------------


@pytest.mark.parametrize(("batch", "latents", "steps"), [(5, 3, 1), (3, 7, 4), (16, 1, 1)])
def test_mmd_is_divided_by_the_numbers_of_pairs(batch: int, latents: int, steps: int) -> None:
    """The loss is the plain double sum over pairs of different points, all steps being points."""
    bottleneck, prior, kernel = Mmd(latent_dim=latents), Normal(latent_dim=latents), InverseMultiquadratic()
    z = torch.randn(batch, latents, steps, generator=seeded())
    codes = z.transpose(1, 2).reshape(-1, latents)
    draws, n = prior.sample(len(codes), generator=seeded(5)), len(codes)

    def k(a: Tensor, b: Tensor) -> float:
        square = float((a - b).square().sum())
        return sum(2 * latents * s / (2 * latents * s + square) for s in kernel.scales)

    pairs = [(i, j) for i in range(n) for j in range(n)]
    within = sum(k(codes[i], codes[j]) + k(draws[i], draws[j]) for i, j in pairs if i != j) / (n * (n - 1))
    between = sum(k(codes[i], draws[j]) for i, j in pairs) / n**2
    found = float(bottleneck.losses(Level(z, z), prior, generator=seeded(5))["mmd"])
    assert found == pytest.approx(within - 2 * between, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("kind", members(Kernel))
def test_mmd_is_measured_in_units_of_the_prior(kind: str) -> None:
    """Codes and prior ten times as wide have the same discrepancy."""
    bottleneck = Mmd(latent_dim=3, kernel=made(Kernel, {"kind": kind}))
    narrow, wide = Uniform(latent_dim=3), Uniform(latent_dim=3, low=-10.0, high=10.0)
    z = torch.randn(30, 3, 1, generator=seeded())
    one = bottleneck.losses(Level(z, z), narrow, generator=seeded())["mmd"]
    ten = bottleneck.losses(Level(10 * z, 10 * z), wide, generator=seeded())["mmd"]
    torch.testing.assert_close(one, ten, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", members(Kernel))
def test_mmd_of_equal_distributions_is_nought_for_any_size(kind: str) -> None:
    kernel = made(Kernel, {"kind": kind})
    for n, latents in ((4, 2), (64, 2), (64, 30)):
        found = []
        for seed in range(60):
            x, y = torch.randn(2, n, latents, generator=seeded(seed))
            found.append(float(mmd(x, y, kernel)))
        mean, error = torch.tensor(found).mean(), torch.tensor(found).std() / math.sqrt(len(found))
        assert abs(float(mean)) < 4 * float(error)


# --- a sign error in a loss ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", variants(Likelihood, members(Likelihood)), ids=spelled)
def test_a_step_down_the_reconstruction_brings_the_mean_nearer(table: dict[str, Any]) -> None:
    likelihood = made(Likelihood, table)
    target = (torch.randn(4, 1, 6, 5, generator=seeded()) > 0).float()
    parameters = torch.zeros(4, likelihood.n_parameters, 6, 5) + 0.3
    parameters.requires_grad_()
    likelihood.negative_log_likelihood(parameters, target).sum().backward()
    assert parameters.grad is not None
    with torch.no_grad():
        before, after = (likelihood.mean(p) for p in (parameters, parameters - 1e-3 * parameters.grad))
        assert float((after - target).square().sum()) < float((before - target).square().sum())


@pytest.mark.parametrize("kind", members(Prior))
def test_a_step_down_the_regulariser_brings_codes_nearer_to_the_prior(kind: str) -> None:
    """For each prior with whatever bottleneck takes it: codes shifted away from it are pulled back."""
    prior = ready(made(Prior, {"kind": kind}))
    for name in ("Gaussian", "Mmd"):
        bottleneck = made(Bottleneck, {"kind": name, "latent_dim": 3})
        try:
            bottleneck.accept(prior)
        except ParameterError:
            continue
        mean = (prior.sample(200, generator=seeded()).detach()[..., None] + 2).requires_grad_()
        log_var = torch.full_like(mean, -2.0).detach()
        terms = bottleneck.losses(Level(mean, mean, log_var), prior, generator=seeded(1))
        (slope,) = torch.autograd.grad(torch.stack(list(terms.values())).sum(), mean)
        assert float(slope.mean()) > 0, f"{name} pushes codes away from {kind}"


@pytest.mark.parametrize("kind", [k for k in members(Prior) if made(Prior, {"kind": k}).support == "space"])
def test_divergences_are_positive(kind: str) -> None:
    prior = ready(made(Prior, {"kind": kind}))
    mean = torch.randn(4000, 3, 1, generator=seeded())
    kl = prior.kl(Level(mean, mean, torch.full_like(mean, -1.0)), generator=seeded(1))
    assert float(kl.detach().sum(1).mean()) > 0


@pytest.mark.parametrize("kind", ["Adversarial", "TotalCorrelation"])
def test_the_critic_knows_real_from_fake(kind: str) -> None:
    """Its loss is log 2 without an opinion, falls with the right one and rises with the wrong one."""
    bottleneck, prior = made(Bottleneck, {"kind": kind, "latent_dim": 3}), Normal(latent_dim=3)
    assert isinstance(bottleneck, Contested)
    same = 2 + torch.randn(500, 1, 1, generator=seeded()).expand(-1, 3, -1)  # far off, and its latents all equal

    def opinion(logit: Any) -> float:
        bottleneck.critic = _Opinion(logit)
        terms = bottleneck.critic_losses(Level(same, same), prior, generator=seeded())
        return float(terms["critic"])

    equal = {"TotalCorrelation": lambda z: -(z[:, :1] - z[:, 1:2]).abs(), "Adversarial": lambda z: -z.mean(1, True)}[
        kind
    ]
    assert opinion(lambda z: 0 * z[:, :1]) == pytest.approx(math.log(2))
    assert opinion(equal) < math.log(2) < opinion(lambda z: -equal(z))


class _Opinion(torch.nn.Module):
    """A critic that has made up its mind."""

    def __init__(self, logit: Any) -> None:
        super().__init__()
        self.logit = logit

    def forward(self, z: Tensor) -> Tensor:
        return self.logit(z)


# --- evaluation that trains ------------------------------------------------------------------------------------------


@each_combination
def test_nothing_is_learned_by_looking(bottleneck: dict[str, Any], prior: dict[str, Any] | None) -> None:
    """Encoding, decoding, figures and bounds leave every weight, moving average and code as it was."""
    model, batch = autoencoder(bottleneck, prior), pictures()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    for training in (True, False):
        model.train(training)
        model.decode(model.infer(batch.x))
        model.monitor(batch)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())


# --- sampling encoders in deterministic tools ------------------------------------------------------------------------


@each_combination
def test_deterministic_tools_do_not_draw(bottleneck: dict[str, Any], prior: dict[str, Any] | None) -> None:
    """The same latents and figures every time, and none of torch's own random numbers used up."""
    model, batch = autoencoder(bottleneck, prior).train(), pictures()
    state = torch.get_rng_state()
    first, figures = model.infer(batch.x), model.monitor(batch)
    torch.manual_seed(99)
    other = torch.get_rng_state()
    assert torch.equal(first, model.infer(batch.x))
    again = model.monitor(batch)
    assert all(torch.equal(values, again[name]) for name, values in figures.items())
    assert torch.equal(torch.get_rng_state(), other)
    torch.set_rng_state(state)


# --- priors that work only with labels -------------------------------------------------------------------------------


@each_combination
def test_no_prior_asks_for_labels(bottleneck: dict[str, Any], prior: dict[str, Any] | None) -> None:
    """Training and sampling with every prior from pictures alone."""
    model, batch = autoencoder(bottleneck, prior), pictures()
    assert batch.labels is None or len(batch.labels) == 0
    for player in model.players():
        for term in model.losses(batch, player, step=0, generator=seeded()).values():
            assert torch.isfinite(term)
    if prior is not None:
        assert model.sample_latents(5, generator=seeded()).shape == (5, 3, 1)


# --- log-variance read as log-deviation ------------------------------------------------------------------------------


def test_the_second_statistic_is_the_logarithm_of_the_variance() -> None:
    """By draws, by density and by divergence alike."""
    bottleneck = Gaussian(latent_dim=1, initial_log_var=0.0)
    statistics = torch.tensor([0.0, math.log(4.0)]).reshape(1, 2, 1)
    level = bottleneck(statistics.expand(1, 2, 40_000), generator=seeded())
    assert float(level.z.std()) == pytest.approx(2.0, rel=0.02)
    one = bottleneck(statistics)
    peak = float(bottleneck.log_posterior(one.mean, one))
    assert peak == pytest.approx(-math.log(2.0 * math.sqrt(2 * math.pi)))
    kl = bottleneck.losses(one, Normal(latent_dim=1), generator=seeded())["kl"]
    assert float(kl) == pytest.approx(0.5 * (4.0 - math.log(4.0) - 1.0))


@pytest.mark.parametrize("kind", ["Mmd", "Adversarial", "TotalCorrelation"])
def test_other_gaussian_encoders_mean_the_same(kind: str) -> None:
    choice = {} if kind == "TotalCorrelation" else {"encoder": "gaussian"}
    bottleneck = made(Bottleneck, {"kind": kind, "latent_dim": 3, **choice})
    level = bottleneck(torch.zeros(1, 6, 1).expand(20_000, -1, -1), generator=seeded())
    assert level.log_var is not None
    assert float(level.z.std()) == pytest.approx(math.exp(0.5 * float(level.log_var[0, 0, 0])), rel=0.02)


def test_mixtures_have_variances_too() -> None:
    with torch.no_grad():
        mixture = GaussianMixture(latent_dim=2, n_components=1, learned=True)
        mixture.log_var.fill_(math.log(9.0))
        assert float(mixture.sample(40_000, generator=seeded()).std()) == pytest.approx(3.0, rel=0.02)
        assert mixture.variance == pytest.approx(9.0)
        vamp = VampPrior(latent_dim=2, n_components=1, **SIZES)
        zero = torch.zeros(1, 2, 1)
        placed = vamp.anchored(Level(zero, zero, zero + math.log(9.0)))
        assert float(placed.sample(40_000, generator=seeded()).std()) == pytest.approx(3.0, rel=0.02)
        peak = placed.log_prob(zero)
    assert float(peak) == pytest.approx(-math.log(9.0 * 2 * math.pi))


# --- a weight applied twice ------------------------------------------------------------------------------------------


@each_combination
def test_terms_are_unweighted(bottleneck: dict[str, Any], prior: dict[str, Any] | None) -> None:
    """The weight that the trainer will apply is known to the model, and none of its terms has it in it."""
    light, heavy = (autoencoder(bottleneck, prior, beta=beta) for beta in (0.01, 4.0))
    for player in light.players():
        one, other = (m.losses(pictures(), player, step=0, generator=seeded()) for m in (light, heavy))
        assert one.keys() == other.keys()
        assert all(torch.equal(term, other[name]) for name, term in one.items())


def test_the_commitment_is_the_whole_squared_distance() -> None:
    bottleneck = made(Bottleneck, {"kind": "VectorQuantized", "latent_dim": 3})
    level = bottleneck(torch.randn(4, 3, 5, generator=seeded()))
    terms = bottleneck.losses(level, None, generator=seeded())
    expected = (level.mean - level.z).square().sum(dim=(1, 2)).mean()
    torch.testing.assert_close(terms["commitment"], expected)


# --- categorical codes averaged --------------------------------------------------------------------------------------


def test_codes_are_whole_numbers_and_are_never_averaged() -> None:
    """Codes are names: there is no vector between code 3 and code 5, and no share of a code in a perplexity."""
    bottleneck = made(Bottleneck, {"kind": "VectorQuantized", "latent_dim": 3, "codebook_size": 8})
    assert isinstance(bottleneck, VectorQuantized)
    level = bottleneck(torch.randn(4, 3, 5, generator=seeded()))
    assert level.codes is not None
    assert not level.codes.is_floating_point()
    assert set(level.codes.unique().tolist()) <= set(range(8))
    torch.testing.assert_close(bottleneck.vectors_of(level.codes), level.z.detach())
    with pytest.raises(ParameterError, match="a mean of two names is no name"):
        bottleneck.vectors_of(level.codes.float())
    assert perplexity(torch.tensor([0, 7, 0, 7]), 8) == pytest.approx(2.0)


def test_the_classes_of_a_batch_are_no_mean() -> None:
    """Averaging the codes 0 and 7 would give 3 or 4: the vectors then are of no example."""
    bottleneck = made(Bottleneck, {"kind": "VectorQuantized", "latent_dim": 3, "codebook_size": 8})
    assert isinstance(bottleneck, VectorQuantized)
    vectors = bottleneck.vectors_of(torch.tensor([[0], [7]]))
    level = bottleneck(vectors)
    assert level.codes is not None
    assert level.codes[:, 0].tolist() == [0, 7]


# --- a setting that silently means "off" -----------------------------------------------------------------------------


def test_off_is_written_none() -> None:
    """Nought is refused where it would turn something off, and ``None`` is kept as what it is."""
    with pytest.raises(ParameterError, match=r"'direct' is 0\.0, outside its range"):
        MultiResolutionSpectral(direct=0.0)
    with pytest.raises(ParameterError, match="'restart_below'"):
        VectorQuantized(latent_dim=3, restart_below=0.0)
    for refused in ({"kind": "Gaussian", "sigma": 0.0}, {"kind": "Laplace", "scale": 0.0}):
        with pytest.raises(ParameterError, match="outside its range"):
            made(Likelihood, refused)
    for kind, name in (("Sphere", "radius"), ("Logistic", "scale")):
        with pytest.raises(ParameterError, match="outside its range"):
            made(Prior, {"kind": kind, name: 0.0})
    assert MultiResolutionSpectral(direct=None).config()["direct"] is None
    assert VectorQuantized(latent_dim=3, restart_below=None).config()["restart_below"] is None


@pytest.mark.parametrize("family", [Bottleneck, Prior, Likelihood], ids=lambda f: f.__name__)
def test_none_is_stored_as_none(family: Any) -> None:
    """A part that was made with ``None`` says so in its configuration, or names what it took instead."""
    for table in variants(family, members(family)):
        sizes = {"latent_dim": 3} if family is Bottleneck else {}
        config = made(family, {**table, **sizes}).config()
        for name, value in table.items():
            assert config[name] == value or (isinstance(value, dict) and config[name]["kind"] == value["kind"])
