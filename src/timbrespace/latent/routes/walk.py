"""A smooth random walk."""

from __future__ import annotations

from typing import Annotated

import torch

from timbrespace.core.knob import Knob
from timbrespace.latent.paths import Path, random_walk
from timbrespace.latent.routes.base import Route
from timbrespace.latent.surroundings import Surroundings


class Walk(Route):
    """A stationary Gaussian process whose every point is distributed as the data are.

    ``period`` in seconds is the time after which the walk has forgotten where it was; ``radius`` scales how far it
    goes, 1 being as far as the data (:func:`~timbrespace.latent.paths.random_walk`).
    """

    def __init__(
        self,
        *,
        period: Annotated[float, Knob(0.05, 600.0, "s", "log")] = 2.0,
        radius: Annotated[float, Knob(0.0, 10.0)] = 1.0,
    ) -> None:
        self.period, self.radius = period, radius

    def path(self, surroundings: Surroundings, *, seconds: float, rate_hz: float, generator: torch.Generator) -> Path:
        space = surroundings.space
        steps = space.directions.double()
        covariance = (self.radius**2 * steps.T * space.variances.double()) @ steps  # of the latents themselves
        return random_walk(
            space.mean,
            covariance,
            seconds=seconds,
            rate_hz=rate_hz,
            period=self.period,
            generator=generator,
        )
