"""t-SNE: every point keeps its nearest neighbours, whatever becomes of the rest."""

from __future__ import annotations

import math
import warnings
from typing import Annotated, final

import numpy as np
import torch

from timbrespace.core.knob import Knob
from timbrespace.core.seeds import derived_seed
from timbrespace.latent.maps.base import MapMethod, Vectors
from timbrespace.latent.maps.neighbours import nearest_neighbours
from timbrespace.latent.maps.planes import Plane

FFT_FROM = 5000
"""From so many points on the repulsion is interpolated on a grid (its cost grows with n), below summed by a tree."""
START = 1e-4


@final
class Tsne(MapMethod):
    """t-distributed stochastic neighbour embedding (L. van der Maaten and G. Hinton 2008) by openTSNE.

    The start is the principal plane with standard deviation 1e-4 (D. Kobak and P. Berens, "The art of using t-SNE",
    2019); ``perplexity`` is the effective number of neighbours, at most a third of the other points. Neighbours are
    exact; openTSNE (P. Poličar and others 2019) does the rest on one thread: from 5000 points on FIt-SNE's
    interpolation (G. Linderman and others 2019), below Barnes and Hut's tree.
    """

    def __init__(
        self,
        *,
        perplexity: Annotated[float, Knob(1.0, 200.0)] = 30.0,
        iterations: Annotated[int, Knob(1, 10_000)] = 500,
    ) -> None:
        self.perplexity = perplexity
        self.iterations = iterations

    def _layout(self, vectors: Vectors, flat: Plane, *, seed: int) -> Plane:
        from openTSNE import TSNE
        from openTSNE.affinity import PerplexityBasedNN
        from openTSNE.nearest_neighbors import PrecomputedNeighbors

        perplexity = min(self.perplexity, (len(vectors) - 1) / 3)
        distances, near = nearest_neighbours(vectors, min(len(vectors) - 1, math.ceil(3 * perplexity)))
        index = PrecomputedNeighbors(near.numpy(), distances.double().numpy())
        draw = derived_seed(seed, "tsne") % 2**32
        start = flat.double().numpy()
        start = start * (START / start[:, 0].std())
        start += np.random.default_rng(draw).normal(scale=START * 1e-2, size=start.shape)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"openTSNE(\..*)?")  # on perplexity and parallelism, both chosen
            affinities = PerplexityBasedNN(perplexity=perplexity, knn_index=index, n_jobs=1)
            places = TSNE(
                n_iter=self.iterations,
                initialization=start,
                negative_gradient_method="fft" if len(vectors) >= FFT_FROM else "bh",
                n_jobs=1,
                random_state=draw,
            ).fit(affinities=affinities)
        return torch.from_numpy(np.asarray(places)).float()
