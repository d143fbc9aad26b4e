"""How smooth a sequence of points is, whatever its units."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from timbrespace.core.errors import ParameterError

LEAST_POINTS = 4


def roughness(points: Float[Tensor, "point dimension"]) -> float:
    """``R = mean |p[t-1] - 2 p[t] + p[t+1]|² / (6 mean |p[t] - mean p|²)``.

    0 for a straight line at constant speed, 1 on average for points in random order or independent noise (whose
    second difference has six times their variance), 8/3 for a zigzag. Neither offset nor scale matter, since
    both means grow with the scale's square; it is 0 for points that do not move. The number of points does: the same
    curve sampled n times as finely is n⁴ times as smooth, so compare sequences of equal length.

    What is not known (NaN) is left out: of every dimension, the means are those of its known values and of its second
    differences between known values; a dimension with fewer than two of these is left out, and where none is left
    the roughness is NaN.
    """
    if len(points) < LEAST_POINTS:
        raise ParameterError(f"Roughness needs {LEAST_POINTS} points or more, not {len(points)}; sample more finely.")
    p = points.double()
    bends = p[:-2] - 2 * p[1:-1] + p[2:]
    p, bends = (v[:, bends.isfinite().sum(0) >= 2] for v in (p, bends))
    if p.shape[1] == 0:
        return float("nan")
    deviation = (p - p.nanmean(0)).square().nanmean(0).sum()
    if float(deviation) <= 1e-18 * float(p.square().nanmean(0).sum()):
        return 0.0
    return float(bends.square().nanmean(0).sum() / (6 * deviation))


def smoothness(points: Float[Tensor, "point dimension"]) -> float:
    """``1 - R``: 1 for a straight line, 0 for random order, below 0 for a zigzag (see :func:`roughness`)."""
    return 1.0 - roughness(points)


def shuffled_scores(
    points: Float[Tensor, "point dimension"], *, generator: torch.Generator, rounds: int = 50
) -> Float[Tensor, " round"]:
    """The smoothness of the same points in each of ``rounds`` random orders: what chance would give."""
    orders = (torch.randperm(len(points), generator=generator) for _ in range(rounds))
    return torch.tensor([smoothness(points[order]) for order in orders])


def shuffled_smoothness(
    points: Float[Tensor, "point dimension"], *, generator: torch.Generator, rounds: int = 50
) -> float:
    """The mean of :func:`shuffled_scores`."""
    return float(shuffled_scores(points, generator=generator, rounds=rounds).double().mean())
