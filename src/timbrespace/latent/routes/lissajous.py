"""Lissajous' curves."""

from __future__ import annotations

import math
from typing import Annotated

import torch

from timbrespace.core.errors import ParameterError
from timbrespace.core.knob import Knob
from timbrespace.latent.paths import Path
from timbrespace.latent.paths.duration import steps_in
from timbrespace.latent.routes.base import Route
from timbrespace.latent.routes.ground import axis_numbers, drawn
from timbrespace.latent.surroundings import Surroundings


class Lissajous(Route):
    """``x_k = r sin(2 pi f_k u + 2 pi p (K - k))`` on K axes, k from 1, u from 0 to just before 1.

    r is ``radius`` in standard deviations of each axis, f_k ``frequencies`` in cycles on the whole way, one per axis
    (whole ones close the curve, so that the sound loops), and p ``phase`` in cycles. It is drawn around the mean of the
    data, or around the recording it begins with, which runs along. (Lissajous 1857.)
    """

    def __init__(
        self,
        *,
        radius: Annotated[float, Knob(0.0, 10.0)] = 1.5,
        frequencies: tuple[float, ...] = (3.0, 2.0),
        phase: Annotated[float, Knob(0.0, 1.0)] = 0.25,
        axes: tuple[int, ...] = (1, 2),
    ) -> None:
        if len(frequencies) != len(axes) or not axes or not all(map(math.isfinite, frequencies)):
            raise ParameterError(
                f"Lissajous needs one finite frequency for each axis, not {len(frequencies)} for {len(axes)} axes; give"
                " as many, as in axes=1,2,3 frequencies=3,2,5."
            )
        self.radius, self.frequencies, self.phase, self.axes = radius, frequencies, phase, axes

    def path(self, surroundings: Surroundings, *, seconds: float, rate_hz: float, generator: torch.Generator) -> Path:
        axes = axis_numbers(surroundings.space, self.axes)
        steps = steps_in(seconds, rate_hz)
        u = torch.arange(steps, dtype=torch.float64)[:, None] / steps
        shift = self.phase * torch.arange(len(axes) - 1, -1, -1, dtype=torch.float64)
        cycles = torch.tensor(self.frequencies, dtype=torch.float64) * u + shift
        return Path(drawn(surroundings, axes, self.radius * (2 * math.pi * cycles).sin()), rate_hz)
