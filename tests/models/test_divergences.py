"""Densities, divergences and draws of priors and bottlenecks against closed forms and other libraries."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import scipy.integrate
import scipy.special
import scipy.stats
import torch
from torch import Tensor
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal, kl_divergence

from tests.contracts.test_bottlenecks import train_critic
from tests.contracts.variants import made, spelled
from timbrespace.core.errors import ParameterError
from timbrespace.metrics.kernels import Rbf
from timbrespace.models import priors
from timbrespace.models.bottlenecks import Bottleneck, Gaussian, Mmd, PowerSpherical, TotalCorrelation
from timbrespace.models.bottlenecks.base import Contested, Posterior
from timbrespace.models.encoding import Level
from timbrespace.models.priors.gaussian_mixture import spread_points


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def level(batch: int = 3, latents: int = 2, steps: int = 4, *, drawn: bool = False) -> Level:
    mean, log_var = (torch.randn(batch, latents, steps, generator=seeded(s)) for s in (1, 2))
    noise = torch.randn(batch, latents, steps, generator=seeded(3)) if drawn else 0.0
    return Level(z=mean + (0.5 * log_var).exp() * noise, mean=mean, log_var=log_var)


def mixture(means: Tensor, log_var: Tensor) -> MixtureSameFamily:
    parts = Independent(Normal(means, (0.5 * log_var).exp()), 1)
    return MixtureSameFamily(Categorical(torch.ones(len(means))), parts)


def test_normal_divergence_is_torchs() -> None:
    q = level()
    assert q.log_var is not None
    expected = kl_divergence(Normal(q.mean, (0.5 * q.log_var).exp()), Normal(0.0, 1.0))
    torch.testing.assert_close(priors.Normal(latent_dim=2).kl(q, generator=seeded()), expected)


def test_mixture_density_is_torchs() -> None:
    prior, z = priors.GaussianMixture(latent_dim=3, n_components=7), torch.randn(4, 3, 5)
    expected = mixture(prior.means.detach(), prior.log_var.detach()).log_prob(z.transpose(1, 2))
    torch.testing.assert_close(prior.log_prob(z), expected)


def test_mixture_density_keeps_its_digits_where_components_are_narrow() -> None:
    prior = priors.GaussianMixture(latent_dim=3, n_components=4, learned=True)
    with torch.no_grad():
        prior.log_var.fill_(-20.0)
        prior.means += 30.0
        near = prior.means[:1] + 1e-4
        expected = mixture(prior.means.double(), prior.log_var.double()).log_prob(near.double())
        torch.testing.assert_close(prior.log_prob(near.T[None])[0].double(), expected, rtol=1e-5, atol=1e-3)


def test_mixture_divergence_is_the_integral() -> None:
    prior = priors.GaussianMixture(latent_dim=1, n_components=3, spread=0.9)
    p = mixture(prior.means.detach().double(), prior.log_var.detach().double())

    def integrand(z: float) -> float:
        q = scipy.stats.norm(0.4, math.exp(-0.7))
        return float(q.pdf(z) * (q.logpdf(z) - float(p.log_prob(torch.tensor([z], dtype=torch.float64)))))

    expected, _ = scipy.integrate.quad(integrand, -6, 6)
    many = torch.full((40_000, 1, 1), 0.4)
    kl = prior.kl(Level(many, many, torch.full_like(many, -1.4)), generator=seeded())
    assert float(kl.mean()) == pytest.approx(expected, abs=4 * float(kl.std()) / 200)


def test_one_component_is_the_standard_normal() -> None:
    one, normal = priors.GaussianMixture(latent_dim=3, n_components=1), priors.Normal(latent_dim=3)
    z = torch.randn(4, 3, 2)
    torch.testing.assert_close(one.log_prob(z), normal.log_prob(z))
    assert one.variance == pytest.approx(1.0)


@pytest.mark.parametrize("kind", ["GaussianMixture", "Logistic"])
def test_the_entropy_in_closed_form_leaves_the_gradient_of_the_estimate_as_it_is(kind: str) -> None:
    prior = getattr(priors, kind)(latent_dim=2)
    mean, log_var = (t.requires_grad_() for t in torch.randn(2, 3, 2, 4, generator=seeded()).unbind())
    z = mean + (0.5 * log_var).exp() * torch.randn(3, 2, 4, generator=seeded(1))
    kl = prior.kl(Level(z, mean, log_var), generator=seeded()).sum()
    plain = (Normal(mean, (0.5 * log_var).exp()).log_prob(z).sum(1) - prior.log_prob(z)).sum()
    for found, expected in zip(
        torch.autograd.grad(kl, (mean, log_var), retain_graph=True),
        torch.autograd.grad(plain, (mean, log_var)),
        strict=True,
    ):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("n", "dim"), [(2, 3), (4, 3), (10, 2), (6, 3), (5, 1), (40, 20)])
def test_components_stand_as_far_apart_as_they_can(n: int, dim: int) -> None:
    """Two opposite, four a tetrahedron, ten in the plane a regular polygon, six an octahedron."""
    points = spread_points(n, dim)
    assert torch.equal(points, spread_points(n, dim))
    assert float(points.square().mean()) == pytest.approx(1.0, rel=1e-5)
    nearest = float(torch.pdist(points).min())
    known = {(2, 3): 2.0, (4, 3): math.sqrt(8 / 3), (10, 2): 2 * math.sin(math.pi / 10), (6, 3): math.sqrt(2)}
    if (n, dim) in known:
        assert nearest == pytest.approx(known[n, dim] * math.sqrt(dim), rel=0.02)
    assert nearest > 0.7


def test_logistic_density_is_scipys() -> None:
    prior, z = priors.Logistic(latent_dim=3, scale=0.7), 4 * torch.randn(4, 3, 5)
    expected = scipy.stats.logistic(scale=0.7).logpdf(z.numpy()).sum(1)
    np.testing.assert_allclose(prior.log_prob(z).numpy(), expected, rtol=1e-5)
    assert torch.isfinite(prior.log_prob(torch.full((1, 3, 1), 1e4))).all()


def test_uniform_density_is_that_of_its_cube() -> None:
    prior = priors.Uniform(latent_dim=2, low=-1.0, high=3.0)
    z = torch.tensor([[[0.0, 3.0, 3.1], [2.9, -1.0, 0.0]]])
    torch.testing.assert_close(prior.log_prob(z), torch.tensor([[-math.log(16), -math.log(16), -math.inf]]))
    with pytest.raises(ParameterError, match="'low' must be the smaller one"):
        priors.Uniform(latent_dim=2, low=1.0, high=1.0)


@pytest.mark.parametrize(("dim", "area"), [(1, 2), (2, 2 * math.pi), (3, 4 * math.pi), (4, 2 * math.pi**2)])
def test_sphere_density_is_one_over_its_area(dim: int, area: float) -> None:
    prior = priors.Sphere(latent_dim=dim, radius=1.7)
    on = prior.sample(5, generator=seeded()).T[None]
    torch.testing.assert_close(prior.log_prob(on), torch.full((1, 5), -math.log(area * 1.7 ** (dim - 1))))
    assert priors.Sphere(latent_dim=dim).variance == pytest.approx(1.0)


@pytest.mark.parametrize("kind", ["Uniform", "Sphere"])
def test_infinite_divergences_are_refused_with_what_to_do(kind: str) -> None:
    with pytest.raises(ParameterError, match=rf"to the {kind} prior is infinite, since .*; use the .* with it"):
        getattr(priors, kind)(latent_dim=2).kl(level(), generator=seeded())


def vamp(n_components: int = 5, **sizes: int) -> priors.VampPrior:
    torch.manual_seed(0)
    wired = {"latent_dim": 2, "n_channels": 1, "n_features": 3, "n_frames": 4, **sizes}
    return priors.VampPrior(n_components=n_components, **wired)


def test_vamp_prior_is_the_mixture_of_its_posteriors() -> None:
    q = level(batch=5, steps=3)
    assert q.log_var is not None
    prior, z = vamp().anchored(q), torch.randn(4, 2, 6)
    rows = [t.transpose(1, 2).reshape(15, 2) for t in (q.mean, q.log_var)]
    torch.testing.assert_close(prior.log_prob(z), mixture(*rows).log_prob(z.transpose(1, 2)))


def test_an_anchored_vamp_prior_is_a_copy_that_shares_its_parameters() -> None:
    prior = vamp()
    placed = prior.anchored(level(batch=5))
    assert isinstance(placed, priors.VampPrior)
    assert placed.inputs is prior.inputs
    with pytest.raises(ParameterError, match=r"no density of its own: give it the posteriors"):
        prior.log_prob(torch.zeros(1, 2, 1))
    with pytest.raises(ParameterError, match=r"needs posteriors with a variance"):
        prior.anchored(Level(torch.zeros(5, 2, 1), torch.zeros(5, 2, 1)))


def test_pseudo_inputs_start_as_data_and_stay_in_its_range() -> None:
    prior, frames = vamp(), torch.rand(20, 1, 3, 6, generator=seeded()) * torch.tensor([1.0, 5.0, 0.1])[:, None] - 0.2
    prior.start_from(frames)
    torch.testing.assert_close(prior.pseudo_inputs, frames[:5, ..., :4])
    optimiser = torch.optim.SGD(prior.parameters(), 0.3)
    for sign in (-1, 1):  # pushed out of the range, and back again
        for _ in range(40):
            optimiser.zero_grad()
            (sign * prior.pseudo_inputs).sum().backward()
            optimiser.step()
        held = prior.pseudo_inputs.detach()
        edge = frames[..., :4].amax(dim=(0, 3)) if sign < 0 else frames[..., :4].amin(dim=(0, 3))
        torch.testing.assert_close(held, edge[:, :, None].expand_as(held))


def test_more_pseudo_inputs_than_examples_differ() -> None:
    prior = vamp(n_components=9)
    prior.start_from(torch.randn(4, 1, 3, 4, generator=seeded()))
    flat = prior.pseudo_inputs.detach().flatten(1)
    assert float(torch.pdist(flat).min()) > 0.01


@pytest.mark.parametrize("shape", [(0, 1, 3, 4), (2, 1, 3, 3), (2, 2, 3, 4), (2, 1, 5, 4)])
def test_pseudo_inputs_need_examples_of_their_size(shape: tuple[int, ...]) -> None:
    with pytest.raises(ParameterError, match=r"cannot start from examples of shape"):
        vamp().start_from(torch.zeros(shape))


def spherical(dim: int, concentration: float, n: int = 1, radius: float | None = None) -> tuple[PowerSpherical, Level]:
    """A bottleneck of this concentration, and ``n`` equal levels that point along the first axis."""
    bottleneck = PowerSpherical(latent_dim=dim, radius=radius, initial_concentration=concentration)
    statistics = torch.zeros(n, dim + 1, 1)
    statistics[:, 0] = 2.0
    return bottleneck, bottleneck(statistics, generator=seeded())


@pytest.mark.parametrize(("dim", "k"), [(2, 0.3), (3, 5.0), (5, 50.0), (20, 400.0)])
def test_power_spherical_density_and_divergence_are_the_integrals(dim: int, k: float) -> None:
    bottleneck, q = spherical(dim, k, radius=1.3)
    log_ring = math.log(2) + 0.5 * (dim - 1) * math.log(math.pi) - math.lgamma(0.5 * (dim - 1))
    prior = priors.Sphere(latent_dim=dim, radius=1.3)
    bottleneck.accept(prior)

    def density(angle: float) -> tuple[float, float]:
        """Of the angle to the direction, and the log ratio to the uniform density."""
        z = torch.zeros(1, dim, 1, dtype=torch.float64)
        z[0, 0], z[0, 1] = 1.3 * math.cos(angle), 1.3 * math.sin(angle)
        log_q = float(bottleneck.log_posterior(z, q))
        ring = math.exp(log_ring + (dim - 2) * math.log(max(math.sin(angle), 1e-300)) + (dim - 1) * math.log(1.3))
        return math.exp(log_q) * ring, log_q - float(prior.log_prob(z))

    points = [0.02, 0.1, 0.3, 1.0]
    mass, _ = scipy.integrate.quad(lambda a: density(a)[0], 0, math.pi, points=points, epsabs=1e-6)
    kl, _ = scipy.integrate.quad(lambda a: math.prod(density(a)), 0, math.pi, points=points, epsabs=1e-6)
    assert mass == pytest.approx(1.0, abs=2e-4)
    assert float(bottleneck.losses(q, prior, generator=seeded())["kl"]) == pytest.approx(kl, abs=1e-3)


@pytest.mark.parametrize(("dim", "k"), [(2, 0.5), (3, 4.0), (8, 300.0)])
def test_power_spherical_draws_have_the_known_mean(dim: int, k: float) -> None:
    """``E cos = k / (d - 1 + k)``, its derivative with respect to log k by draws too, and nothing across."""
    bottleneck = PowerSpherical(latent_dim=dim, radius=1.0, initial_concentration=k)
    statistics = torch.zeros(1, dim + 1, 1)
    direction = torch.nn.functional.normalize(torch.randn(dim, generator=seeded(9)), dim=0)
    statistics[0, :dim, 0] = 3 * direction
    statistics.requires_grad_()
    z = bottleneck(statistics.expand(100_000, -1, -1), generator=seeded()).z
    torch.testing.assert_close(z.detach().norm(dim=1), torch.ones(100_000, 1))
    along = (z[..., 0] @ direction).mean()
    assert float(along.detach()) == pytest.approx(k / (dim - 1 + k), abs=0.008)
    torch.testing.assert_close(z.detach().mean(0)[:, 0], direction * k / (dim - 1 + k), atol=0.012, rtol=0)
    (slope,) = torch.autograd.grad(along, statistics)
    assert float(slope[0, -1, 0]) == pytest.approx(k * (dim - 1) / (dim - 1 + k) ** 2, rel=0.05, abs=0.003)


def test_power_spherical_draws_turn_with_their_direction() -> None:
    """The derivative of the mean with respect to the direction is that of the direction, shortened."""
    bottleneck = PowerSpherical(latent_dim=3, radius=1.0, initial_concentration=20.0)
    statistics = torch.tensor([1.0, 0.0, 0.0, 0.0])[None, :, None].requires_grad_()
    z = bottleneck(statistics.expand(100_000, -1, -1), generator=seeded()).z
    (slope,) = torch.autograd.grad(z[:, 1].mean(), statistics)
    torch.testing.assert_close(slope[0, :3, 0], torch.tensor([0.0, 20 / 22, 0.0]), atol=0.02, rtol=0)


def test_power_spherical_wants_a_sphere_of_its_own_radius() -> None:
    with pytest.raises(
        ParameterError, match=r"PowerSpherical bottleneck of radius 2 .* Sphere of radius 1.73205; give"
    ):
        PowerSpherical(latent_dim=3, radius=2.0).accept(priors.Sphere(latent_dim=3))
    PowerSpherical(latent_dim=3, radius=2.0).accept(priors.Sphere(latent_dim=3, radius=2.0))


def test_concentration_stays_where_numbers_are_good() -> None:
    bottleneck = PowerSpherical(latent_dim=3)
    statistics = torch.tensor([1.0, 1.0, 1.0, 80.0])[None, :, None].repeat(2, 1, 1)
    statistics[1, -1] = -80.0
    q = bottleneck(statistics, generator=seeded())
    assert torch.isfinite(q.z).all()
    kl = bottleneck.losses(q, priors.Sphere(latent_dim=3), generator=seeded())["kl"]
    assert 0 < float(kl) < 20


@pytest.mark.parametrize("latents", [1, 3])
def test_mmd_of_two_gaussians_is_the_closed_form(latents: int) -> None:
    """For ``N(m, 1)`` against ``N(0, 1)`` and a Gaussian kernel of width w in d dimensions:

    ``2 (w^2 / (w^2 + 2))^(d/2) (1 - exp(-|m|^2 / (2 w^2 + 4)))``, with ``w^2 = d``.
    """
    bottleneck, prior = Mmd(latent_dim=latents, kernel=Rbf()), priors.Normal(latent_dim=latents)
    found = []
    for seed in range(60):
        z = 0.8 + torch.randn(64, latents, 1, generator=seeded(seed))
        found.append(float(bottleneck.losses(Level(z, z), prior, generator=seeded(seed + 100))["mmd"]))
    w = latents
    shift = 0.64 * latents
    expected = 2 * (w / (w + 2)) ** (latents / 2) * (1 - math.exp(-shift / (2 * w + 4)))
    assert np.mean(found) == pytest.approx(expected, abs=4 * np.std(found) / math.sqrt(60))


def test_divergences_per_latent_come_from_factorising_priors_only() -> None:
    shapes: dict[str, Any] = {
        kind: tuple(getattr(priors, kind)(latent_dim=2).kl(level(drawn=True), generator=seeded()).shape)
        for kind in ("Normal", "Logistic", "GaussianMixture")
    }
    assert shapes == {"Normal": (3, 2, 4), "Logistic": (3, 2, 4), "GaussianMixture": (3, 1, 4)}


def test_gaussian_draws_have_the_posterior_spread() -> None:
    statistics = torch.cat([torch.full((1, 3, 50_000), 0.5), torch.full((1, 3, 50_000), -1.0)], dim=1)
    level = Gaussian(latent_dim=3, initial_log_var=-0.5)(statistics, generator=torch.Generator().manual_seed(0))
    assert float(level.z.mean()) == pytest.approx(0.5, abs=0.01)
    assert float(level.z.var()) == pytest.approx(float(torch.tensor(-1.5).exp()), rel=0.02)


@pytest.mark.parametrize("table", [{"kind": "Mmd"}, {"kind": "Adversarial", "width": 32, "depth": 2}], ids=spelled)
def test_the_encoders_term_pulls_codes_to_the_prior(table: dict[str, Any]) -> None:
    """An encoder that gives codes far off and narrow moves and widens them until they lie as the prior does."""
    bottleneck, prior = made(Bottleneck, {**table, "latent_dim": 3}), priors.Normal(latent_dim=3)
    place, width = torch.full((3, 1), 2.0, requires_grad=True), torch.full((3, 1), 0.3, requires_grad=True)
    mover = torch.optim.Adam([place, width], 0.03)
    referee = torch.optim.Adam(bottleneck.parameters(), 5e-3) if isinstance(bottleneck, Contested) else None
    for step in range(200):
        z = place + width * torch.randn(128, 3, 1, generator=seeded(step))
        if isinstance(bottleneck, Contested) and referee is not None:
            terms = bottleneck.critic_losses(Level(z, z), prior, generator=seeded(step + 1000))
            referee.zero_grad()
            terms["critic"].backward()
            referee.step()
        mover.zero_grad()
        sum(bottleneck.losses(Level(z, z), prior, generator=seeded(step + 2000)).values(), torch.zeros(())).backward()
        mover.step()
    assert float(place.detach().norm()) < 0.6
    assert 0.6 < float(width.detach().abs().mean()) < 1.4


def test_total_correlation_of_known_codes() -> None:
    """Two latents with correlation r have the total correlation ``-log(1 - r^2) / 2``."""
    torch.manual_seed(0)
    bottleneck, r = TotalCorrelation(latent_dim=2, width=64, depth=2), 0.9

    def codes(seed: int) -> Level:
        z = torch.randn(1000, 2, 1, generator=seeded(seed))
        z = torch.stack([z[:, 0], r * z[:, 0] + math.sqrt(1 - r * r) * z[:, 1]], 1)
        return Level(z=z, mean=z, log_var=torch.zeros_like(z))

    train_critic(bottleneck, None, codes, steps=250)
    with torch.no_grad():
        terms = bottleneck.losses(codes(-1), priors.Normal(latent_dim=2), generator=seeded())
    assert float(terms["total_correlation"]) == pytest.approx(-0.5 * math.log(1 - r * r), rel=0.2)


def test_a_factorising_prior_is_asked_for() -> None:
    with pytest.raises(ParameterError, match=r"TotalCorrelation.*GaussianMixture, whose latents depend on one another"):
        TotalCorrelation(latent_dim=3).accept(priors.GaussianMixture(latent_dim=3))


def test_only_gaussian_encoders_promise_a_density() -> None:
    assert not isinstance(Mmd(latent_dim=3), Posterior)
    assert isinstance(Mmd(latent_dim=3, encoder="gaussian"), Posterior)
