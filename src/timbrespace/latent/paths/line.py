"""Straight interpolation."""

from __future__ import annotations

from torch import Tensor

from timbrespace.latent.paths.ends import ends_of
from timbrespace.latent.paths.path import Path


def line(start: Tensor, end: Tensor, *, seconds: float, rate_hz: float) -> Path:
    """Straight interpolation, ``z(u) = (1 - u) a(t) + u b(t)`` with u from 0 to 1.

    ``start`` and ``end`` are points (latent) or trajectories (step, latent); a trajectory runs along while
    it is left, from its beginning again whenever it ends.
    """
    a, b, u = ends_of(start, end, seconds, rate_hz)
    return Path((1 - u) * a + u * b, rate_hz)
