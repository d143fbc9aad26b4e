"""Paths through a latent space: sequences of points at a rate, to be decoded into sound."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from timbrespace.core.errors import ParameterError

Points = Float[Tensor, "step latent"]


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


def line(start: Tensor, end: Tensor, *, seconds: float, rate_hz: float) -> Path:
    """Straight interpolation, ``z(u) = (1 - u) a(t) + u b(t)`` with u from 0 to 1.

    ``start`` and ``end`` are points (latent) or trajectories (step, latent); a trajectory runs along while
    it is left, from its beginning again whenever it ends.
    """
    a, b, u = _ends(start, end, seconds, rate_hz)
    return Path((1 - u) * a + u * b, rate_hz)


def slerp(start: Tensor, end: Tensor, *, seconds: float, rate_hz: float) -> Path:
    """Spherical interpolation: constant angular speed in direction, straight in norm.

    With ``w`` the angle between a and b: ``z(u) = |z|(u) (sin((1-u) w) a/|a| + sin(u w) b/|b|) / sin w``
    and ``|z|(u) = (1-u)|a| + u|b|``; parallel vectors, and zero, which has no
    direction, are interpolated straight. Under a Gaussian prior it
    stays where the probability mass is. (Shoemake 1985; White 2016, https://arxiv.org/abs/1609.04468.)
    Arguments as for :func:`line`.
    """
    a, b, u = _ends(start, end, seconds, rate_hz)
    norm_a, norm_b = a.norm(dim=1, keepdim=True), b.norm(dim=1, keepdim=True)
    unit_a, unit_b = a / norm_a.clamp_min(1e-12), b / norm_b.clamp_min(1e-12)
    angle = (unit_a * unit_b).sum(1, keepdim=True).clamp(-1, 1).acos()
    sine = angle.sin()
    curved = ((1 - u) * angle).sin() / sine * unit_a + (u * angle).sin() / sine * unit_b
    curved = curved * ((1 - u) * norm_a + u * norm_b)
    turns = (sine > 1e-4) & (norm_a > 1e-12) & (norm_b > 1e-12)
    return Path(torch.where(turns, curved, (1 - u) * a + u * b), rate_hz)


def random_walk(
    mean: Float[Tensor, latent],
    covariance: Float[Tensor, "latent latent"],
    *,
    seconds: float,
    rate_hz: float,
    period: float = 2.0,
    generator: torch.Generator,
) -> Path:
    """A smooth random curve with the mean and covariance of the data.

    White Gaussian noise, smoothed by a Gaussian kernel to a correlation time of about ``period`` seconds
    (standard deviation ``period / 4``), scaled back to unit variance, coloured by the Cholesky factor of
    ``covariance``: a stationary Gaussian process whose every point is distributed as the data are.
    """
    _check_duration(seconds, rate_hz)
    steps = max(1, round(seconds * rate_hz))
    width = max(period, 0.0) / 4 * rate_hz
    margin = math.ceil(4 * width)
    noise = torch.randn(steps + 2 * margin, mean.shape[0], generator=generator)
    kernel = _gaussian_kernel(width)
    smooth = torch.nn.functional.conv1d(noise.T[:, None], kernel[None, None]).squeeze(1).T / kernel.norm()
    jitter = 1e-6 * covariance.diagonal().mean().clamp_min(1e-12) * torch.eye(mean.shape[0])
    factor = torch.linalg.cholesky(covariance + jitter)
    return Path(mean + smooth[:steps] @ factor.T, rate_hz)


def _ends(start: Tensor, end: Tensor, seconds: float, rate_hz: float) -> tuple[Tensor, Tensor, Tensor]:
    """Both ends as trajectories of the path's length, and the mixing weight (step, 1)."""
    _check_duration(seconds, rate_hz)
    steps = max(1, round(seconds * rate_hz))
    a, b = (e[None] if e.ndim == 1 else e for e in (start, end))
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 1:
        raise ParameterError(
            f"A path runs between points (latent) or trajectories (step, latent) of one space,"
            f" not shapes {tuple(start.shape)} and {tuple(end.shape)}."
        )
    at = torch.arange(steps)
    u = torch.linspace(0, 1, steps)[:, None]
    return a[at % len(a)], b[at % len(b)], u


def _check_duration(seconds: float, rate_hz: float) -> None:
    if not (math.isfinite(seconds) and seconds > 0 and math.isfinite(rate_hz) and rate_hz > 0):
        raise ParameterError(
            f"A path lasts a positive number of seconds, not {seconds} (at {rate_hz} points a second)."
        )


def _interpolate(points: Tensor, steps: int) -> Tensor:
    if points.shape[0] == 1:
        return points.expand(steps, -1).clone()
    return torch.nn.functional.interpolate(points.T[None], size=steps, mode="linear", align_corners=True)[0].T


def _gaussian_kernel(width: float) -> Tensor:
    reach = math.ceil(4 * width)
    if reach == 0:
        return torch.ones(1)
    at = torch.arange(-reach, reach + 1)
    kernel = torch.exp(-0.5 * (at / width) ** 2)
    return kernel / kernel.sum()


def _gaussian_filter(points: Tensor, width: float) -> Tensor:
    kernel = _gaussian_kernel(width)
    reach = len(kernel) // 2
    held = torch.nn.functional.pad(points.T[None], (reach, reach), mode="replicate")[0]
    return torch.nn.functional.conv1d(held[:, None], kernel[None, None]).squeeze(1).T
