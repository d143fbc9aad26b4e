"""The inverse multiquadratic kernel."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from timbrespace.metrics.kernels.base import Kernel
from timbrespace.metrics.kernels.scales import checked_scales

SCALES = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0]
"""Those of the authors' experiments, each as a multiple of the expected squared distance."""


class InverseMultiquadratic(Kernel):
    """``k(u) = sum_s s / (s + u)``, that is ``C_s / (C_s + |x - y|²)`` with ``C_s = 2 d v s``.

    Its tails are heavy: points far from the prior still feel where it lies. (I. Tolstikhin, O. Bousquet, S. Gelly,
    B. Schölkopf, "Wasserstein Auto-Encoders", 2018, https://arxiv.org/abs/1711.01558, section 4.)
    """

    def __init__(self, *, scales: list[float] = SCALES) -> None:
        self.scales = checked_scales(scales, where="InverseMultiquadratic")

    def value(self, u: Tensor) -> Tensor:
        if not u.requires_grad:
            return self.value_and_slope(u)[0]
        value = torch.zeros_like(u)
        for s in self.scales:
            value = value + s / (s + u)
        return value

    def value_and_slope(self, u: Tensor) -> tuple[Tensor, Tensor]:
        if u.device.type == "cpu" and u.dtype == torch.float32:
            return self._compiled(u.detach().contiguous())
        value, slope = torch.zeros_like(u), torch.zeros_like(u)
        for s in self.scales:
            inverse = torch.reciprocal(u.detach() + s)
            value.add_(inverse, alpha=s)
            slope.addcmul_(inverse, inverse, value=-s)
        return value, slope

    def _compiled(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """All scales in one pass over ``u``: five times as fast as an operation for each."""
        from timbrespace.metrics.kernels import inverse_multiquadratic_kernels as kernels

        value, slope = torch.empty_like(u), torch.empty_like(u)
        flat = (t.numpy().reshape(-1) for t in (u, value, slope))
        kernels.value_and_slope(np.array(self.scales, np.float32), *flat)
        return value, slope
