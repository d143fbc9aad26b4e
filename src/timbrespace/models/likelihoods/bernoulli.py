"""Cells that are 0 or 1."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import nn

from timbrespace.core.errors import ParameterError
from timbrespace.core.shapes import Frames, PerExample
from timbrespace.models.likelihoods.base import Likelihood, Parameters

MOST_CERTAIN = 1e-3
"""Probability below which no start is set: an average over a thousand pictures says no more."""


class Bernoulli(Likelihood):
    """``-log p(x) = -sum(x log p + (1 - x) log(1 - p))`` with ``p = sigmoid(y)`` of the decoder's output y.

    Targets between 0 and 1, such as grey values, are allowed: the term then is the cross-entropy, whose mean over
    dynamically binarised data it is, but no log-density (Loaiza-Ganem & Cunningham, "The continuous Bernoulli",
    2019, https://arxiv.org/abs/1907.06845); a likelihood in nats needs binary ones.
    """

    support: ClassVar[Literal["real", "binary"]] = "binary"

    def __init__(self) -> None:
        super().__init__()

    @property
    def n_parameters(self) -> int:
        return 1

    def negative_log_likelihood(self, parameters: Parameters, target: Frames) -> PerExample:
        low, high = target.aminmax()
        if not (low >= 0 and high <= 1):  # not-a-number fails too
            raise ParameterError(
                f"A Bernoulli likelihood needs frames between 0 and 1, not {float(low):.4g} to {float(high):.4g};"
                f" use Gaussian, Laplace or SquaredError for such frames."
            )
        cells = nn.functional.binary_cross_entropy_with_logits(parameters, target, reduction="none")
        return cells.sum(dim=(1, 2, 3))

    def mean(self, parameters: Parameters) -> Frames:
        return parameters.sigmoid()

    def parameters_of(self, mean: Frames) -> Parameters:
        return mean.clamp(MOST_CERTAIN, 1 - MOST_CERTAIN).logit()

    def sample(self, parameters: Parameters, *, generator: torch.Generator) -> Frames:
        return torch.bernoulli(parameters.sigmoid(), generator=generator)
