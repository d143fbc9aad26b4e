"""From one recording to another, straight."""

from __future__ import annotations

import torch

from timbrespace.latent.paths import Path
from timbrespace.latent.paths.line import line
from timbrespace.latent.routes.base import Route
from timbrespace.latent.surroundings import Surroundings


class Line(Route):
    """``z(t) = (1 - u) a(t) + u b(t)``, u from 0 to 1 on the way: both recordings run along while the mixture moves.

    A recording that ends begins again. See :class:`Aligned` for recordings whose events should meet.
    """

    def __init__(self) -> None:
        pass

    def path(self, surroundings: Surroundings, *, seconds: float, rate_hz: float, generator: torch.Generator) -> Path:
        start, end = surroundings.ends(generator)
        return line(start, end, seconds=seconds, rate_hz=rate_hz)
