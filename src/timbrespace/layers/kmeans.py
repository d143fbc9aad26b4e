"""k-means: codes that lie where vectors are."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from timbrespace.core.errors import DataError
from timbrespace.layers.codebook import gathered, nearest

PROPOSALS = 48
"""Codes proposed at a time: one matrix product per so many, and still most of them accepted."""

PRODUCTS = 1 << 18
"""Scalar products worked out at a time, so that they stay in cache."""

ROUNDING = 1e-6
"""Squared distances below this share of the largest squared norm are rounding of the matrix product: none at all."""


@torch.no_grad()
def kmeans(
    vectors: Float[Tensor, "n latent"],
    n_codes: int,
    *,
    generator: torch.Generator,
    n_iterations: int = 10,
    relaxation: float = 1.8,
) -> Float[Tensor, "code latent"]:
    """Codes with a small mean squared distance from each vector to the nearest one.

    Starts from :func:`spread_out` and takes at most ``n_iterations`` steps, until no vector changes its code: each
    vector to its nearest code, and each code towards the mean of its vectors, ``relaxation`` times the way there. With
    1 these are Lloyd's steps; up to 2 the error cannot rise either, and 1.8 is far ahead after ten. The last step goes
    just to the means. A code that has lost all its vectors moves to one of those that lie farthest from theirs.
    With fewer different vectors than codes, some codes are equal.

    (Lloyd, "Least Squares Quantization in PCM", 1982, https://doi.org/10.1109/TIT.1982.1056489; Lee, Baek & Sung,
    "Modified K-means Algorithm for Vector Quantizer Design", 1997.)

    Raises :class:`DataError` for no vectors, or for values that are not finite.
    """
    if not len(vectors) or not torch.isfinite(vectors).all():
        what = "values that are not finite" if len(vectors) else "no vectors"
        raise DataError(f"k-means was given {what}; it needs at least one vector of finite numbers.")
    centre = vectors.mean(dim=0)
    vectors = vectors - centre
    codebook = vectors[spread_out(vectors, n_codes, generator=generator)]
    codes: Tensor | None = None
    for step in range(n_iterations):
        before, codes = codes, nearest(vectors, codebook)
        settled = before is not None and torch.equal(before, codes)
        codebook = _moved(vectors, codes, codebook, 1.0 if settled or step == n_iterations - 1 else relaxation)
        if settled:
            break
    return codebook + centre


def _moved(vectors: Tensor, codes: Tensor, codebook: Tensor, relaxation: float) -> Tensor:
    """Each code moved towards the mean of its vectors; codes without any at the vectors farthest from their codes."""
    counts, sums = gathered(vectors, codes, len(codebook))
    empty = torch.nonzero(counts == 0).flatten()
    moved = codebook + relaxation * (sums / counts.clamp_min(1)[:, None] - codebook)
    if len(empty):
        far = (vectors - codebook[codes]).square().sum(dim=1).argsort(descending=True, stable=True)[: len(empty)]
        moved[empty[: len(far)]] = vectors[far]
        moved[empty[len(far) :]] = vectors[0]
    return moved


@torch.no_grad()
def spread_out(vectors: Float[Tensor, "n latent"], n_codes: int, *, generator: torch.Generator) -> Int[Tensor, " code"]:
    """Indices of ``n_codes`` vectors drawn by k-means++: each with a probability that is proportional to its squared
    distance to the nearest of those before it; at random once every vector is among them.

    Exact, but several at a time: proposals are drawn from the distances as they were when the round began, and one of
    them is accepted with the probability now / then, which leaves the distribution by the distances of now.
    (Arthur & Vassilvitskii, "k-means++: The Advantages of Careful Seeding", 2007; rejection as in Cohen-Addad et al.,
    "Fast and Accurate k-means++ via Rejection Sampling", 2020, https://arxiv.org/abs/2012.11891.)
    """
    squares = vectors.square().sum(dim=1)
    nothing = ROUNDING * float(squares.max())
    chosen = [int(_uniform(1, generator)[0] * len(vectors))]
    distances = _squared_distances(vectors, squares, chosen, nothing)
    while len(chosen) < n_codes and float(distances.max()) > 0:
        proposals, dice = _proposals(distances.cpu().numpy(), generator)
        new = _accepted(vectors, distances, proposals, dice, nothing)[: n_codes - len(chosen)]
        distances = torch.minimum(distances, _squared_distances(vectors, squares, new, nothing))
        chosen += new
    chosen += [int(u * len(vectors)) for u in _uniform(n_codes - len(chosen), generator)]
    return torch.tensor(chosen[:n_codes], device=vectors.device)


def _proposals(distances: np.ndarray, generator: torch.Generator) -> tuple[list[int], np.ndarray]:
    """Indices drawn in proportion to ``distances``, and a number in [0, 1) for each."""
    cumulative = np.cumsum(distances, dtype=np.float64)
    draws, dice = _uniform(2 * PROPOSALS, generator).reshape(2, -1)
    found = np.searchsorted(cumulative, draws * cumulative[-1], side="right")
    return [int(i) for i in np.minimum(found, len(distances) - 1)], dice


def _accepted(vectors: Tensor, distances: Tensor, proposals: list[int], dice: np.ndarray, nothing: float) -> list[int]:
    """The proposals that stand: the first, and each later one with the probability (distance now) / (distance then)."""
    rows = vectors[proposals].double()
    between = torch.cdist(rows, rows).square().cpu().numpy()
    between[between <= nothing] = 0.0
    then = distances[proposals].cpu().numpy().astype(np.float64)
    now, new = then.copy(), []
    for i, proposal in enumerate(proposals):
        if dice[i] * then[i] < now[i]:
            new.append(proposal)
            np.minimum(now, between[i], out=now)
    return new


def _squared_distances(vectors: Tensor, squares: Tensor, chosen: list[int], nothing: float) -> Tensor:
    """Squared distance of each vector to the nearest of the chosen ones; those within rounding are 0."""
    codes = vectors[chosen]
    offset = -0.5 * squares[chosen][:, None]
    size = max(1, PRODUCTS // len(chosen))
    best = [torch.addmm(offset, codes, block.T).amax(dim=0) for block in vectors.split(size)]
    distances = squares - 2.0 * torch.cat(best)
    return torch.where(distances > nothing, distances, 0.0)


def _uniform(n: int, generator: torch.Generator) -> np.ndarray:
    """``n`` numbers in [0, 1) in double precision."""
    return torch.rand(n, generator=generator, device=generator.device, dtype=torch.float64).cpu().numpy()
