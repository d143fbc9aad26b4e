"""How far a map can be believed: whether neighbours on it are neighbours, and neighbours are neighbours on it."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from timbrespace.core.errors import ParameterError
from timbrespace.core.seeds import torch_generator

NEIGHBOURS, QUERIES = 15, 1000


class Faithfulness(NamedTuple):
    """Both are 1 at best; a map drawn by chance has about one half of each."""

    trustworthiness: float
    continuity: float


def faithfulness(
    vectors: Float[Tensor, "n latent"],
    plane: Float[Tensor, "place 2"],
    *,
    neighbours: int = NEIGHBOURS,
    queries: int = QUERIES,
    seed: int = 0,
) -> Faithfulness:
    """Trustworthiness and continuity of a map (J. Venna and S. Kaski, "Neighborhood preservation", 2001).

    ``T = 1 - 2 / (k (2 n - 3 k - 1)) mean_i sum_j (r(i, j) - k)`` over the j among the k nearest of i on the map but
    not in the space, r the rank by distance in the space; continuity is the same with the two exchanged. Ranks are
    among all points, the mean over ``queries`` of them drawn by ``seed`` (all, if there are no more).
    ``neighbours`` is lowered to less than half the points where there are few. NaN for fewer than five.
    """
    n = len(vectors)
    if len(plane) != n:
        raise ParameterError(f"A map of {n} vectors has as many places, not {len(plane)}.")
    if n < 5:
        return Faithfulness(float("nan"), float("nan"))
    k = min(neighbours, (n - 1) // 2)
    drawn = torch.arange(n)
    if queries < n:
        drawn = torch.randperm(n, generator=torch_generator(seed, "faithfulness"))[:queries]
    losses = torch.zeros(2, dtype=torch.float64)
    for part in drawn.split(max(1, 2_000_000 // n)):
        space, flat = _gaps(vectors, part), _gaps(plane, part)
        losses += torch.tensor([_excess(space, flat, k), _excess(flat, space, k)], dtype=torch.float64)
    scores = 1 - 2 / (k * (2 * n - 3 * k - 1)) * losses / len(drawn)
    return Faithfulness(float(scores[0]), float(scores[1]))


def _gaps(points: Tensor, part: Tensor) -> Tensor:
    """Distances (query, n) of some points to all others; to themselves infinite."""
    some = points[part].float()
    gaps = torch.cdist(some, points.float(), compute_mode="donot_use_mm_for_euclid_dist")
    gaps[torch.arange(len(part)), part] = torch.inf
    return gaps


def _excess(truth: Tensor, seen: Tensor, k: int) -> float:
    """By how much the ranks in ``truth`` of the k nearest in ``seen`` exceed k, summed."""
    near = seen.topk(k, dim=1, largest=False).indices
    ranks = torch.empty_like(truth, dtype=torch.long)
    order = truth.argsort(dim=1, stable=True)
    ranks.scatter_(1, order, torch.arange(1, truth.shape[1] + 1).expand_as(order))
    return float((ranks.gather(1, near) - k).clamp_min(0).sum())
