"""The auto-encoder's figures against formulas written out by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from timbrespace.core.batch import Batch
from timbrespace.core.component import build
from timbrespace.core.errors import ParameterError
from timbrespace.models import Model

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
    table = vae().config()
    del table["prior"]
    with pytest.raises(ParameterError, match="AutoEncoder needs 'prior'"):
        build(Model, table)
