"""The variational auto-encoder's bottleneck."""

from __future__ import annotations

from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor

from timbrespace.core.knob import Knob
from timbrespace.core.shapes import Latents, Statistics
from timbrespace.models.bottlenecks.base import Bottleneck
from timbrespace.models.bottlenecks.gaussians import gaussian_level, gaussian_log_density, require_divergence
from timbrespace.models.encoding import Level
from timbrespace.models.priors.base import Prior


class Gaussian(Bottleneck):
    """Diagonal Gaussian posterior: ``z = mean + exp(log_var / 2) eps`` with ``eps ~ N(0, I)``.

    Statistics are (mean, log-variance); ``initial_log_var`` is added to the latter, so that a fresh encoder
    gives a narrow posterior and its decoder something to read. The loss ``kl`` is KL(q(z|x) || p(z)) in
    nats, summed over latents and steps. (Kingma & Welling 2013, https://arxiv.org/abs/1312.6114.)
    """

    def __init__(
        self,
        *,
        latent_dim: Annotated[int, Knob(1, 4096)] = 16,
        initial_log_var: Annotated[float, Knob(-20.0, 5.0, "nats")] = -4.0,
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.initial_log_var = initial_log_var

    @property
    def n_statistics(self) -> int:
        return 2 * self.latent_dim

    def accept(self, prior: Prior | None) -> None:
        require_divergence(prior, type(self).__name__)

    def forward(self, statistics: Statistics, *, generator: torch.Generator | None = None) -> Level:
        return gaussian_level(statistics, initial_log_var=self.initial_log_var, generator=generator)

    def losses(self, level: Level, prior: Prior | None, *, generator: torch.Generator) -> dict[str, Tensor]:
        assert prior is not None  # accept() lets nothing else through
        return {"kl": prior.kl(level, generator=generator).sum(dim=(1, 2)).mean()}

    def log_posterior(self, z: Latents, level: Level) -> Float[Tensor, "batch step"]:
        return gaussian_log_density(z, level)
