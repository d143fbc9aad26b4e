"""A circle."""

from __future__ import annotations

import math
from typing import Annotated

import torch

from timbrespace.core.knob import Knob
from timbrespace.latent.paths import Path
from timbrespace.latent.paths.duration import steps_in
from timbrespace.latent.routes.base import Route
from timbrespace.latent.routes.ground import drawn, plane
from timbrespace.latent.surroundings import Surroundings


class Circle(Route):
    """``x = r cos(2 pi n u + p)``, ``y = r sin(2 pi n u + p)`` on two axes, u from 0 to just before 1.

    r is ``radius`` in standard deviations of each axis, n ``turns`` (whole ones close the curve, so that the sound
    loops; below 0 the other way round) and p ``phase`` in turns. It turns around the mean of the data, or around the
    recording it begins with, which runs along.
    """

    def __init__(
        self,
        *,
        radius: Annotated[float, Knob(0.0, 10.0)] = 1.5,
        turns: Annotated[float, Knob(-1000.0, 1000.0)] = 2.0,
        phase: Annotated[float, Knob(0.0, 1.0)] = 0.0,
        axes: tuple[int, ...] = (1, 2),
    ) -> None:
        self.radius, self.turns, self.phase, self.axes = radius, turns, phase, axes

    def path(self, surroundings: Surroundings, *, seconds: float, rate_hz: float, generator: torch.Generator) -> Path:
        axes = plane(surroundings.space, self.axes)
        steps = steps_in(seconds, rate_hz)
        angle = 2 * math.pi * (self.turns * torch.arange(steps, dtype=torch.float64) / steps + self.phase)
        curve = self.radius * torch.stack([angle.cos(), angle.sin()], dim=1)
        return Path(drawn(surroundings, axes, curve), rate_hz)
