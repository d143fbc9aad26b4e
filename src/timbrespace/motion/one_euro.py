"""The One-Euro filter: calm when the hand is slow, quick when it is fast."""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from timbrespace.core.errors import ParameterError


def one_euro(
    values: Float[Tensor, "step channel"],
    *,
    rate_hz: float,
    min_cutoff: float = 1.0,
    beta: float = 0.0,
    d_cutoff: float = 1.0,
) -> Float[Tensor, "step channel"]:
    """An exponential low-pass whose cutoff rises with speed, each channel for itself.

    ``y[t] = a y[t-1] + ...`` in the form ``y += a(f) (x - y)`` with ``a(f) = 1 / (1 + rate / (2 pi f))`` and
    ``f = min_cutoff + beta |v|``, where v is the speed ``(x[t] - x[t-1]) rate`` smoothed in the same way with the
    cutoff ``d_cutoff``. Cutoffs are in Hz; ``beta`` is in Hz per (unit of the values / s). The first value is kept.
    (Casiez, Roussel and Vogel, "1 Euro filter", CHI 2012.)
    """
    for name, value, least in (("rate_hz", rate_hz, 0.0), ("min_cutoff", min_cutoff, 0.0), ("d_cutoff", d_cutoff, 0.0)):
        if not (math.isfinite(value) and value > least):
            raise ParameterError(f"A One-Euro filter's {name} is a positive number of Hz, not {value}.")
    if not (math.isfinite(beta) and beta >= 0):
        raise ParameterError(f"A One-Euro filter's beta is zero or more, not {beta}.")
    x = values.double().numpy()
    smooth, speed = x.copy(), np.zeros(x.shape[1])
    d_share = _share(d_cutoff, rate_hz)
    per_hz = rate_hz / (2 * math.pi)
    for t in range(1, len(x)):
        speed += d_share * ((x[t] - x[t - 1]) * rate_hz - speed)
        cutoff = min_cutoff + beta * np.abs(speed)
        smooth[t] = smooth[t - 1] + (x[t] - smooth[t - 1]) / (1 + per_hz / cutoff)
    return torch.from_numpy(smooth).float()


def _share(cutoff: float, rate_hz: float) -> float:
    return 1 / (1 + rate_hz / (2 * math.pi * cutoff))
