"""The Laplace kernel."""

from __future__ import annotations

import torch
from torch import Tensor

from timbrespace.metrics.kernels.base import Kernel
from timbrespace.metrics.kernels.scales import checked_scales

SCALES = [1.0]
"""One width, as of the Gaussian kernel."""


class Laplace(Kernel):
    """``k(u) = sum_s exp(-(2 u / s)^(1/2))``, that is ``exp(-|x - y| / w)`` with the width ``w² = d v s``.

    Pointed at zero, where its slope is infinite: it tells fine structure that smooth kernels average away.
    (B. K. Sriperumbudur, A. Gretton, K. Fukumizu, B. Schölkopf, G. Lanckriet, "Hilbert space embeddings and metrics
    on probability measures", 2010, https://jmlr.org/papers/v11/sriperumbudur10a.html.)
    """

    def __init__(self, *, scales: list[float] = SCALES) -> None:
        self.scales = checked_scales(scales, where="Laplace")

    def value(self, u: Tensor) -> Tensor:
        value = torch.zeros_like(u)
        for s in self.scales:
            value = value + (-(2 * u / s).sqrt()).exp()
        return value

    def value_and_slope(self, u: Tensor) -> tuple[Tensor, Tensor]:
        value, slope = torch.zeros_like(u), torch.zeros_like(u)
        for s in self.scales:
            distance = (2 / s * u.detach()).sqrt_()
            k = torch.exp(-distance)
            value.add_(k)
            slope.addcdiv_(k, distance, value=-1 / s)
        return value, torch.where(u > 0, slope, 0.0)
