"""A path: a sequence of points at a rate, to be decoded into sound."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from timbrespace.core.errors import ParameterError
from timbrespace.latent.paths.kernel import gaussian_kernel

Points = Float[Tensor, "step latent"]
Trajectory = Float[Tensor, "_ latent"]
"""Points whose number is nobody else's: two recordings of different length, say."""


@dataclass(frozen=True)
class Path:
    """``points`` (step, latent), ``rate_hz`` of them per second."""

    points: Points
    rate_hz: float

    def __post_init__(self) -> None:
        if self.points.ndim != 2 or self.points.shape[0] < 1:
            raise ParameterError(
                f"A path needs points (step, latent), at least one, not shape {tuple(self.points.shape)}."
            )
        if not (math.isfinite(self.rate_hz) and self.rate_hz > 0):
            raise ParameterError(f"A path's rate is a positive number of points per second, not {self.rate_hz}.")

    @property
    def seconds(self) -> float:
        """Duration: one period of the rate per point."""
        return self.points.shape[0] / self.rate_hz

    def latents(self) -> Float[Tensor, "1 latent step"]:
        """The points as a batch of one, as codecs take them."""
        return self.points.T[None].contiguous()

    def resample(self, rate_hz: float) -> Path:
        """The same curve at another rate, linearly interpolated; ends stay, duration is rounded to whole points."""
        steps = max(1, round(self.points.shape[0] * rate_hz / self.rate_hz))
        return Path(_interpolate(self.points, steps), rate_hz)

    def smooth(self, seconds: float) -> Path:
        """The curve averaged by a Gaussian of standard deviation ``seconds``, ends held."""
        return Path(_gaussian_filter(self.points, seconds * self.rate_hz), self.rate_hz)

    def then(self, other: Path) -> Path:
        """A path that continues with ``other`` at the rate of this one."""
        if other.points.shape[1] != self.points.shape[1]:
            raise ParameterError(
                f"Paths of {self.points.shape[1]} and {other.points.shape[1]} latents cannot follow each other."
            )
        return Path(torch.cat([self.points, other.resample(self.rate_hz).points]), self.rate_hz)


def _interpolate(points: Tensor, steps: int) -> Tensor:
    if points.shape[0] == 1:
        return points.expand(steps, -1).clone()
    return torch.nn.functional.interpolate(points.T[None], size=steps, mode="linear", align_corners=True)[0].T


def _gaussian_filter(points: Tensor, width: float) -> Tensor:
    kernel = gaussian_kernel(width)
    reach = len(kernel) // 2
    held = torch.nn.functional.pad(points.T[None], (reach, reach), mode="replicate")[0]
    return torch.nn.functional.conv1d(held[:, None], kernel[None, None]).squeeze(1).T
