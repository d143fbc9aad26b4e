"""Fractal noise."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor

from timbrespace.core.knob import Knob
from timbrespace.latent.paths import Path
from timbrespace.latent.paths.duration import steps_in
from timbrespace.latent.routes.base import Route
from timbrespace.latent.routes.ground import living_axes
from timbrespace.latent.surroundings import Surroundings


class Fractal(Route):
    """Independent noise on every axis with the power spectrum ``S(f) = max(f, 1 / period)^-beta``.

    Spectral synthesis (Saupe 1988, Algorithms for random fractals): independent Gaussian Fourier coefficients of
    variance S, scaled so that every point has ``radius`` standard deviations of the data. Motion on all scales of time
    shorter than ``period`` seconds: with ``beta`` 1 it is nervous, with 2 as a particle that is pushed about, above 3
    it has a velocity.
    """

    def __init__(
        self,
        *,
        beta: Annotated[float, Knob(0.0, 8.0)] = 2.5,
        period: Annotated[float, Knob(0.05, 600.0, "s", "log")] = 4.0,
        radius: Annotated[float, Knob(0.0, 10.0)] = 1.0,
    ) -> None:
        self.beta, self.period, self.radius = beta, period, radius

    def path(self, surroundings: Surroundings, *, seconds: float, rate_hz: float, generator: torch.Generator) -> Path:
        space = surroundings.space
        living_axes(space)
        noise = self._noise(steps_in(seconds, rate_hz), len(space.axes), rate_hz, generator)
        return Path(space.unproject(self.radius * noise * space.deviations), rate_hz)

    def _noise(self, steps: int, axes: int, rate_hz: float, generator: torch.Generator) -> Float[Tensor, "step axis"]:
        # The noise is a loop; of one twice as long, and of several periods, no point knows of the seam.
        whole = 2 ** math.ceil(math.log2(max(2 * steps, 4 * self.period * rate_hz, 8)))
        frequency = torch.fft.rfftfreq(whole, 1 / rate_hz, dtype=torch.float64)
        power = (frequency.clamp_min(1 / self.period) * self.period) ** -self.beta
        count = torch.full_like(power, 2.0)
        count[[0, -1]] = 1.0  # constant and Nyquist have no conjugate
        level = (power / (count * power).sum()).sqrt() * whole
        parts = torch.randn(2, axes, len(power), generator=generator, dtype=torch.float64) / math.sqrt(2)
        parts[0][:, [0, -1]] *= math.sqrt(2)
        parts[1][:, [0, -1]] = 0.0
        return torch.fft.irfft(level * torch.complex(parts[0], parts[1]), n=whole)[:, :steps].T.float().contiguous()
