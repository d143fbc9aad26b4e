"""FactorVAE's bottleneck: latents that do not depend on one another."""

from __future__ import annotations

from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor

from timbrespace.core.errors import ParameterError
from timbrespace.core.knob import Knob
from timbrespace.core.shapes import Latents, Statistics
from timbrespace.models.bottlenecks.aggregates import Vectors, judged, told_apart, vector_critic, vectors_of
from timbrespace.models.bottlenecks.base import Bottleneck
from timbrespace.models.bottlenecks.gaussians import gaussian_level, gaussian_log_density, require_divergence
from timbrespace.models.encoding import Level
from timbrespace.models.priors.base import Prior


class TotalCorrelation(Bottleneck):
    """A Gaussian posterior with two regularisers: ``kl`` as in the VAE, and ``total_correlation``.

    The latter is ``KL(q(z) || prod_j q(z_j))`` in nats, summed over steps: how much the latents of the aggregate
    posterior tell of one another. A critic learns to tell codes from the same codes with each latent permuted over
    the batch on its own (loss ``critic``, binary cross-entropy); its logit is then ``log q(z) / prod_j q(z_j)``, and
    its mean over codes estimates the total correlation. (FactorVAE: Kim & Mnih, "Disentangling by Factorising",
    2018, https://arxiv.org/abs/1802.05983.) Only with priors whose latents are independent do both pull one way.
    """

    def __init__(
        self,
        *,
        latent_dim: Annotated[int, Knob(2, 4096)] = 16,
        initial_log_var: Annotated[float, Knob(-20.0, 5.0, "nats")] = -4.0,
        width: Annotated[int, Knob(1, 8192)] = 256,
        depth: Annotated[int, Knob(1, 16, "hidden layers")] = 4,
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.initial_log_var = initial_log_var
        self.width = width
        self.depth = depth
        self.critic = vector_critic(latent_dim, width=width, depth=depth)

    @property
    def n_statistics(self) -> int:
        return 2 * self.latent_dim

    def accept(self, prior: Prior | None) -> None:
        require_divergence(prior, type(self).__name__)
        assert prior is not None  # the line above lets nothing else through
        if not prior.factorises:
            raise ParameterError(
                f"A TotalCorrelation bottleneck cannot have the prior {type(prior).__name__}, whose latents depend on"
                f" one another while this bottleneck makes them independent; use Normal, or the Gaussian bottleneck."
            )

    def forward(self, statistics: Statistics, *, generator: torch.Generator | None = None) -> Level:
        return gaussian_level(statistics, initial_log_var=self.initial_log_var, generator=generator)

    def losses(self, level: Level, prior: Prior | None, *, generator: torch.Generator) -> dict[str, Tensor]:
        assert prior is not None  # accept() lets nothing else through
        correlation = judged(self.critic, vectors_of(level)).sum() / len(level.z)
        return {
            "kl": prior.kl(level, generator=generator).sum(dim=(1, 2)).mean(),
            "total_correlation": correlation,
        }

    def critic_losses(self, level: Level, prior: Prior | None, *, generator: torch.Generator) -> dict[str, Tensor]:
        codes = vectors_of(level).detach()
        return {"critic": told_apart(self.critic, codes, _permuted(codes, generator=generator))}

    def log_posterior(self, z: Latents, level: Level) -> Float[Tensor, "batch step"]:
        return gaussian_log_density(z, level)


def _permuted(codes: Vectors, *, generator: torch.Generator) -> Vectors:
    """Each latent in an order of its own: draws from the product of the marginals."""
    order = torch.rand(codes.shape, generator=generator, device=codes.device).argsort(dim=0)
    return codes.gather(0, order)
