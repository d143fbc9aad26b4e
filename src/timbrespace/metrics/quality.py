"""How good generated examples are, judged by features beside those of real ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from timbrespace.core.errors import ParameterError

PAIRS_AT_ONCE = 1 << 21
"""Distances held at once: 16 MiB."""

# Axes without names: that both have as many features is checked here, in words.
Features = Float[Tensor, "_example _feature"]


def frechet_distance(a: Features, b: Features) -> float:
    """Fréchet distance of the Gaussians fitted to ``a`` (n, f) and ``b`` (m, f), in the features' unit squared.

    ``|mean_a - mean_b|² + tr A + tr B - 2 tr (A B)^(1/2)`` with the covariances A and B; singular ones are fine. It is
    too large by an amount that falls with n and m: compare distances at equal sizes.
    (D. C. Dowson, B. V. Landau, "The Fréchet distance between multivariate normal distributions", 1982,
    https://doi.org/10.1016/0047-259X(82)90077-X; M. Heusel and others, "GANs trained by a two time-scale update
    rule", 2017, https://arxiv.org/abs/1706.08500.)
    """
    _check(a, b, least=2)
    shift = (a.double().mean(0) - b.double().mean(0)).square().sum()
    r, s = _root(a), _root(b)
    # With A = RᵀR and B = SᵀS the eigenvalues of AB are the squared singular values of R Sᵀ: nothing is squared, so
    # nothing small is lost, and no root is taken of a product that is not symmetric.
    overlap = torch.linalg.svdvals(r @ s.T).sum()
    return max(0.0, float(shift + r.square().sum() + s.square().sum() - 2 * overlap))


def _root(x: Tensor) -> Tensor:
    """R (least of example and feature, feature), with ``RᵀR`` the covariance of ``x`` (example, feature)."""
    centred = x.detach().double() - x.detach().double().mean(0)
    return torch.linalg.qr(centred, mode="r").R / (len(x) - 1) ** 0.5


@dataclass(frozen=True)
class Quality:
    """How far generated examples lie where real ones do (precision, density), and how much of these they reach.

    All lie between 0 and 1 but ``density``, which may exceed 1 and is 1 on average for examples as good as real.
    """

    precision: float
    recall: float
    density: float
    coverage: float


def precision_recall_density_coverage(real: Features, generated: Features, *, neighbours: int = 5) -> Quality:
    """Precision, recall, density and coverage of ``generated`` (m, f) beside ``real`` (n, f).

    Around each example a ball reaches to the k-th nearest other of its own kind, its surface included. Precision is the
    share of generated examples in any real ball, recall the share of real ones in any generated ball, density the
    number of real balls around a generated example over k, coverage the share of real balls with a generated example.
    All but coverage's shares depend on n and m: compare at equal sizes.
    (T. Kynkäänniemi and others, "Improved precision and recall metric for assessing generative models", 2019,
    https://arxiv.org/abs/1904.06991; M. F. Naeem and others, "Reliable fidelity and diversity metrics for generative
    models", 2020, https://arxiv.org/abs/2002.09797.)
    """
    if neighbours < 1:
        raise ParameterError(f"'neighbours' is {neighbours}; give 1 or more, usually 5.")
    _check(real, generated, least=neighbours + 1)
    centre = real.detach().double().mean(0)
    x, y = real.detach().double() - centre, generated.detach().double() - centre
    of_x, of_y = _reach(x, neighbours), _reach(y, neighbours)
    fits = torch.zeros(len(y), dtype=torch.bool, device=y.device)
    found = covered = balls = 0
    for rows, squared in _squared_distances(x, y):
        in_real, in_generated = squared <= of_x[rows, None], squared <= of_y
        fits |= in_real.any(0)
        balls += int(in_real.count_nonzero())
        covered += int(in_real.any(1).sum())
        found += int(in_generated.any(1).sum())
    return Quality(
        precision=float(fits.double().mean()),
        recall=found / len(x),
        density=balls / (neighbours * len(y)),
        coverage=covered / len(x),
    )


def _reach(x: Tensor, neighbours: int) -> Tensor:
    """Squared distance of each row of ``x`` to its ``neighbours``-th nearest other."""
    reach = []
    for rows, squared in _squared_distances(x, x):
        squared.diagonal(offset=rows.start).fill_(torch.inf)  # no example is its own neighbour
        reach.append(squared.topk(neighbours, dim=1, largest=False).values[:, -1])
    return torch.cat(reach)


def _squared_distances(x: Tensor, y: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Squared distances of ``y`` from ``x``, for as many rows of ``x`` at once as fit in memory."""
    of_x, of_y = x.square().sum(1), y.square().sum(1)
    rows = max(1, PAIRS_AT_ONCE // len(y))
    for first in range(0, len(x), rows):
        block = slice(first, min(first + rows, len(x)))
        squared = torch.addmm(of_y, x[block], y.T, alpha=-2.0).add_(of_x[block, None])
        yield block, squared.clamp_min_(0.0)


def _check(a: Tensor, b: Tensor, *, least: int) -> None:
    if a.shape[1] != b.shape[1]:
        raise ParameterError(f"The examples have {a.shape[1]} and {b.shape[1]} features; give them the same.")
    if min(len(a), len(b)) < least:
        raise ParameterError(f"There are {len(a)} and {len(b)} examples; give {least} or more of each.")
    if not (a.isfinite().all() and b.isfinite().all()):
        raise ParameterError("The features hold NaN or infinity; look for the example that the classifier cannot read.")
