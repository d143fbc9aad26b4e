"""How far two samples of points lie apart as distributions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from timbrespace.core.errors import ParameterError
from timbrespace.core.shapes import Scalar
from timbrespace.metrics.kernels.base import Kernel

ROWS_AT_ONCE = 128
"""Points met with all others at once: enough for fast matrix products, few enough for a processor's cache."""
PROJECTIONS_AT_ONCE = 32

# Axes without names: that both have as many coordinates is checked here, in words.
Points = Float[Tensor, "_point _coordinate"]


def mmd(x: Points, y: Points, kernel: Kernel, *, variance: float = 1.0) -> Scalar:
    """Squared maximum mean discrepancy of ``x`` (n, d) and ``y`` (m, d): an estimate without bias.

    ``sum_{i≠j} k(x_i, x_j) / (n (n - 1)) + sum_{i≠j} k(y_i, y_j) / (m (m - 1)) - 2 sum_{ij} k(x_i, y_j) / (n m)``,
    without a unit: zero on average, so often a little below, where both come from one distribution. ``variance`` is
    that of one coordinate, the unit in which ``kernel`` measures squared distance.

    Differentiable once with respect to both; the gradient is analytic, and memory grows with n + m, not with pairs.
    (A. Gretton, K. M. Borgwardt, M. J. Rasch, B. Schölkopf, A. Smola, "A kernel two-sample test", 2012, lemma 6,
    https://jmlr.org/papers/v13/gretton12a.html.)
    """
    _same_coordinates(x, y)
    if min(len(x), len(y)) < 2:
        raise ParameterError(f"MMD compares pairs within a sample; give 2 points or more, not {len(x)} and {len(y)}.")
    if not variance > 0:
        raise ParameterError(f"MMD's 'variance' is {variance}; give that of one coordinate, a number above 0.")
    result: Tensor = _Mmd.apply(x, y, kernel, variance)  # type: ignore[no-untyped-call]  # torch's own
    return result


class _Mmd(torch.autograd.Function):
    """The statistic, with its gradient computed along with it: the distances are needed for both and then forgotten."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, kernel: Kernel, variance: float) -> Tensor:
        # Half precision holds the points well enough, but not differences of their squares.
        dtype = torch.promote_types(torch.promote_types(x.dtype, y.dtype), torch.float32)
        n, (of_x, of_y) = len(x), ctx.needs_input_grad[:2]
        with torch.autocast(x.device.type, enabled=False):
            a, b = x.to(dtype), y.to(dtype)
            value, gradient = _pairs(a, b, kernel, variance, rows=n + len(y) if of_y else n if of_x else 0)
            rest, more = _pairs(b, b[:0], kernel, variance, rows=len(y) if of_y else 0)
        ctx.save_for_backward(
            gradient[:n].to(x.dtype) if of_x else None,
            (gradient[n:] + more).to(y.dtype) if of_y else None,
        )
        return (value + rest).to(dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, ...]:
        scaled = (None if gradient is None else gradient * upstream[0] for gradient in ctx.saved_tensors)
        return *scaled, None, None


def _pairs(own: Tensor, others: Tensor, kernel: Kernel, variance: float, *, rows: int) -> tuple[Tensor, Tensor]:
    """The terms of pairs within ``own`` and of these points with ``others``, and the gradient for the first ``rows``.

    Blocks of rows meet themselves and all points behind them, so that each pair is met once. With ``c_ij`` the weight
    of a pair, ``u_ij = |z_i - z_j|² / (2 d v)`` and ``s_ij = k'(u_ij)``, the gradient for ``z_i`` is
    ``(1 / d v) (z_i sum_j c_ij s_ij - sum_j c_ij s_ij z_j)``: one product of s with the points beside a column of ones
    gives both sums.
    """
    # Distances do not change with the origin, but those of points far away from it, and close together, lose digits.
    z = torch.cat([own, others]) - own.mean(0)
    (count, d), n = z.shape, len(own)
    unit = 1.0 / (d * variance)
    squares, ones = z.square().sum(1, keepdim=True) * (0.5 * unit), z.new_ones((count, 1))
    left, right = torch.cat([z * -unit, squares, ones], 1), torch.cat([z, ones, squares], 1)
    points, pull = right[:, : d + 1], z.new_zeros((rows, d + 1))
    within, across = 2.0 / (n * (n - 1)), -2.0 / (n * max(1, count - n))
    total = z.new_zeros((), dtype=torch.float64)
    for begin in range(0, n, ROWS_AT_ONCE):
        end = min(begin + ROWS_AT_ONCE, n)
        u = (left[begin:end] @ right[begin:].T).clamp_min_(0.0)
        if rows:
            value, slope = kernel.value_and_slope(u)
            slope.diagonal().zero_()
            _pull(pull, points, slope, begin, ((begin, n, within), (n, count, across)))
        else:
            value = kernel.value(u)
        value.diagonal().zero_()
        # In the square of the block with itself each pair is met in both orders.
        for start, stop, weight in ((begin, end, within / 2), (end, n, within), (n, count, across)):
            if start < stop:
                total.add_(value[:, start - begin : stop - begin].sum(), alpha=weight)
    return total, (pull[:, d:] * z[:rows] - pull[:, :d]) * unit if rows else pull[:, :d]


def _pull(pull: Tensor, points: Tensor, slope: Tensor, begin: int, stretches: Sequence[tuple[int, int, float]]) -> None:
    """Add to ``pull`` what a block of rows from ``begin`` feels of all ``points`` behind, and these of the block.

    ``slope`` (row, point from ``begin`` on) has one weight in each of ``stretches`` (first point, end, weight).
    """
    end = begin + len(slope)
    for start, stop, weight in stretches:
        if start < stop:
            pull[begin:end].addmm_(slope[:, start - begin : stop - begin], points[start:stop], alpha=weight)
        after, last = max(start, end), min(stop, len(pull))
        if after < last:
            pull[after:last].addmm_(slope[:, after - begin : last - begin].T, points[begin:end], alpha=weight)


def sliced_wasserstein(x: Points, y: Points, *, n_projections: int = 500, generator: torch.Generator) -> float:
    """Sliced 2-Wasserstein distance of ``x`` (n, d) and ``y`` (m, d), in their unit.

    ``(mean_w integral_0^1 (F_x,w^-1(q) - F_y,w^-1(q))² dq)^(1/2)`` over directions w drawn evenly from the sphere, F
    the distribution of the points along w: exact along each direction, also where n is not m. Two samples of one
    distribution are some way apart, the less the larger they are: compare distances at equal n and m.
    (N. Bonneel, J. Rabin, G. Peyré, H. Pfister, "Sliced and Radon Wasserstein barycenters of measures", 2015,
    https://doi.org/10.1007/s10851-014-0506-3.)
    """
    _same_coordinates(x, y)
    if not len(x) or not len(y) or n_projections < 1:
        raise ParameterError(
            f"The sliced Wasserstein distance needs points and directions, not {len(x)} and {len(y)} points along"
            f" {n_projections}."
        )
    a, b = x.detach().double(), y.detach().double()
    directions = torch.randn(a.shape[1], n_projections, generator=generator, dtype=torch.float64, device=a.device)
    directions /= torch.linalg.vector_norm(directions, dim=0)
    of_x, of_y, width = _common_quantiles(len(x), len(y), device=a.device)
    total = 0.0
    for w in directions.split(PROJECTIONS_AT_ONCE, dim=1):
        along_x, along_y = (w.T @ a.T).sort().values, (w.T @ b.T).sort().values
        total += float((along_x[:, of_x] - along_y[:, of_y]).square().sum(0) @ width)
    return (total / n_projections) ** 0.5


def _common_quantiles(n: int, m: int, *, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Ranks in samples of n and m, and widths of the stretches of (0, 1) on which both quantile functions are flat."""
    steps_x = torch.arange(1, n + 1, device=device) * m  # in units of 1 / (n m), so that equal ones are equal
    steps_y = torch.arange(1, m + 1, device=device) * n
    ends = torch.cat([steps_x, steps_y]).unique()
    begins = torch.cat([ends.new_zeros(1), ends[:-1]])
    return begins // m, begins // n, (ends - begins).double() / (n * m)


def _same_coordinates(x: Tensor, y: Tensor) -> None:
    if x.shape[1] != y.shape[1]:
        raise ParameterError(f"The samples have {x.shape[1]} and {y.shape[1]} coordinates; give them the same.")
