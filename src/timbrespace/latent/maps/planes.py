"""Places on a plane: the principal plane of vectors, and the form that all maps are brought into."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

Plane = Float[Tensor, "n 2"]
BLOCK = 1024
"""Vectors that are centred at once."""


def principal_plane(vectors: Float[Tensor, "n latent"]) -> Plane:
    """Coordinates on the two axes of the greatest variance; zeros where there is none.

    Each axis points to where its largest component is positive.
    """
    n, latent = vectors.shape
    plane = torch.zeros(n, 2)
    if n < 2 or latent == 0:
        return plane
    mean = vectors.mean(0)
    covariance = torch.zeros(latent, latent)
    for part in _centred(vectors, mean):
        covariance.addmm_(part.T, part)
    axes = _two_axes(covariance.double() / n, floor=1e-12 * float(mean.double().square().sum()))
    for first, part in enumerate(_centred(vectors, mean)):
        for place, axis in enumerate(axes):
            plane[first * BLOCK : (first + 1) * BLOCK, place] = part @ axis
    return plane


def _two_axes(covariance: Tensor, *, floor: float) -> list[Tensor]:
    """The directions of the greatest variances, no more than two, of those that rounding alone does not explain."""
    values, columns = torch.linalg.eigh(covariance)
    least = floor + 1e-12 * float(covariance.trace())
    axes = [columns[:, i] for i in range(len(values) - 1, max(-1, len(values) - 3), -1) if float(values[i]) > least]
    return [(axis * (-1.0 if float(axis[axis.abs().argmax()]) < 0 else 1.0)).float() for axis in axes]


def _centred(vectors: Tensor, mean: Tensor) -> Iterator[Tensor]:
    """Vectors less their mean, a block at a time in the same memory: fresh memory for all costs as much as the sums."""
    room = torch.empty(min(BLOCK, len(vectors)), vectors.shape[1])
    for part in vectors.split(BLOCK):
        yield torch.sub(part, mean, out=room[: len(part)])


def placed(points: Plane, *, like: Plane) -> Plane:
    """``points`` with mean zero and mean square 1, turned or mirrored to lie as near to ``like`` as they can.

    The turn is ``U Vᵀ`` of the singular value decomposition of ``pointsᵀ like`` (P. Schönemann, "A generalized
    solution of the orthogonal Procrustes problem", 1966).
    """
    if not len(points):
        return points.float()
    centred = points.double() - points.double().mean(0)
    scale = centred.square().mean().sqrt()
    if float(scale) == 0:
        return torch.zeros_like(points, dtype=torch.float32)
    left, _, right = torch.linalg.svd(centred.T @ (like.double() - like.double().mean(0)))
    return (centred @ (left @ right) / scale).float()
