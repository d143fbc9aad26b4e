"""Each channel onto an axis of the space, range onto range."""

from __future__ import annotations

from typing import Annotated

import torch

from timbrespace.core.errors import ParameterError
from timbrespace.core.knob import Knob
from timbrespace.latent.mappings.base import Mapping
from timbrespace.latent.paths import Points
from timbrespace.latent.routes.ground import axis_numbers, ground
from timbrespace.latent.surroundings import Surroundings
from timbrespace.motion.preparing import standing_still
from timbrespace.motion.track import Track


class Range(Mapping):
    """Channel k moves axis k from the data's 1 % quantile to its 99 % quantile, linearly.

    The channel's own range goes from its quantile ``low`` to ``high``, so that one outlier does not squeeze all else;
    with ``clipped`` what lies beyond stays at the end. ``axes`` (counted from 1) chooses other axes than the first
    ones, a negative one turned round. Channels beyond the axes lead nothing; one that stands still leaves its axis.
    """

    def __init__(
        self,
        *,
        low: Annotated[float, Knob(0.0, 0.49)] = 0.02,
        high: Annotated[float, Knob(0.51, 1.0)] = 0.98,
        clipped: bool = True,
        axes: tuple[int, ...] = (),
    ) -> None:
        self.low, self.high, self.clipped, self.axes = low, high, clipped, axes

    def points(self, track: Track, surroundings: Surroundings) -> Points:
        space = surroundings.space
        coordinates = ground(surroundings, len(track.values))
        if 0 in self.axes:
            raise ParameterError("Axes count from 1, and there is no axis 0; give others, as in axes=[1,-2].")
        chosen = axis_numbers(space, [abs(a) for a in self.axes]) if self.axes else range(len(space.axes))
        ends = torch.tensor([self.low, self.high], dtype=torch.float64)
        still = standing_still(track)
        for channel, axis in enumerate(list(chosen)[: track.values.shape[1]]):
            values = track.values[:, channel].double()
            bottom, top = torch.quantile(values, ends).tolist()
            if still[channel] or top <= bottom:
                continue
            position = (values - bottom) / (top - bottom)
            if self.clipped:
                position = position.clamp(0, 1)
            if self.axes and self.axes[channel] < 0:
                position = 1 - position
            coordinates[:, axis] = (space.low[axis] + position * (space.high[axis] - space.low[axis])).float()
        return space.unproject(coordinates)
