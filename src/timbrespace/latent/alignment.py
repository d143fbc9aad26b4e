"""Two recordings of different length, step by step beside each other, and what lies between them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor

from timbrespace.core.errors import ParameterError
from timbrespace.latent.paths import Trajectory

MOST_PAIRS = 16_000_000
"""Pairs of steps that are compared (three minutes beside three minutes at 22 steps a second); longer recordings are
aligned at a coarser rate, and the alignment is read between its points."""

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Alignment:
    """Times that belong together: ``first`` and ``second`` (pair,), in steps of either recording, neither ever going
    back, from the beginnings to the ends; ``cost`` is the sum of distances along the way.
    """

    first: Array
    second: Array
    cost: float

    def length(self, u: float) -> float:
        """Steps between the beginning and the end of the mixture u: ``(1 - u) (n - 1) + u (m - 1)``."""
        return float((1 - u) * self.first[-1] + u * self.second[-1])

    def times(self, u: float, at: Array) -> tuple[Array, Array]:
        """The times in both recordings that stand at times ``at`` (point,) of the mixture u.

        The warp is interpolated as the values are: the pair (i, j) stands at ``(1 - u) i + u j``.
        """
        clock = (1 - u) * self.first + u * self.second
        return np.interp(at, clock, self.first), np.interp(at, clock, self.second)

    def mix(self, a: Trajectory, b: Trajectory, u: float) -> Trajectory:
        """The recording that lies at u between a (0) and b (1), of ``round((1 - u) n + u m)`` steps.

        ``z(t) = (1 - u) a(i(t)) + u b(j(t))`` with i and j from :meth:`times`, read linearly between steps: at 0
        exactly a, at 1 exactly b, each with its own timing and length.
        """
        if not 0 <= u <= 1:
            raise ParameterError(f"A mixture lies between 0, the first recording, and 1, the second, not at {u}.")
        steps = max(1, round((1 - u) * len(a) + u * len(b)))
        i, j = self.times(u, np.linspace(0.0, self.length(u), steps))
        return (1 - u) * between(a, i) + u * between(b, j)


def align(a: Float[Tensor, "n dimension_a"], b: Float[Tensor, "m dimension_b"]) -> Alignment:
    """Dynamic time warping: the cheapest way through both that goes on by one step in a, in b, or in both.

    ``D(i, j) = |a_i - b_j| + min(D(i-1, j-1), D(i-1, j), D(i, j-1))``, from (0, 0) to (n-1, m-1); of equal ones the
    step in both is taken. (Sakoe and Chiba 1978, Dynamic programming algorithm optimization for spoken word
    recognition.) Distances are Euclidean: give axis coordinates for those of a space's metric.
    """
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or not len(a) or not len(b):
        raise ParameterError(
            f"Two recordings of one space are aligned, (step, dimension) each, not shapes {tuple(a.shape)} and"
            f" {tuple(b.shape)}."
        )
    stride = math.ceil(math.sqrt(len(a) * len(b) / MOST_PAIRS))
    coarse_a, coarse_b = _pooled(a, stride), _pooled(b, stride)
    cost, moves = _accumulate(torch.cdist(coarse_a, coarse_b).numpy())
    i, j = _way_back(moves)
    if stride == 1:
        return Alignment(i.astype(float), j.astype(float), cost)
    middle = (stride - 1) / 2
    first, second = np.minimum(stride * i + middle, len(a) - 1), np.minimum(stride * j + middle, len(b) - 1)
    ends = np.array([0.0, len(a) - 1]), np.array([0.0, len(b) - 1])
    return Alignment(
        np.concatenate([ends[0][:1], first, ends[0][1:]]), np.concatenate([ends[1][:1], second, ends[1][1:]]), cost
    )


def between(points: Trajectory, at: Array) -> Trajectory:
    """Trajectory (time, latent) at times in steps, linearly interpolated; exactly a step's own at whole times."""
    low = torch.from_numpy(np.floor(at)).long().clamp(0, len(points) - 1)
    share = (torch.from_numpy(at) - low).clamp(0, 1).float()[:, None]
    return (1 - share) * points[low] + share * points[(low + 1).clamp_max(len(points) - 1)]


def _pooled(points: Tensor, stride: int) -> Tensor:
    """Means of ``stride`` successive steps; the last one of what is left."""
    return torch.stack([p.double().mean(0) for p in points.split(stride)]) if stride > 1 else points.double()


def _accumulate(distance: Array) -> tuple[float, Array]:
    """The total cost, and how each pair is best reached: 0 from both before, 1 from i before, 2 from j before.

    Pairs with the same i + j do not depend on each other, and lie in memory at equal distances: one such diagonal is
    computed at once.
    """
    n, m = distance.shape
    moves = np.zeros((n, m), np.int8)
    flat, flat_moves = distance.ravel(), moves.ravel()
    nothing = np.full(n + 1, np.inf)
    before, last = nothing.copy(), nothing.copy()  # D on the two diagonals before, at i + 1
    for k in range(n + m - 1):
        low, high = max(0, k - m + 1), min(k, n - 1)
        here = np.s_[low + 1 : high + 2]
        above = np.s_[low : high + 1]  # i - 1
        place = slice(low * m + k - low, high * m + k - high + 1, max(1, m - 1))
        choices = np.stack([before[above], last[above], last[here]])
        best = choices.argmin(0) if k else np.zeros(1, np.int64)
        reached = np.take_along_axis(choices, best[None], 0)[0] if k else np.zeros(1)
        before, last = last, nothing.copy()
        last[here] = flat[place] + reached
        flat_moves[place] = best
    return float(last[n]), moves


def _way_back(moves: Array) -> tuple[Array, Array]:
    """The pairs from the beginning to the end."""
    i, j = moves.shape[0] - 1, moves.shape[1] - 1
    way = [(i, j)]
    while i or j:
        move = int(moves[i, j])
        i, j = i - (move != 2), j - (move != 1)
        way.append((i, j))
    found = np.array(way[::-1])
    return found[:, 0], found[:, 1]
