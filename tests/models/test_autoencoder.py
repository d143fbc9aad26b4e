"""The auto-encoder's figures against formulas written out by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from timbrespace.core.batch import Batch
from timbrespace.core.component import build, catalogue
from timbrespace.core.errors import ParameterError
from timbrespace.models import Model
from timbrespace.models.bottlenecks import Bottleneck

FEATURES, LATENTS, BATCH, FRAMES = 10, 3, 5, 12
SIGMA = 0.7


def model(bottleneck: dict[str, Any], likelihood: dict[str, Any]) -> Model:
    torch.manual_seed(1)
    table = {
        "network": {"kind": "TemporalConv", "width": 16, "depth": 1, "pca_start": False},
        "bottleneck": {"latent_dim": LATENTS, **bottleneck},
        "prior": {"kind": "Normal"},
        "likelihood": likelihood,
    }
    return build(Model, table, wired={"n_features": FEATURES, "n_channels": 1})


def vae() -> Any:
    return model({"kind": "Gaussian", "initial_log_var": -1.0}, {"kind": "Gaussian", "sigma": SIGMA})


def frames() -> Tensor:
    return torch.randn(BATCH, 1, FEATURES, FRAMES, generator=torch.Generator().manual_seed(0))


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(9)


def test_losses_are_the_two_terms_of_the_elbo() -> None:
    ours, x = vae(), frames()
    terms = ours.losses(Batch.of(x), "model", step=0, generator=seeded())
    statistics = ours.network.encode(x)
    mean, log_var = statistics[:, :LATENTS], statistics[:, LATENTS:] - 1.0
    noise = torch.randn(mean.shape, generator=seeded())
    rebuilt = ours.network.decode(mean + torch.exp(log_var / 2) * noise)[..., :FRAMES]
    cells = FEATURES * FRAMES
    nll = (x - rebuilt).square().sum() / (2 * SIGMA**2) / BATCH + cells * (math.log(SIGMA * math.sqrt(2 * math.pi)))
    kl = 0.5 * (mean**2 + log_var.exp() - 1 - log_var).sum() / BATCH
    assert terms.keys() == {"reconstruction", "kl"}
    torch.testing.assert_close(terms["reconstruction"], nll)
    torch.testing.assert_close(terms["kl"], kl)


def test_the_elbo_agrees_with_torch_distributions() -> None:
    ours, x = vae(), frames()
    terms = ours.losses(Batch.of(x), "model", step=0, generator=seeded())
    level = ours.encode(x).levels[0]
    posterior = torch.distributions.Normal(level.mean, (level.log_var / 2).exp())
    kl = torch.distributions.kl_divergence(posterior, torch.distributions.Normal(0.0, 1.0)).sum() / BATCH
    torch.testing.assert_close(terms["kl"], kl)
    drawn = ours.encode(x, generator=seeded()).levels[0].z
    seen = torch.distributions.Normal(ours.network.decode(drawn)[..., :FRAMES], SIGMA)
    torch.testing.assert_close(terms["reconstruction"], -seen.log_prob(x).sum() / BATCH)


def test_a_plain_autoencoder_has_the_squared_error_alone() -> None:
    ours, x = model({"kind": "Deterministic"}, {"kind": "SquaredError"}), frames()
    terms = ours.losses(Batch.of(x), "model", step=0, generator=seeded())
    rebuilt = ours.decode(ours.encode(x).levels[0].mean)[..., :FRAMES]
    assert terms.keys() == {"reconstruction"}
    torch.testing.assert_close(terms["reconstruction"], (rebuilt - x).square().sum() / BATCH)


def test_target_is_what_should_come_out() -> None:
    ours, x = vae(), frames()
    other = torch.randn(x.shape, generator=seeded())
    first = ours.losses(Batch(x=x, target=other), "model", step=0, generator=seeded())
    second = ours.losses(Batch.of(x), "model", step=0, generator=seeded())
    assert not torch.equal(first["reconstruction"], second["reconstruction"])
    assert torch.equal(first["kl"], second["kl"])
    assert torch.equal(ours.monitor(Batch(x=x, target=other))["target_energy"], other.square().sum(dim=(1, 2, 3)))


def test_monitor_gives_the_unexplained_share_at_the_mean() -> None:
    ours, x = vae().eval(), frames()
    figures = ours.monitor(Batch.of(x))
    rebuilt = ours.decode(ours.encode(x).levels[0].mean)[..., :FRAMES].detach()
    share = figures["squared_error"] / figures["target_energy"]
    for i in range(BATCH):
        assert float(share[i]) == pytest.approx(float((rebuilt[i] - x[i]).square().sum() / x[i].square().sum()))
    likely = -torch.distributions.Normal(rebuilt, SIGMA).log_prob(x).sum(dim=(1, 2, 3))
    torch.testing.assert_close(figures["reconstruction"], likely)


def test_kl_per_dimension_adds_up_to_the_loss() -> None:
    ours, x = vae().eval(), frames()
    per_dimension = ours.monitor(Batch.of(x))["kl_per_dimension"]
    assert per_dimension.shape == (BATCH, LATENTS)
    steps = FRAMES // ours.ratio
    loss = ours.losses(Batch.of(x), "model", step=0, generator=seeded())["kl"].detach()
    torch.testing.assert_close(per_dimension.sum(dim=1).mean() * steps, loss)
    level = ours.encode(x).levels[0]
    by_hand = 0.5 * (level.mean**2 + level.log_var.exp() - 1 - level.log_var).mean(dim=2)
    torch.testing.assert_close(per_dimension, by_hand.detach())


def test_a_dimension_nobody_reads_has_no_divergence() -> None:
    ours = vae().eval()
    with torch.no_grad():
        for layer in (ours.network.encoder[-1], ours.network.encoder_linear):
            layer.weight[1].zero_()
            layer.bias[1].zero_()
        ours.network.encoder[-1].weight[LATENTS + 1].zero_()
        ours.network.encoder[-1].bias[LATENTS + 1] = 1.0  # cancels the initial log-variance of -1
    per_dimension = ours.monitor(Batch.of(frames()))["kl_per_dimension"]
    assert float(per_dimension[:, 1].abs().max()) < 1e-6
    assert float(per_dimension[:, 0].min()) > 1e-3


def test_a_plain_autoencoder_has_no_divergence_to_tell() -> None:
    ours = model({"kind": "Deterministic"}, {"kind": "SquaredError"})
    assert "kl_per_dimension" not in ours.monitor(Batch.of(frames()))


def test_a_missing_part_is_one_sentence() -> None:
    for part, sentence in (
        ("likelihood", "AutoEncoder needs 'likelihood'"),
        ("prior", "A Gaussian bottleneck needs a prior to compare its posterior with, such as Normal"),
    ):
        table = vae().config()
        del table[part]
        with pytest.raises(ParameterError, match=sentence):
            build(Model, table)


PICTURE = {"n_features": 6, "n_channels": 1, "n_frames": 5}


def of_pictures(**parts: Any) -> Any:
    """A small VAE of pictures of 6 x 5 cells, with other parts where given."""
    torch.manual_seed(1)
    usual = {"prior": "Normal", "likelihood": "Bernoulli"}
    table = {
        "network": {"kind": "Mlp", "hidden": [16]},
        "bottleneck": {"kind": "Gaussian", "latent_dim": 2, "initial_log_var": 0.0},
        **{name: {"kind": part} if isinstance(part, str) else part for name, part in (usual | parts).items()},
    }
    return build(Model, table, wired=PICTURE).eval()


def drawing(n: int = 1) -> Tensor:
    return torch.bernoulli(torch.full((n, 1, 6, 5), 0.4), generator=seeded())


def log_weights(ours: Any, x: Tensor, n: int, *, seed: int = 9) -> Tensor:
    """``n`` log-weights of one example, float64."""
    many = Batch.of(x[:1].expand(n, -1, -1, -1))
    return ours.log_weights(many, generator=torch.Generator().manual_seed(seed)).double()


@torch.no_grad()
def by_quadrature(ours: Any, x: Tensor) -> float:
    """log p(x) of one example under two latents with a normal prior, by the midpoint rule on a fine grid."""
    axis = torch.linspace(-6, 6, 241)
    z = torch.cartesian_prod(axis, axis)
    nll = ours.likelihood.negative_log_likelihood(ours.network.decode(z[..., None]), x.expand(len(z), -1, -1, -1))
    prior = torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(1)
    return float((prior - nll).double().logsumexp(0) + 2 * math.log(0.05))


@pytest.mark.parametrize("likelihood", ["Bernoulli", "Gaussian", "Laplace"])
def test_importance_weights_find_the_likelihood_of_data(likelihood: str) -> None:
    ours, x = of_pictures(likelihood=likelihood), drawing()
    weights = log_weights(ours, x, 20_000)
    estimate = float(weights.logsumexp(0)) - math.log(len(weights))
    ratios = (weights - weights.max()).exp()
    error = float(ratios.std() / ratios.mean()) / math.sqrt(len(weights))
    assert error < 0.03
    assert estimate == pytest.approx(by_quadrature(ours, x), abs=5 * error)


def test_their_mean_is_the_elbo() -> None:
    ours, x = of_pictures(), drawing()
    weights = log_weights(ours, x, 20_000)
    with torch.no_grad():
        level = ours.encode(x).levels[0]
        posterior = torch.distributions.Normal(level.mean, (level.log_var / 2).exp())
        kl = torch.distributions.kl_divergence(posterior, torch.distributions.Normal(0.0, 1.0)).sum()
        z = level.mean + (level.log_var / 2).exp() * torch.randn(
            20_000, 2, 1, generator=torch.Generator().manual_seed(5)
        )
        seen = ours.network.decode(z)
        nll = -torch.distributions.Bernoulli(logits=seen).log_prob(x.expand_as(seen)).sum(dim=(1, 2, 3)).double()
    error = float(weights.std() + nll.std()) / math.sqrt(20_000)
    assert float(weights.mean()) == pytest.approx(float(-nll.mean() - kl), abs=4 * error)
    assert error < 0.1


def test_more_samples_tighten_the_bound() -> None:
    ours, x = of_pictures(), drawing()
    weights = log_weights(ours, x, 12_800)
    bounds = [float((weights.unflatten(0, (-1, k)).logsumexp(1) - math.log(k)).mean()) for k in (1, 4, 16, 64, 256)]
    assert bounds == sorted(bounds)
    assert bounds[0] < bounds[-1] - 0.05, "this posterior is far from the true one"
    assert bounds[-1] < by_quadrature(ours, x) + 0.02


@pytest.mark.parametrize("prior", ["GaussianMixture", "Logistic"])
def test_the_weights_ask_the_prior_that_is_there(prior: str) -> None:
    ours, x = of_pictures(prior=prior), drawing()
    level = ours.encode(x, generator=seeded()).levels[0]
    normal = torch.distributions.Normal(level.mean, (level.log_var / 2).exp()).log_prob(level.z).sum()
    nll = ours.likelihood.negative_log_likelihood(ours.network.decode(level.z), x)
    expected = ours.prior.log_prob(level.z).sum() - normal - nll
    torch.testing.assert_close(ours.log_weights(Batch.of(x), generator=seeded()), expected.detach())


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"likelihood": "SquaredError"}, "SquaredError"),
        ({"likelihood": "MultiResolutionSpectral"}, "MultiResolutionSpectral"),
        ({"bottleneck": {"kind": "Deterministic", "latent_dim": 2}}, "Deterministic"),
        ({"bottleneck": {"kind": "Deterministic", "latent_dim": 2}, "prior": None}, "no prior"),
        ({"bottleneck": {"kind": "VectorQuantized", "latent_dim": 2}, "prior": None}, "VectorQuantized"),
        ({}, "Bernoulli"),
    ],
)
def test_no_likelihood_is_told_where_there_is_none(settings: dict[str, Any], named: str) -> None:
    ours = of_pictures(**settings)
    x = drawing() if settings else 0.5 * drawing()
    with pytest.raises(
        ParameterError, match=f"{named}.*is not defined: it takes a posterior.*binary data for Bernoulli"
    ):
        ours.log_weights(Batch.of(x), generator=seeded())


def test_a_map_of_latents_is_drawn_cell_by_cell() -> None:
    torch.manual_seed(0)
    table = {
        "network": {"kind": "Conv2d", "channels": [4], "dense": None},
        "bottleneck": {"kind": "Mmd", "latent_dim": 3},
        "prior": {"kind": "Uniform"},
        "likelihood": {"kind": "SquaredError"},
    }
    ours = build(Model, table, wired={**PICTURE, "n_frames": 8})
    drawn = ours.sample_latents(1000, generator=seeded())
    assert drawn.shape == (1000, 3, 3 * 4)
    assert torch.corrcoef(drawn.transpose(1, 2).flatten(1).T).fill_diagonal_(0).abs().max() < 0.2
    assert ours.decode(drawn[:2]).shape == (2, 1, 6, 8)


def test_a_learned_prior_moves_with_the_model_and_a_vamp_prior_with_its_encoder() -> None:
    ours, x = of_pictures(prior="VampPrior"), drawing(40)
    ours.initialise(Batch.of(x), generator=seeded())
    placed = ours.placed_prior()
    assert placed is not ours.prior
    before = placed.log_prob(torch.zeros(1, 2, 1)).detach()
    with torch.no_grad():
        ours.network.encoder[-1].bias += 1.0
    assert not torch.allclose(ours.placed_prior().log_prob(torch.zeros(1, 2, 1)), before)
    ours.losses(Batch.of(x), "model", step=0, generator=seeded())["kl"].backward()
    assert ours.prior.inputs.grad.abs().sum() > 0
    plain = of_pictures()
    assert plain.placed_prior() is plain.prior


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("size", [(1, 6, 4), (1, 1, 5), (2, 6, 5)])
def test_pictures_of_another_size_are_refused(centred: bool, size: tuple[int, int, int]) -> None:
    with pytest.raises(ParameterError, match="Mlp was made for pictures of 1 x 6 x 5"):
        of_pictures(centred=centred).infer(torch.zeros(3, *size))


@pytest.mark.parametrize("kind", sorted(catalogue(Bottleneck)))
def test_half_precision_is_for_products_of_matrices_alone(kind: str) -> None:
    """Under autocast every term is what it is in single precision, within the three digits of the network's answer."""
    prior = {"PowerSpherical": {"kind": "Sphere"}, "VectorQuantized": None}.get(kind, {"kind": "Normal"})
    ours, x = of_pictures(bottleneck={"kind": kind, "latent_dim": 2}, prior=prior).train(), drawing(32)
    for player, parameters in ours.players().items():
        found = []
        for half in (False, True):
            ours.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=half):
                terms = ours.losses(Batch.of(x), player, step=0, generator=seeded())
            torch.stack([term.float() for term in terms.values()]).sum().backward()
            assert all(p.grad is not None and p.grad.isfinite().all() for p in parameters)
            found.append({name: float(term.detach()) for name, term in terms.items()})
        assert found[1] == pytest.approx(found[0], rel=0.02, abs=0.02)
    with torch.autocast("cpu", torch.bfloat16):
        assert ours.encode(x, generator=seeded()).levels[0].z.dtype == torch.float32
