"""The contract of bottlenecks, and proof that it notices mistakes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests.contracts.common import check_config, make, members
from timbrespace.models.bottlenecks import Bottleneck, Gaussian
from timbrespace.models.encoding import Level
from timbrespace.models.priors import Normal, Prior


def check_bottleneck(bottleneck: Bottleneck) -> None:
    latents, generator = bottleneck.latent_dim, torch.Generator
    statistics = torch.randn(4, bottleneck.n_statistics, 6, generator=generator().manual_seed(0), requires_grad=True)
    still = bottleneck(statistics)
    assert still.z.shape == still.mean.shape == (4, latents, 6)
    assert torch.equal(still.z, bottleneck(statistics).z), "without a generator encoding is deterministic"
    first, again = (bottleneck(statistics, generator=generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first.z, again.z), "the same generator gives the same draw"
    _losses_are_batch_means_of_sums(bottleneck, statistics)
    terms = bottleneck.losses(first, Normal(latent_dim=latents), generator=generator().manual_seed(4))
    (first.z.square().sum() + sum(terms.values())).backward()
    assert statistics.grad is not None
    assert (statistics.grad.abs().sum(dim=(0, 2)) > 0).all(), "every statistic gets a gradient"


def _losses_are_batch_means_of_sums(bottleneck: Bottleneck, statistics: Tensor) -> None:
    prior = Normal(latent_dim=bottleneck.latent_dim)

    def terms(s: Tensor) -> dict[str, Tensor]:
        level = bottleneck(s)
        return bottleneck.losses(level, prior, generator=torch.Generator().manual_seed(0))

    once, twice, longer = terms(statistics), terms(torch.cat([statistics] * 2)), terms(torch.cat([statistics] * 2, 2))
    for name, term in once.items():
        assert term.ndim == 0
        assert torch.isfinite(term)
        torch.testing.assert_close(twice[name], term, msg=f"{name} is no mean over the batch")
        torch.testing.assert_close(longer[name], 2 * term, msg=f"{name} is no sum over steps")


@pytest.mark.parametrize("kind", members(Bottleneck))
def test_contract(kind: str) -> None:
    bottleneck = make(Bottleneck, kind)
    check_config(bottleneck, Bottleneck)
    check_bottleneck(bottleneck)


class _Broken(Bottleneck):
    def __init__(self) -> None:
        super().__init__()
        self.latent_dim = 3
        self.right = Gaussian(latent_dim=3)

    @property
    def n_statistics(self) -> int:
        return 6

    def forward(self, statistics: Tensor, *, generator: torch.Generator | None = None) -> Level:
        return self.right(statistics, generator=generator)

    def losses(self, level: Level, prior: Prior, *, generator: torch.Generator) -> dict[str, Tensor]:
        return self.right.losses(level, prior, generator=generator)


class AlwaysSampling(_Broken):
    """Planted mistake: encoding draws even when a deterministic answer is wanted."""

    def forward(self, statistics: Tensor, *, generator: torch.Generator | None = None) -> Level:
        return self.right(statistics, generator=generator or torch.default_generator)


class DividedBySteps(_Broken):
    """Planted mistake: the divergence is averaged over steps."""

    def losses(self, level: Level, prior: Prior, *, generator: torch.Generator) -> dict[str, Tensor]:
        return {k: v / level.z.shape[2] for k, v in self.right.losses(level, prior, generator=generator).items()}


class DetachedVariance(_Broken):
    """Planted mistake: no gradient reaches the variance."""

    def forward(self, statistics: Tensor, *, generator: torch.Generator | None = None) -> Level:
        return self.right(torch.cat([statistics[:, :3], statistics[:, 3:].detach()], 1), generator=generator)


@pytest.mark.parametrize("broken", [AlwaysSampling, DividedBySteps, DetachedVariance])
def test_contract_notices_planted_mistakes(broken: type[Bottleneck]) -> None:
    with pytest.raises(AssertionError):
        check_bottleneck(broken())


def test_gaussian_draws_have_the_posterior_spread() -> None:
    statistics = torch.cat([torch.full((1, 3, 50_000), 0.5), torch.full((1, 3, 50_000), -1.0)], dim=1)
    level = Gaussian(latent_dim=3, initial_log_var=-0.5)(statistics, generator=torch.Generator().manual_seed(0))
    assert float(level.z.mean()) == pytest.approx(0.5, abs=0.01)
    assert float(level.z.var()) == pytest.approx(float(torch.tensor(-1.5).exp()), rel=0.02)
