"""The plain auto-encoder's bottleneck."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from timbrespace.core.knob import Knob
from timbrespace.core.shapes import Statistics
from timbrespace.models.bottlenecks.aggregates import require_fixed
from timbrespace.models.bottlenecks.base import Bottleneck
from timbrespace.models.encoding import Level
from timbrespace.models.priors.base import Prior


class Deterministic(Bottleneck):
    """Latents are the statistics themselves; nothing is regularised."""

    def __init__(self, *, latent_dim: Annotated[int, Knob(1, 4096)] = 16) -> None:
        super().__init__()
        self.latent_dim = latent_dim

    @property
    def n_statistics(self) -> int:
        return self.latent_dim

    def accept(self, prior: Prior | None) -> None:
        """Any fixed prior, or none: nothing is compared with it, but samples can be drawn from it."""
        require_fixed(prior, type(self).__name__)

    def forward(self, statistics: Statistics, *, generator: torch.Generator | None = None) -> Level:
        return Level(z=statistics, mean=statistics)

    def losses(self, level: Level, prior: Prior | None, *, generator: torch.Generator) -> dict[str, Tensor]:
        return {}
