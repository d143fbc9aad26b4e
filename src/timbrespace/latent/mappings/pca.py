"""The motion's principal components onto the principal axes of the space."""

from __future__ import annotations

from typing import Annotated

from timbrespace.core.knob import Knob
from timbrespace.latent.mappings.base import Mapping
from timbrespace.latent.mappings.principal import LEAST, principal
from timbrespace.latent.paths import Points
from timbrespace.latent.routes.ground import drawn
from timbrespace.latent.surroundings import Surroundings
from timbrespace.motion.track import Track


class Pca(Mapping):
    """Axis k follows component k of the motion: ``p_k = amount sd_k c_k / sd(c_k)``, standard deviations matched.

    The movement of most extent so turns what is heard most. At most ``axes`` are led (0: as many as the space has);
    components below the share ``least`` of the motion's variance lead nothing. ``scaled`` counts channels in their own
    standard deviations, for columns of different units.
    """

    def __init__(
        self,
        *,
        amount: Annotated[float, Knob(0.0, 10.0)] = 1.0,
        axes: Annotated[int, Knob(0, 4096)] = 0,
        least: Annotated[float, Knob(0.0, 1.0)] = LEAST,
        scaled: bool = False,
    ) -> None:
        self.amount, self.axes, self.least, self.scaled = amount, axes, least, scaled

    def points(self, track: Track, surroundings: Surroundings) -> Points:
        available = len(surroundings.space.axes)
        most = min(self.axes or available, available)
        curve = principal(track, most=most, least=self.least, scaled=self.scaled)
        return drawn(surroundings, range(curve.shape[1]), self.amount * curve)
