"""A straight line through the middle."""

from __future__ import annotations

from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor

from timbrespace.core.errors import ParameterError
from timbrespace.core.knob import Knob
from timbrespace.latent.paths import Path
from timbrespace.latent.paths.duration import steps_in
from timbrespace.latent.routes.base import Route
from timbrespace.latent.routes.ground import ground, living_axes
from timbrespace.latent.surroundings import Surroundings


class Centred(Route):
    """``x(u) = (2 u - 1) p`` in axis coordinates: from -p through the mean of the data to p, u from 0 to 1.

    The end p is ``point``, in standard deviations along the first axes; if that is empty, where the recording it ends
    with lies on average; and if there is none either, drawn at ``radius`` standard deviations in a direction that the
    data take. The motion of the recording it begins with, if there is one, is added.
    """

    def __init__(self, *, point: tuple[float, ...] = (), radius: Annotated[float, Knob(0.0, 10.0)] = 2.0) -> None:
        self.point, self.radius = point, radius

    def path(self, surroundings: Surroundings, *, seconds: float, rate_hz: float, generator: torch.Generator) -> Path:
        space = surroundings.space
        u = torch.linspace(0, 1, steps_in(seconds, rate_hz))[:, None]
        motion = ground(surroundings, len(u))
        if surroundings.start is not None:
            motion = motion - space.project(surroundings.start).mean(0)
        return Path(space.unproject((2 * u - 1) * self._end(surroundings, generator) + motion), rate_hz)

    def _end(self, surroundings: Surroundings, generator: torch.Generator) -> Float[Tensor, " axis"]:
        space = surroundings.space
        if self.point:
            end = torch.tensor(self.point)
            if len(end) > len(space.axes) or not bool(end.isfinite().all()):
                raise ParameterError(
                    f"A point of this space has up to {len(space.axes)} finite coordinates, not {list(self.point)}."
                )
            return torch.cat([end, torch.zeros(len(space.axes) - len(end))]) * space.deviations
        if surroundings.end is not None:
            return space.project(surroundings.end).mean(0)
        living_axes(space)
        way = torch.randn(len(space.axes), generator=generator) * space.deviations
        # |x| is measured as data are: in deviations along the direction itself.
        return self.radius * way / (way / space.deviations.clamp_min(1e-12)).norm().clamp_min(1e-12)
