"""From one recording to another, on an arc."""

from __future__ import annotations

import torch

from timbrespace.latent.paths import Path
from timbrespace.latent.paths.slerp import slerp
from timbrespace.latent.routes.base import Route
from timbrespace.latent.surroundings import Surroundings


class Slerp(Route):
    """Spherical interpolation about the origin of the latents, where a Gaussian prior has its mean.

    Both recordings run along while the mixture moves (:func:`~timbrespace.latent.paths.slerp`).
    """

    def __init__(self) -> None:
        pass

    def path(self, surroundings: Surroundings, *, seconds: float, rate_hz: float, generator: torch.Generator) -> Path:
        start, end = surroundings.ends(generator)
        return slerp(start, end, seconds=seconds, rate_hz=rate_hz)
