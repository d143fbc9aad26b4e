"""The Gaussian that smooths paths."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor


def gaussian_kernel(width: float) -> Float[Tensor, " tap"]:
    """Weights of sum one, of standard deviation ``width`` in points, cut at four of them; a single one at 0."""
    reach = math.ceil(4 * width)
    if reach == 0:
        return torch.ones(1)
    at = torch.arange(-reach, reach + 1)
    kernel = torch.exp(-0.5 * (at / width) ** 2)
    return kernel / kernel.sum()
