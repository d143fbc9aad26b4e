"""The nearest neighbours of every vector, exactly."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from timbrespace.core.errors import ParameterError

BLOCK_BYTES = 8 * 2**20
"""Of distances held at once: larger blocks leave the processor's cache and gain nothing."""


def nearest_neighbours(
    vectors: Float[Tensor, "n latent"], count: int
) -> tuple[Float[Tensor, "n count"], Int[Tensor, "n count"]]:
    """Distances to the ``count`` nearest other vectors, in rising order, and their numbers.

    All pairs are looked at, a block of rows at a time: ``|x - y|² = |x|² + |y|² - 2 x·y`` chooses, and the distances
    of those chosen are then taken from differences, since the formula loses digits for points close together.
    """
    n = len(vectors)
    if not 1 <= count < n:
        raise ParameterError(f"{n} vectors have 1 to {n - 1} neighbours each, not {count}.")
    data = (vectors - vectors.mean(0)).float().contiguous()
    squares = data.square().sum(1)
    rows = max(1, min(n, BLOCK_BYTES // (4 * n)))
    block = torch.empty(rows, n)
    chosen = torch.empty(n, count, dtype=torch.long)
    for first in range(0, n, rows):
        part = data[first : first + rows]
        gaps = block[: len(part)]
        torch.addmm(squares.expand(len(part), n), part, data.T, alpha=-2.0, out=gaps)
        gaps[torch.arange(len(part)), first + torch.arange(len(part))] = torch.inf
        chosen[first : first + rows] = gaps.topk(count, dim=1, largest=False).indices
    distances = torch.empty(n, count)
    for first in range(0, n, rows):
        near = data[chosen[first : first + rows]]
        distances[first : first + rows] = (near - data[first : first + rows, None]).square_().sum(2).sqrt_()
    distances, order = distances.sort(dim=1, stable=True)
    return distances, chosen.gather(1, order)
