"""Places on a plane: the principal plane of vectors, and the form that all maps are brought into."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

Plane = Float[Tensor, "n 2"]


def principal_plane(vectors: Float[Tensor, "n latent"]) -> Plane:
    """Coordinates on the two axes of the greatest variance; zeros where there is none.

    Each axis points to where its largest component is positive.
    """
    n, latent = vectors.shape
    plane = torch.zeros(n, 2)
    if n < 2 or latent == 0:
        return plane
    mean = vectors.mean(0)
    centred = vectors - mean
    # In double precision, yet without a copy of all data: the covariance is small.
    covariance = (centred.T @ centred).double() / n
    values, columns = torch.linalg.eigh(covariance)
    power = float(covariance.trace() + mean.double().square().sum())
    for place, column in enumerate(range(latent - 1, max(-1, latent - 3), -1)):
        axis = columns[:, column]
        if float(values[column]) > 1e-12 * power:  # what single precision leaves of a constant is no axis
            plane[:, place] = centred @ (axis * (-1.0 if float(axis[axis.abs().argmax()]) < 0 else 1.0)).float()
    return plane


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
