"""Spherical interpolation."""

from __future__ import annotations

import torch
from torch import Tensor

from timbrespace.latent.paths.ends import ends_of
from timbrespace.latent.paths.path import Path


def slerp(start: Tensor, end: Tensor, *, seconds: float, rate_hz: float) -> Path:
    """Spherical interpolation: constant angular speed in direction, straight in norm.

    With ``w`` the angle between a and b: ``z(u) = |z|(u) (sin((1-u) w) a/|a| + sin(u w) b/|b|) / sin w``
    and ``|z|(u) = (1-u)|a| + u|b|``; parallel vectors, and zero, which has no
    direction, are interpolated straight. Under a Gaussian prior it
    stays where the probability mass is. (Shoemake 1985; White 2016, https://arxiv.org/abs/1609.04468.)
    Arguments as for :func:`line`.
    """
    a, b, u = ends_of(start, end, seconds, rate_hz)
    norm_a, norm_b = a.norm(dim=1, keepdim=True), b.norm(dim=1, keepdim=True)
    unit_a, unit_b = a / norm_a.clamp_min(1e-12), b / norm_b.clamp_min(1e-12)
    angle = (unit_a * unit_b).sum(1, keepdim=True).clamp(-1, 1).acos()
    sine = angle.sin()
    curved = ((1 - u) * angle).sin() / sine * unit_a + (u * angle).sin() / sine * unit_b
    curved = curved * ((1 - u) * norm_a + u * norm_b)
    turns = (sine > 1e-4) & (norm_a > 1e-12) & (norm_b > 1e-12)
    return Path(torch.where(turns, curved, (1 - u) * a + u * b), rate_hz)
