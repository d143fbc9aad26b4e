"""What a space knows of each descriptor, all axes together, and in which direction it lies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from timbrespace.latent.correlation import independent_units

FOLDS = 5
RIDGE = 1e-6
"""Added to the diagonal, relative to its mean: axes along which nothing varies get no weight."""


@dataclass(frozen=True)
class Directions:
    """What :func:`find_directions` finds.

    ``explained`` (descriptor,) is the share of each descriptor that the place in the space tells, NaN if unknown;
    ``vectors`` (descriptor, axis) are unit vectors, the shortest way to more of each, zeros if unknown.
    """

    explained: Tensor
    vectors: Tensor


def find_directions(points: Tensor, descriptors: Tensor, source: Tensor | None = None) -> Directions:
    """Linear regression of descriptors (n, descriptor) on axis coordinates (n, axis).

    ``explained`` is ``R² = 1 - squared error / variance`` of predictions for sounds left out of the fit (five
    folds of whole sounds), so it cannot be had by learning sounds by heart; below 0 means worse than the mean.
    ``vectors`` are the weights of the fit to all rows, scaled to length one: the shortest way to more of a
    descriptor.
    """
    x = np.concatenate([points.double().numpy(), np.ones((len(points), 1))], axis=1)
    y = descriptors.double().numpy()
    folds = _folds(independent_units(len(x), source))
    explained, vectors = [], []
    for column in y.T:
        known = np.isfinite(column)
        share, weights = _regress(x[known], column[known], folds[known])
        explained.append(share)
        vectors.append(weights)
    return Directions(torch.tensor(explained), torch.from_numpy(np.stack(vectors)).float())


def _folds(units: np.ndarray) -> np.ndarray:
    """The fold of each row: whole units, dealt in turn, the largest first, so that folds are of a size."""
    sizes = np.bincount(units)
    fold = np.empty(len(sizes), np.int64)
    fold[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes)) % FOLDS
    return fold[units]


def _regress(x: np.ndarray, y: np.ndarray, folds: np.ndarray) -> tuple[float, np.ndarray]:
    """Cross-validated R² and the unit vector of weights; NaN and zeros where there is too little."""
    n_axes = x.shape[1] - 1
    variance = float(np.var(y)) if len(y) else 0.0
    if len(y) < 4 * x.shape[1] or variance < 1e-12 or len(np.unique(folds)) < 2:
        return float("nan"), np.zeros(n_axes)
    grams = [(x[folds == f].T @ x[folds == f], x[folds == f].T @ y[folds == f]) for f in range(FOLDS)]
    gram, product = (sum(parts) for parts in zip(*grams, strict=True))
    error = 0.0
    for fold, (own_gram, own_product) in enumerate(grams):
        weights = _solve(gram - own_gram, product - own_product)
        error += float(np.square(y[folds == fold] - x[folds == fold] @ weights).sum())
    direction = _solve(gram, product)[:n_axes]
    return 1 - error / (variance * len(y)), direction / max(float(np.linalg.norm(direction)), 1e-30)


def _solve(gram: np.ndarray, product: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.solve(gram + RIDGE * np.trace(gram) / len(gram) * np.eye(len(gram)), product))
