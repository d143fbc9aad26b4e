"""The ends of an interpolation."""

from __future__ import annotations

import torch
from torch import Tensor

from timbrespace.core.errors import ParameterError
from timbrespace.latent.paths.duration import steps_in


def ends_of(start: Tensor, end: Tensor, seconds: float, rate_hz: float) -> tuple[Tensor, Tensor, Tensor]:
    """Both ends as trajectories of the path's length, and the mixing weight (step, 1)."""
    steps = steps_in(seconds, rate_hz)
    a, b = (e[None] if e.ndim == 1 else e for e in (start, end))
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 1:
        raise ParameterError(
            f"A path runs between points (latent) or trajectories (step, latent) of one space,"
            f" not shapes {tuple(start.shape)} and {tuple(end.shape)}."
        )
    at = torch.arange(steps)
    u = torch.linspace(0, 1, steps)[:, None]
    return a[at % len(a)], b[at % len(b)], u
