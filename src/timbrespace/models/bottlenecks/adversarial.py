"""The bottleneck of adversarial and Wasserstein auto-encoders with a critic."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor, nn

from timbrespace.core.knob import Knob
from timbrespace.core.shapes import Statistics
from timbrespace.models.bottlenecks.aggregates import (
    Encoder,
    judged,
    level_of,
    log_posterior_of,
    require_draws,
    require_fixed,
    statistics_of,
    told_apart,
    vector_critic,
    vectors_of,
)
from timbrespace.models.bottlenecks.base import Bottleneck
from timbrespace.models.encoding import Level
from timbrespace.models.priors.base import Prior


class Adversarial(Bottleneck):
    """A critic tells codes from draws of the prior, and the encoder learns to fool it.

    The critic's logit D(z) estimates ``log p(z) / q(z)``; its loss ``critic`` is the binary cross-entropy with draws
    as real and codes as fake. The encoder's loss ``adversarial`` is the non-saturating one, the mean over codes of
    ``-log sigmoid(D(z))``: log 2 where both agree. (WAE-GAN: Tolstikhin et al. 2018,
    https://arxiv.org/abs/1711.01558; Makhzani et al., "Adversarial Autoencoders", 2015,
    https://arxiv.org/abs/1511.05644.) Any fixed prior that can be drawn from will do.
    """

    def __init__(
        self,
        *,
        latent_dim: Annotated[int, Knob(1, 4096)] = 16,
        encoder: Encoder = "deterministic",
        width: Annotated[int, Knob(1, 8192)] = 256,
        depth: Annotated[int, Knob(1, 16, "hidden layers")] = 3,
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.encoder: Encoder = encoder
        self.width = width
        self.depth = depth
        self.critic = vector_critic(latent_dim, width=width, depth=depth)
        self.log_posterior = log_posterior_of(encoder)

    @property
    def n_statistics(self) -> int:
        return statistics_of(self.encoder, self.latent_dim)

    def accept(self, prior: Prior | None) -> None:
        require_draws(prior, type(self).__name__, encoder=self.encoder)
        require_fixed(prior, type(self).__name__)

    def forward(self, statistics: Statistics, *, generator: torch.Generator | None = None) -> Level:
        return level_of(statistics, encoder=self.encoder, generator=generator)

    def losses(self, level: Level, prior: Prior | None, *, generator: torch.Generator) -> dict[str, Tensor]:
        return {"adversarial": nn.functional.softplus(-judged(self.critic, vectors_of(level))).mean()}

    def critic_losses(self, level: Level, prior: Prior | None, *, generator: torch.Generator) -> dict[str, Tensor]:
        assert prior is not None  # accept() lets nothing else through
        codes = vectors_of(level).detach()
        return {"critic": told_apart(self.critic, prior.sample(len(codes), generator=generator), codes)}
