"""A kernel says how alike two points are."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor

from timbrespace.core.component import Component


class Kernel(Component):
    """A positive definite function of distance alone: ``k(x, y) = k(u)``, which falls as ``u`` grows.

    ``u = |x - y|² / (2 d v)`` is the squared distance in units of what two draws from a distribution with
    variance ``v`` in each of ``d`` coordinates are expected to have, so that one setting fits any dimension.
    It is positive definite for points of any dimension exactly where ``k(u)`` is a mixture of ``exp(-t u)``, ``t >= 0``
    (I. J. Schoenberg, "Metric spaces and completely monotone functions", 1938, https://doi.org/10.2307/1968466).
    """

    scales: list[float]

    @abstractmethod
    def value(self, u: Tensor) -> Tensor:
        """``k(u)``, summed over scales and differentiable by autograd; any shape, ``u >= 0``."""

    @abstractmethod
    def value_and_slope(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """``k(u)`` and its derivative ``dk/du`` without a graph, both finite: 0 stands for an infinite slope at 0."""
