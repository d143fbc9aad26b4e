"""UMAP: neighbours attract each other, all others push apart."""

from __future__ import annotations

import functools
from typing import Annotated, final

import numpy as np
import torch

from timbrespace.core.knob import Knob
from timbrespace.core.seeds import derived_seed, torch_generator
from timbrespace.latent.maps.base import MapMethod, Vectors
from timbrespace.latent.maps.neighbours import nearest_neighbours
from timbrespace.latent.maps.planes import Plane

START, NOISE = 10.0, 1e-4
"""Where the outermost point of the principal plane begins, and by how much points are shaken, so that no two begin
at the same place."""
LEAST_MEMBERSHIP = 1e-12


@final
class Umap(MapMethod):
    """Uniform manifold approximation and projection (L. McInnes, J. Healy, J. Melville, 2018, arXiv:1802.03426).

    Each point's ``n_neighbors`` nearest (itself counted, as in umap-learn) are its neighbours with membership
    ``w = exp(-max(0, d - rho) / sigma)``, rho the distance to the nearest, sigma such that memberships sum to
    ``log2 n_neighbors``; ``w + w' - w w'`` joins both directions. Places minimise the cross entropy of w and
    ``1 / (1 + a d^(2 b))`` by stochastic gradient descent with ``negatives`` random points pushed away for each pair
    pulled together; a and b follow from ``min_dist``. Neighbours are exact, the start is the principal plane (which
    keeps what lies far apart apart: D. Kobak and G. Linderman 2021), and one thread draws all random numbers, so that
    a seed gives one map.
    """

    def __init__(
        self,
        *,
        n_neighbors: Annotated[int, Knob(2, 500)] = 15,
        min_dist: Annotated[float, Knob(0.0, 1.0)] = 0.1,
        epochs: Annotated[int, Knob(1, 10_000)] = 200,
        negatives: Annotated[int, Knob(1, 50)] = 5,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.min_dist = min_dist
        self.epochs = epochs
        self.negatives = negatives

    def _layout(self, vectors: Vectors, flat: Plane, *, seed: int) -> Plane:
        from timbrespace.latent.maps.umap_kernels import optimise

        head, tail, weights = self._graph(vectors)
        generator = torch_generator(seed, "umap")
        start = flat * (START / float(flat.abs().max()))
        places = (start + NOISE * torch.randn(flat.shape, generator=generator)).numpy()
        pull, push = _forces(*curve(self.min_dist))
        state = np.uint64(derived_seed(seed, "umap", "negatives") | 1)
        optimise(places, head, tail, weights.max() / weights, pull, push, self.epochs, self.negatives, state)
        return torch.from_numpy(places)

    def _graph(self, vectors: Vectors) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Heads, tails (int32) and memberships (float32) of all pairs that are pulled once in all epochs or more."""
        from scipy.sparse import csr_array

        from timbrespace.latent.maps.umap_kernels import memberships

        n, count = len(vectors), min(self.n_neighbors, len(vectors)) - 1
        distances, near = nearest_neighbours(vectors, count)
        strength = memberships(distances.numpy(), np.float32(np.log2(count + 1)))
        rows = np.arange(0, n * count + 1, count)
        one_way = csr_array((strength.ravel(), near.numpy().ravel(), rows), shape=(n, n))
        other = one_way.T.tocsr()
        joined = (one_way + other - one_way * other).tocoo()
        kept = joined.data >= max(joined.data.max() / self.epochs, LEAST_MEMBERSHIP)
        head, tail = joined.coords
        return head[kept].astype(np.int32), tail[kept].astype(np.int32), joined.data[kept].astype(np.float32)


@functools.cache
def curve(min_dist: float) -> tuple[float, float]:
    """A and b for which ``1 / (1 + a d^(2 b))`` is nearest to 1 up to ``min_dist`` and falls as ``exp(-d)`` beyond.

    Least squares over d in [0, 3], as in umap-learn with spread 1.

    >>> tuple(round(x, 3) for x in curve(0.1))
    (1.577, 0.895)
    """
    from scipy.optimize import curve_fit

    d = np.linspace(0, 3, 300)
    wanted = np.where(d < min_dist, 1.0, np.exp(-(d - min_dist)))
    (a, b), _ = curve_fit(lambda x, a, b: 1 / (1 + a * x ** (2 * b)), d, wanted)
    return float(a), float(b)


def _forces(a: float, b: float) -> tuple[np.ndarray, np.ndarray]:
    """The two gradients' factors of the difference of places, for the squared distances of the kernels' bins.

    Powers cost more than all the rest of a step; a table with 64 bins to the octave errs by half a per cent,
    which is nothing beside the randomness of the descent.
    """
    from timbrespace.latent.maps.umap_kernels import bin_centres

    u = bin_centres()
    pull = -2 * a * b * u ** (b - 1) / (1 + a * u**b)
    push = 2 * b / ((0.001 + u) * (1 + a * u**b))
    return pull.astype(np.float32), push.astype(np.float32)
