"""A smooth random curve."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from timbrespace.latent.paths.duration import steps_in
from timbrespace.latent.paths.kernel import gaussian_kernel
from timbrespace.latent.paths.path import Path


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
    steps = steps_in(seconds, rate_hz)
    width = max(period, 0.0) / 4 * rate_hz
    margin = math.ceil(4 * width)
    noise = torch.randn(steps + 2 * margin, mean.shape[0], generator=generator)
    kernel = gaussian_kernel(width)
    smooth = torch.nn.functional.conv1d(noise.T[:, None], kernel[None, None]).squeeze(1).T / kernel.norm()
    exact = covariance.double()  # rounding alone makes a large one of few directions indefinite
    jitter = 1e-6 * exact.diagonal().mean().clamp_min(1e-12) * torch.eye(len(mean), dtype=torch.float64)
    factor = torch.linalg.cholesky(exact + jitter).float()
    return Path(mean + smooth[:steps] @ factor.T, rate_hz)
