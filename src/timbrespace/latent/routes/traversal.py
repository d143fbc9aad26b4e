"""Along one axis."""

from __future__ import annotations

from typing import Annotated

import torch

from timbrespace.core.knob import Knob
from timbrespace.latent.paths import Path
from timbrespace.latent.paths.duration import steps_in
from timbrespace.latent.routes.base import Route
from timbrespace.latent.routes.ground import axis_numbers, ground
from timbrespace.latent.surroundings import Surroundings


class Traversal(Route):
    """``x(u) = low + (high - low) u`` on one axis, low and high being the 1 % and 99 % quantiles of the data on it.

    All other coordinates are the mean of the data; or those of the recording it begins with, which runs along with its
    own motion while its mean on the axis is moved. With ``back`` it returns: u rises to 1 and falls to 0 again.
    """

    def __init__(self, *, axis: Annotated[int, Knob(1, 100_000)] = 1, back: bool = False) -> None:
        self.axis, self.back = axis, back

    def path(self, surroundings: Surroundings, *, seconds: float, rate_hz: float, generator: torch.Generator) -> Path:
        space = surroundings.space
        (axis,) = axis_numbers(space, [self.axis])
        steps = steps_in(seconds, rate_hz)
        u = torch.linspace(0, 1, steps)
        u = 1 - (2 * u - 1).abs() if self.back else u
        coordinates = ground(surroundings, steps)
        centre = 0.0 if surroundings.start is None else float(space.project(surroundings.start)[:, axis].mean())
        coordinates[:, axis] += space.low[axis] + (space.high[axis] - space.low[axis]) * u - centre
        return Path(space.unproject(coordinates), rate_hz)
