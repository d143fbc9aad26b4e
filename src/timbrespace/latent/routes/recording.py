"""A recording, as the model hears it."""

from __future__ import annotations

from typing import Annotated, Literal

import torch

from timbrespace.core.knob import Knob
from timbrespace.latent.alignment import between
from timbrespace.latent.paths import Path
from timbrespace.latent.paths.duration import steps_in
from timbrespace.latent.routes.base import Route
from timbrespace.latent.surroundings import Surroundings


class Recording(Route):
    """The latents of the recording it begins with, read at ``speed`` steps per step, linearly between them.

    A sound becomes a path, and at speed 1 the path is the sound as the model rebuilds it. It goes forward, in reverse,
    or to and fro (``pingpong``), and begins again when it ends.
    """

    def __init__(
        self,
        *,
        speed: Annotated[float, Knob(0.001, 100.0, "", "log")] = 1.0,
        direction: Literal["forward", "reverse", "pingpong"] = "forward",
    ) -> None:
        self.speed, self.direction = speed, direction

    def path(self, surroundings: Surroundings, *, seconds: float, rate_hz: float, generator: torch.Generator) -> Path:
        forward = surroundings.ends(generator)[0]
        way = forward if self.direction == "forward" else forward.flip(0)
        if self.direction == "pingpong":
            way = torch.cat([forward, forward.flip(0)[1:-1]])
        at = (self.speed * torch.arange(steps_in(seconds, rate_hz), dtype=torch.float64)) % len(way)
        return Path(between(torch.cat([way, way[:1]]), at.numpy()), rate_hz)

    def duration(self, surroundings: Surroundings, *, rate_hz: float) -> float | None:
        """That of the recording, if there is one."""
        if surroundings.start is None:
            return None
        once = len(surroundings.start) / (self.speed * rate_hz)
        return 2 * once if self.direction == "pingpong" else once
