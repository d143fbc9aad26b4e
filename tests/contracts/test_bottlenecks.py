"""The contract of bottlenecks, and proof that it notices mistakes."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.contracts.common import check_config, members
from tests.contracts.test_priors import ready, seeded
from tests.contracts.variants import made, spelled, variants
from timbrespace.core.component import catalogue
from timbrespace.core.errors import ParameterError
from timbrespace.models.bottlenecks import Adversarial, Bottleneck, Gaussian, Mmd
from timbrespace.models.bottlenecks.base import Coded, Contested, Posterior
from timbrespace.models.encoding import Level
from timbrespace.models.priors import Normal, Prior, Sphere

STEPS = 6


def candidates() -> list[Prior | None]:
    """No prior, and every prior there is."""
    return [None, *(made(Prior, table) for table in variants(Prior, members(Prior)))]


def accepted(bottleneck: Bottleneck) -> list[Prior | None]:
    """The priors that a bottleneck takes; of the others it must say why not."""
    taken: list[Prior | None] = []
    for prior in candidates():
        refusal = refused(bottleneck, prior)
        if refusal is None:
            taken.append(prior)
            continue
        assert refusal.endswith("."), "a refusal is a sentence"
        assert type(bottleneck).__name__ in refusal
        assert prior is None or type(prior).__name__ in refusal
        assert len(refusal) > 60, "a refusal says why"
    assert taken, "no prior at all is accepted"
    return taken


def refused(bottleneck: Bottleneck, prior: Prior | None) -> str | None:
    """The sentence with which a bottleneck refuses a prior; nothing if it takes it."""
    try:
        bottleneck.accept(prior)
    except ParameterError as refusal:
        return str(refusal)
    return None


def statistics_for(bottleneck: Bottleneck, batch: int = 4, *, seed: int = 0) -> Tensor:
    return torch.randn(batch, bottleneck.n_statistics, STEPS, generator=seeded(seed))


def joined(*levels: Level, dim: int) -> Level:
    """Levels side by side along the batch (0) or the steps (-1), with all that they hold."""

    def together(name: str) -> Any:
        parts = [getattr(level, name) for level in levels]
        return torch.cat(parts, dim) if isinstance(parts[0], Tensor) else parts[0]

    return dataclasses.replace(levels[0], **{f.name: together(f.name) for f in dataclasses.fields(levels[0])})


def check_bottleneck(bottleneck: Bottleneck) -> None:
    priors = accepted(bottleneck)
    statistics = statistics_for(bottleneck)
    if isinstance(bottleneck, Coded):
        bottleneck.initialise(statistics_for(bottleneck, 32, seed=1), generator=seeded())
    still = bottleneck(statistics)
    assert still.z.shape == still.mean.shape == (4, bottleneck.latent_dim, STEPS)
    assert torch.equal(still.z, bottleneck(statistics).z), "without a generator encoding is deterministic"
    first, again = (bottleneck(statistics, generator=seeded(3)) for _ in range(2))
    assert torch.equal(first.z, again.z), "the same generator gives the same draw"
    alone = bottleneck(statistics[1:2])
    torch.testing.assert_close(alone.z, still.z[1:2]), "an example's latents depend on the others"
    _draws_have_their_density(bottleneck)
    for prior in priors:
        _every_statistic_and_parameter_is_reached(bottleneck, prior)
        _terms_add_up(bottleneck, prior)
    if isinstance(bottleneck, Contested):
        _the_critic_plays_alone(bottleneck, priors[0])


def _draws_have_their_density(bottleneck: Bottleneck) -> None:
    """Who draws says how densely: E_q[r/q] = 1 for other posteriors r of the same bottleneck, and only who draws."""
    statistics = 0.3 * statistics_for(bottleneck, 1)[..., :1]
    other = statistics + 0.1 * statistics_for(bottleneck, 1, seed=7)[..., :1]
    with torch.no_grad():
        many = bottleneck(statistics.expand(40_000, -1, -1), generator=seeded(4))
        draws = not torch.equal(many.z, many.z[:1].expand_as(many.z))
        assert isinstance(bottleneck, Posterior) == draws, "a posterior density is promised by who draws, and only then"
        if not isinstance(bottleneck, Posterior):
            return
        there = bottleneck(other.expand(40_000, -1, -1))
        log_q, log_r = (bottleneck.log_posterior(many.z, level) for level in (many, there))
    assert log_q.shape == (40_000, 1)
    weights = (log_r - log_q).double().exp()
    error = float(weights.std()) / 200
    assert error < 0.05
    assert float(weights.mean()) == pytest.approx(1.0, abs=5 * error)
    assert float((log_r - log_q).mean()) < 0, "KL(q || r) is positive"


def _every_statistic_and_parameter_is_reached(bottleneck: Bottleneck, prior: Prior | None) -> None:
    bottleneck.zero_grad()
    statistics = statistics_for(bottleneck).requires_grad_()
    level = bottleneck(statistics, generator=seeded(3))
    terms = bottleneck.losses(level, None if prior is None else ready(prior), generator=seeded(4))
    (level.z.square().sum() + level.z.sum() + sum(terms.values())).backward()
    assert statistics.grad is not None
    assert (statistics.grad.abs().sum(dim=(0, 2)) > 0).all(), "every statistic gets a gradient"
    if isinstance(bottleneck, Contested):
        assert all(p.grad is None for p in bottleneck.critic.parameters()), "the critic learns in its own step"
    for parameter in () if prior is None else prior.parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, "a prior is accepted that would not learn"
            assert parameter.grad.abs().sum() > 0


def _terms_add_up(bottleneck: Bottleneck, prior: Prior | None) -> None:
    """A term is a batch mean of sums over steps, or it compares the whole batch's codes with the prior."""
    placed = None if prior is None else ready(prior)

    def terms(level: Level) -> dict[str, Tensor]:
        with torch.no_grad():
            return bottleneck.losses(level, placed, generator=seeded())

    with torch.no_grad():
        one, other = (bottleneck(statistics_for(bottleneck, seed=s), generator=seeded(s + 1)) for s in (0, 5))
    both, longer = terms(joined(one, other, dim=0)), terms(joined(one, other, dim=-1))
    for name, first in terms(one).items():
        second = terms(other)[name]
        assert first.ndim == 0
        assert torch.isfinite(first)
        sums = torch.allclose(longer[name], first + second, rtol=1e-4, atol=1e-5)
        means = torch.allclose(both[name], (first + second) / 2, rtol=1e-4, atol=1e-5)
        if not (sums and means):
            assert placed is not None, f"{name} is neither a batch mean of sums over steps nor compares with a prior"
            _is_a_discrepancy(bottleneck, placed, name)


def _is_a_discrepancy(bottleneck: Bottleneck, prior: Prior, name: str) -> None:
    """Least where codes are draws from the prior, larger the further they are from it, whatever the batch's size.

    A term from a critic is looked at once the critic has seen such codes; log 2 is then its least.
    """

    contested = isinstance(bottleneck, Contested)

    def term(shift: float) -> list[tuple[float, float]]:
        """Mean and its error with batches of 6 and of 24, once the critic, if there is one, has seen such codes."""
        if isinstance(bottleneck, Contested):
            _reset(bottleneck.critic)
            train_critic(bottleneck, prior, lambda seed: _codes(prior, 40, shift, seed))
        found = []
        for batch in (6, 24):
            levels = [_codes(prior, batch, shift, seed) for seed in range(240 // batch)]
            values = torch.stack([bottleneck.losses(v, prior, generator=seeded(i))[name] for i, v in enumerate(levels)])
            error = float(values.std()) / math.sqrt(len(levels))
            found.append((float(values.mean()) - (math.log(2) if contested else 0.0), error))
        return found

    with torch.no_grad():
        least, near, far = (term(shift * prior.variance**0.5) for shift in (0.0, 1.0, 2.5))
    known = (0.25 if contested else 0.01) * near[0][0]  # a critic has learned something or other
    for value, error in least:
        assert abs(value) < 4 * error + known, f"{name} is not at its least where the codes are the prior's"
    for (small, one), (large, other) in (near, far):
        assert abs(small - large) < 4 * (one + other) + known, f"{name} depends on the batch's size"
    assert 0 < 1.4 * near[0][0] < far[0][0], f"{name} does not grow with the distance"


def _codes(prior: Prior, n: int, shift: float, seed: int) -> Level:
    """A batch of codes that are draws from the prior but for a shift, with a posterior around each."""
    z = (prior.sample(n * STEPS, generator=seeded(2 * seed)) + shift).unflatten(0, (n, STEPS)).transpose(1, 2)
    return Level(z=z, mean=z, log_var=torch.full_like(z, -2.0))


def _reset(critic: nn.Module) -> None:
    for module in critic.modules():
        if isinstance(module, nn.Linear):
            module.reset_parameters()


def train_critic(bottleneck: Bottleneck, prior: Prior | None, codes: Any, *, steps: int = 40) -> float:
    """The critic's loss after some steps of its own."""
    assert isinstance(bottleneck, Contested)
    optimiser = torch.optim.Adam(bottleneck.critic.parameters(), 3e-3)
    loss = torch.tensor(math.nan)
    for seed in range(steps):
        level = codes(seed)
        with torch.enable_grad():
            loss = sum(bottleneck.critic_losses(level, prior, generator=seeded(seed)).values(), torch.zeros(()))
            optimiser.zero_grad()
            loss.backward()
        optimiser.step()
    return float(loss.detach())


def _the_critic_plays_alone(bottleneck: Bottleneck, prior: Prior | None) -> None:
    """Its losses move the critic and nothing else, and soon tell what there is to tell."""
    assert isinstance(bottleneck, Contested)
    statistics = statistics_for(bottleneck).requires_grad_()
    terms = bottleneck.critic_losses(bottleneck(statistics), prior, generator=seeded())
    sum(terms.values(), torch.zeros(())).backward()
    assert statistics.grad is None, "the critic's step moves the encoder"
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in bottleneck.critic.parameters())
    for parameter in bottleneck.parameters():
        parameter.grad = None

    def odd(seed: int) -> Level:  # all latents equal, and far from where a prior would put them
        z = 3 + torch.randn(128, 1, 1, generator=seeded(seed)).expand(-1, bottleneck.latent_dim, -1)
        return Level(z=z, mean=z, log_var=torch.full_like(z, -2.0))

    learned = train_critic(bottleneck, prior, odd, steps=100)
    assert learned < 0.5 * math.log(2), "the critic does not learn to tell"
    _reset(bottleneck.critic)


@pytest.mark.parametrize("table", variants(Bottleneck, members(Bottleneck)), ids=spelled)
def test_contract(table: dict[str, Any]) -> None:
    bottleneck = _made(table)
    check_config(bottleneck, Bottleneck)
    check_bottleneck(bottleneck)


def _made(table: dict[str, Any]) -> Bottleneck:
    """A member with as many latents as the priors of these tests have, and a small critic if it has one."""
    small = {"width": 32} if "width" in catalogue(Bottleneck)[table["kind"]].arguments() else {}
    return made(Bottleneck, {**small, **table, "latent_dim": 3})


class _Broken(Bottleneck):
    def __init__(self) -> None:
        super().__init__()
        self.latent_dim = 3
        self.right: Bottleneck = Gaussian(latent_dim=3)

    @property
    def n_statistics(self) -> int:
        return self.right.n_statistics

    def accept(self, prior: Prior | None) -> None:
        if not isinstance(prior, Normal):
            kind = "no prior" if prior is None else type(prior).__name__
            raise ParameterError(f"{type(self).__name__} cannot have {kind}: it is made for the standard normal one.")

    def forward(self, statistics: Tensor, *, generator: torch.Generator | None = None) -> Level:
        return self.right(statistics, generator=generator)

    def losses(self, level: Level, prior: Prior | None, *, generator: torch.Generator) -> dict[str, Tensor]:
        return self.right.losses(level, prior, generator=generator)


class _BrokenGaussian(_Broken):
    def log_posterior(self, z: Tensor, level: Level) -> Tensor:
        return self.right.log_posterior(z, level)  # type: ignore[attr-defined,no-any-return]  # a Gaussian has one


class _BrokenMmd(_Broken):
    def __init__(self) -> None:
        super().__init__()
        self.right = Mmd(latent_dim=3)


class _BrokenAdversarial(_Broken):
    def __init__(self) -> None:
        super().__init__()
        self.right = Adversarial(latent_dim=3, width=32)
        self.critic = self.right.critic

    def critic_losses(self, level: Level, prior: Prior | None, *, generator: torch.Generator) -> dict[str, Tensor]:
        return self.right.critic_losses(level, prior, generator=generator)  # type: ignore[attr-defined,no-any-return]


class AlwaysSampling(_BrokenGaussian):
    """Planted mistake: encoding draws even when a deterministic answer is wanted."""

    def forward(self, statistics: Tensor, *, generator: torch.Generator | None = None) -> Level:
        return self.right(statistics, generator=generator or torch.default_generator)


class DividedBySteps(_BrokenGaussian):
    """Planted mistake: the divergence is averaged over steps."""

    def losses(self, level: Level, prior: Prior | None, *, generator: torch.Generator) -> dict[str, Tensor]:
        return {k: v / level.z.shape[2] for k, v in self.right.losses(level, prior, generator=generator).items()}


class DetachedVariance(_BrokenGaussian):
    """Planted mistake: no gradient reaches the variance."""

    def forward(self, statistics: Tensor, *, generator: torch.Generator | None = None) -> Level:
        return self.right(torch.cat([statistics[:, :3], statistics[:, 3:].detach()], 1), generator=generator)


class LogSigmaDensity(_BrokenGaussian):
    """Planted mistake: the density reads the log-variance as a log-deviation."""

    def log_posterior(self, z: Tensor, level: Level) -> Tensor:
        assert level.log_var is not None
        wider = dataclasses.replace(level, log_var=2 * level.log_var)
        return self.right.log_posterior(z, wider)  # type: ignore[attr-defined,no-any-return]


class NoDensity(_Broken):
    """Planted mistake: it draws, but does not say how densely."""


class BatchMixing(_BrokenGaussian):
    """Planted mistake: an example's latents depend on the others in the batch."""

    def forward(self, statistics: Tensor, *, generator: torch.Generator | None = None) -> Level:
        return self.right(statistics - statistics.mean(0, keepdim=True), generator=generator)


class BiasedMmd(_BrokenMmd):
    """Planted mistake: the diagonal is counted, so that the discrepancy is never nought and shrinks with the batch."""

    def losses(self, level: Level, prior: Prior | None, *, generator: torch.Generator) -> dict[str, Tensor]:
        n = level.z.shape[0] * level.z.shape[2]
        peak = float(self.right.kernel.value(torch.zeros(1)))  # type: ignore[union-attr,operator,arg-type]
        return {k: v + 2 * peak / n for k, v in self.right.losses(level, prior, generator=generator).items()}


class SummedMmd(_BrokenMmd):
    """Planted mistake: multiplied by the batch's size."""

    def losses(self, level: Level, prior: Prior | None, *, generator: torch.Generator) -> dict[str, Tensor]:
        return {k: v * len(level.z) for k, v in self.right.losses(level, prior, generator=generator).items()}


class RepellingMmd(_BrokenMmd):
    """Planted mistake: the sign of the discrepancy."""

    def losses(self, level: Level, prior: Prior | None, *, generator: torch.Generator) -> dict[str, Tensor]:
        return {k: -v for k, v in self.right.losses(level, prior, generator=generator).items()}


class HelpingTheCritic(_BrokenAdversarial):
    """Planted mistake: the encoder's term rewards what the critic tells apart."""

    def losses(self, level: Level, prior: Prior | None, *, generator: torch.Generator) -> dict[str, Tensor]:
        z = level.z.transpose(1, 2).flatten(0, 1)
        frozen = {name: p.detach() for name, p in self.critic.named_parameters()}
        return {"adversarial": nn.functional.softplus(torch.func.functional_call(self.critic, frozen, (z,))).mean()}


class OneStepForBoth(_BrokenAdversarial):
    """Planted mistake: the encoder's term moves the critic too."""

    def losses(self, level: Level, prior: Prior | None, *, generator: torch.Generator) -> dict[str, Tensor]:
        z = level.z.transpose(1, 2).flatten(0, 1)
        return {"adversarial": nn.functional.softplus(-self.critic(z)).mean()}


class MovingTheEncoder(_BrokenAdversarial):
    """Planted mistake: the critic's term moves the encoder too."""

    def critic_losses(self, level: Level, prior: Prior | None, *, generator: torch.Generator) -> dict[str, Tensor]:
        z = level.z.transpose(1, 2).flatten(0, 1)
        return {"critic": nn.functional.softplus(self.critic(z)).mean()}


class SilentRefusal(_BrokenGaussian):
    """Planted mistake: a prior is refused without a reason."""

    def accept(self, prior: Prior | None) -> None:
        if not isinstance(prior, Normal):
            raise ParameterError("No.")


class AcceptingTheInfinite(_BrokenGaussian):
    """Planted mistake: a prior is accepted, and then refused in training."""

    def accept(self, prior: Prior | None) -> None:
        if isinstance(prior, Sphere):
            return
        super().accept(prior)


BROKEN = [
    *(AlwaysSampling, DividedBySteps, DetachedVariance, LogSigmaDensity, NoDensity, BatchMixing),
    *(BiasedMmd, SummedMmd, RepellingMmd, HelpingTheCritic, OneStepForBoth, MovingTheEncoder),
    *(SilentRefusal, AcceptingTheInfinite),
]


@pytest.mark.parametrize("right", [_BrokenGaussian, _BrokenMmd, _BrokenAdversarial])
def test_the_whole_ones_satisfy_the_contract(right: type[Bottleneck]) -> None:
    check_bottleneck(right())


@pytest.mark.parametrize("broken", BROKEN)
def test_contract_notices_planted_mistakes(broken: type[Bottleneck]) -> None:
    torch.manual_seed(0)
    with pytest.raises((AssertionError, ParameterError)):
        check_bottleneck(broken())
