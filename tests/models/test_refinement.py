"""Refined latents: the exact answer where it is known, never worse than the encoder's anywhere."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests.training.toy import Frames, model
from timbrespace.core.errors import ParameterError
from timbrespace.models import AutoEncoder
from timbrespace.models.bottlenecks import Deterministic
from timbrespace.models.encoding import Level
from timbrespace.models.refinement import refine

BETA = 0.3


def linear_problem(seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """x = W z + noise with nearly orthogonal columns; the exact minimum of |x - W z|^2 / 2 + beta |z|^2 / 2."""
    generator = torch.Generator().manual_seed(seed)
    w = torch.linalg.qr(torch.randn(20, 4, generator=generator)).Q * torch.tensor([3.0, 2.0, 1.0, 0.5])
    w = w + 0.05 * torch.randn(20, 4, generator=generator)
    x = torch.randn(2, 20, 6, generator=generator)
    exact = torch.linalg.solve(w.T @ w + BETA * torch.eye(4), w.T @ x)
    return w, x, exact


def energy_of(w: Tensor, x: Tensor, z: Tensor) -> Tensor:
    return 0.5 * (x - w @ z).square().sum((1, 2)) + 0.5 * BETA * z.square().sum((1, 2))


def test_linear_gaussian_model_reaches_the_exact_posterior_mean() -> None:
    w, x, exact = linear_problem()
    variance = BETA / (w.square().sum(0) + BETA)  # what training would give: beta over the Hessian's diagonal
    log_var = variance.log()[None, :, None].expand_as(exact)
    start = exact + torch.randn(exact.shape, generator=torch.Generator().manual_seed(1))
    level = Level(z=start, mean=start, log_var=log_var)
    refined = refine(level, lambda z: energy_of(w, x, z), beta=BETA, steps=40)
    torch.testing.assert_close(refined, exact, rtol=1e-3, atol=1e-3)
    few = refine(level, lambda z: energy_of(w, x, z), beta=BETA, steps=6)
    assert float((few - exact).norm()) < 0.2 * float((start - exact).norm())


def test_a_step_too_long_is_never_kept() -> None:
    w, x, exact = linear_problem()
    level = Level(z=exact, mean=exact, log_var=torch.full_like(exact, 3.0))  # absurdly wide: every step overshoots
    refined = refine(level, lambda z: energy_of(w, x, z), beta=BETA, steps=5)
    assert (energy_of(w, x, refined) <= energy_of(w, x, exact)).all()


def test_inference_is_deterministic_and_lowers_the_energy() -> None:
    network = model().eval()
    network.initialise(Frames().sample(8), generator=torch.Generator())
    network.beta = 0.1  # type: ignore[assignment]  # as a recipe would wire it
    frames = Frames().batch(3).x
    plain, sharp = network.infer(frames, refinement=0), network.infer(frames, refinement=8)
    assert torch.equal(plain, network.encode(frames).levels[0].mean)
    assert torch.equal(sharp, network.infer(frames, refinement=8))
    assert isinstance(network, AutoEncoder)
    with torch.no_grad():
        guess, better = (
            network.likelihood.negative_log_likelihood(network.network.decode(z)[..., :24], frames)
            + 0.1 * 0.5 * z.square().sum((1, 2))
            for z in (plain, sharp)
        )
    assert (better < guess).all()
    assert not sharp.requires_grad


def test_examples_do_not_mix() -> None:
    network = model().eval()
    network.initialise(Frames().sample(8), generator=torch.Generator())
    frames = Frames().batch(3).x
    together, alone = network.infer(frames, refinement=4), network.infer(frames[1:2], refinement=4)
    torch.testing.assert_close(together[1:2], alone, rtol=1e-4, atol=1e-4)


def test_a_posterior_without_variance_is_refused() -> None:
    parts = model()
    assert isinstance(parts, AutoEncoder)
    torch.manual_seed(0)
    network = type(parts.network)(
        n_features=12, n_channels=1, n_statistics=3, latent_dim=3, n_parameters=1, width=16, depth=1
    )
    plain = AutoEncoder(
        network=network, bottleneck=Deterministic(latent_dim=3), prior=parts.prior, likelihood=parts.likelihood
    )
    with pytest.raises(ParameterError, match="refinement=2 needs a posterior with a variance"):
        plain.infer(Frames().batch(0).x, refinement=2)
