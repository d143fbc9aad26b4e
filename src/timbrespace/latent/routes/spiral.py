"""A spiral."""

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


class Spiral(Route):
    """``(x, y) = r(u) (cos 2 pi n u, sin 2 pi n u)`` on two axes, ``r(u) = inner + (radius - inner) u``, u from 0 to 1.

    Archimedes' spiral, in standard deviations of each axis, with n ``turns``; with ``inner`` above ``radius`` it winds
    inwards. It turns around the mean of the data, or around the recording it begins with, which runs along.
    """

    def __init__(
        self,
        *,
        radius: Annotated[float, Knob(0.0, 10.0)] = 2.0,
        inner: Annotated[float, Knob(0.0, 10.0)] = 0.0,
        turns: Annotated[float, Knob(-1000.0, 1000.0)] = 3.0,
        axes: tuple[int, ...] = (1, 2),
    ) -> None:
        self.radius, self.inner, self.turns, self.axes = radius, inner, turns, axes

    def path(self, surroundings: Surroundings, *, seconds: float, rate_hz: float, generator: torch.Generator) -> Path:
        axes = plane(surroundings.space, self.axes)
        u = torch.linspace(0, 1, steps_in(seconds, rate_hz), dtype=torch.float64)
        angle = 2 * math.pi * self.turns * u
        reach = self.inner + (self.radius - self.inner) * u
        curve = reach[:, None] * torch.stack([angle.cos(), angle.sin()], dim=1)
        return Path(drawn(surroundings, axes, curve), rate_hz)
