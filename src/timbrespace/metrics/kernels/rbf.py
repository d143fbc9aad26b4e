"""The Gaussian kernel."""

from __future__ import annotations

import torch
from torch import Tensor

from timbrespace.metrics.kernels.base import Kernel
from timbrespace.metrics.kernels.scales import checked_scales

SCALES = [1.0]
"""One width, whose square is the prior's variance times the number of coordinates."""


class Rbf(Kernel):
    """``k(u) = sum_s exp(-u / s)``, that is ``exp(-|x - y|² / (2 w²))`` with the width ``w² = d v s``.

    Points some widths away from all others feel nothing. (A. Gretton, K. M. Borgwardt, M. J. Rasch, B. Schölkopf,
    A. Smola, "A kernel two-sample test", 2012, https://jmlr.org/papers/v13/gretton12a.html.)
    """

    def __init__(self, *, scales: list[float] = SCALES) -> None:
        self.scales = checked_scales(scales, where="Rbf")

    def value(self, u: Tensor) -> Tensor:
        value = torch.zeros_like(u)
        for s in self.scales:
            value = value + (u / -s).exp()
        return value

    def value_and_slope(self, u: Tensor) -> tuple[Tensor, Tensor]:
        value, slope = torch.zeros_like(u), torch.zeros_like(u)
        for s in self.scales:
            k = (u.detach() / -s).exp_()
            value.add_(k)
            slope.add_(k, alpha=-1 / s)
        return value, slope
