"""The bottleneck of Wasserstein auto-encoders with maximum mean discrepancy."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from timbrespace.core.knob import Knob
from timbrespace.core.shapes import Statistics
from timbrespace.metrics.divergence import mmd
from timbrespace.metrics.kernels import InverseMultiquadratic, Kernel
from timbrespace.models.bottlenecks.aggregates import (
    Encoder,
    level_of,
    log_posterior_of,
    require_draws,
    statistics_of,
    vectors_of,
)
from timbrespace.models.bottlenecks.base import Bottleneck
from timbrespace.models.encoding import Level
from timbrespace.models.priors.base import Prior


class Mmd(Bottleneck):
    """All codes of a batch together are to lie as draws from the prior do.

    The loss ``mmd`` is the squared discrepancy ``E k(z, z') + E k(p, p') - 2 E k(z, p)`` between the codes z and as
    many fresh draws p, without the pairs of a point with itself, so that it is 0 in the mean where both agree, for
    any batch size (WAE-MMD: Tolstikhin, Bousquet, Gelly, Schölkopf, "Wasserstein Auto-Encoders", 2018,
    https://arxiv.org/abs/1711.01558). ``kernel`` (inverse multiquadratic by default) measures distance in units
    of the prior's own. A ``"gaussian"`` encoder draws its codes; with a prior whose components are the encoder's
    posteriors it must be one. A prior that learns follows the codes.
    """

    def __init__(
        self,
        *,
        latent_dim: Annotated[int, Knob(1, 4096)] = 16,
        kernel: Kernel | None = None,
        encoder: Encoder = "deterministic",
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.kernel = InverseMultiquadratic() if kernel is None else kernel
        self.encoder: Encoder = encoder
        self.log_posterior = log_posterior_of(encoder)

    @property
    def n_statistics(self) -> int:
        return statistics_of(self.encoder, self.latent_dim)

    def accept(self, prior: Prior | None) -> None:
        require_draws(prior, type(self).__name__, encoder=self.encoder)

    def forward(self, statistics: Statistics, *, generator: torch.Generator | None = None) -> Level:
        return level_of(statistics, encoder=self.encoder, generator=generator)

    def losses(self, level: Level, prior: Prior | None, *, generator: torch.Generator) -> dict[str, Tensor]:
        assert prior is not None  # accept() lets nothing else through
        codes = vectors_of(level)
        draws = prior.sample(len(codes), generator=generator)
        return {"mmd": mmd(codes, draws, self.kernel, variance=prior.variance)}
