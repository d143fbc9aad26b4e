"""A walk without an end: points that follow each other smoothly and stay where the data are."""

from __future__ import annotations

import math
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

from timbrespace.core.errors import ParameterError

_SQRT3: Final = math.sqrt(3.0)


class Wander:
    """Independent stationary Gaussian processes of unit variance, drawn step by step, of any step length.

    Each coordinate has the covariance ``(1 + r) exp(-r)``, ``r = sqrt(3) |t| / length``: the Matérn process of order
    3/2, whose curves have a velocity. Position and velocity together are a linear Gaussian state, so that every
    step is drawn from the exact transition, whatever its duration (Hartikainen and Särkkä 2010, Kalman filtering
    and smoothing solutions to temporal Gaussian process regression models). ``period`` in seconds means what it
    means for :func:`~timbrespace.latent.paths.random_walk`: ``length = sqrt(2) period / 4`` is the length scale
    of that walk's covariance. Scaled by the deviations of the data, a walk visits the space as the data do.
    """

    def __init__(self, n: int, *, period: float, generator: torch.Generator) -> None:
        if n < 1 or not (math.isfinite(period) and period > 0):
            raise ParameterError(f"A walk needs one coordinate or more and a period above 0 s, not {n} and {period}.")
        self._rate = _SQRT3 / (math.sqrt(2.0) * period / 4)
        self._generator = generator
        # Stationary from the start: position of variance 1, velocity of variance rate^2, uncorrelated.
        self._state = self._noise(n) * torch.tensor([1.0, self._rate], dtype=torch.float64)

    @property
    def position(self) -> Float[Tensor, coordinate]:
        """Where the walk is, in standard deviations."""
        return self._state[:, 0].float()

    def advance(self, seconds: float) -> Float[Tensor, coordinate]:
        """Walk on for ``seconds`` (0 or more) and return where that leads."""
        if not (math.isfinite(seconds) and seconds >= 0):
            raise ParameterError(f"A walk goes on for 0 s or more, not {seconds}.")
        if seconds > 0:
            transition, factor = self._step(seconds)
            self._state = self._state @ transition.T + self._noise(len(self._state)) @ factor.T
        return self.position

    def _step(self, seconds: float) -> tuple[Tensor, Tensor]:
        """The transition A of (position, velocity) and the Cholesky factor of its noise, P - A P A^T."""
        rate = self._rate
        decay = math.exp(-rate * seconds)
        a = torch.tensor(
            [[1 + rate * seconds, seconds], [-(rate**2) * seconds, 1 - rate * seconds]], dtype=torch.float64
        )
        a = decay * a
        stationary = torch.diag(torch.tensor([1.0, rate**2], dtype=torch.float64))
        noise = stationary - a @ stationary @ a.T
        # Of a tiny step the difference above is all rounding; the jitter is far below what can be heard.
        scale = torch.tensor([1.0, rate], dtype=torch.float64)
        unit = noise / scale / scale[:, None] + 1e-12 * torch.eye(2, dtype=torch.float64)
        return a, scale[:, None] * torch.linalg.cholesky(unit)

    def _noise(self, n: int) -> Tensor:
        return torch.randn(n, 2, generator=self._generator, dtype=torch.float64)
