"""The variational auto-encoder's bottleneck."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from timbrespace.core.knob import Knob
from timbrespace.core.shapes import Statistics
from timbrespace.models.bottlenecks.base import Bottleneck
from timbrespace.models.encoding import Level
from timbrespace.models.priors.base import Prior

LOG_VAR_RANGE = (-20.0, 10.0)
"""Clamp of the log-variance: e^10 and e^-20 are far outside what a trained posterior uses, and exp stays finite."""


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

    def forward(self, statistics: Statistics, *, generator: torch.Generator | None = None) -> Level:
        mean, log_var = statistics.chunk(2, dim=1)
        log_var = (log_var + self.initial_log_var).clamp(*LOG_VAR_RANGE)
        if generator is None:
            return Level(z=mean, mean=mean, log_var=log_var)
        noise = torch.randn(mean.shape, generator=generator, device=mean.device, dtype=mean.dtype)
        return Level(z=mean + (0.5 * log_var).exp() * noise, mean=mean, log_var=log_var)

    def losses(self, level: Level, prior: Prior, *, generator: torch.Generator) -> dict[str, Tensor]:
        return {"kl": prior.kl(level, generator=generator).sum(dim=(1, 2)).mean()}
