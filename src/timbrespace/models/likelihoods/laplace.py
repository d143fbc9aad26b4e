"""Laplace noise around the decoder's output: the absolute error."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from torch import nn

from timbrespace.core.knob import Knob
from timbrespace.core.shapes import Frames, PerExample
from timbrespace.models.likelihoods.base import Likelihood, Parameters


class Laplace(Likelihood):
    """``-log p(x) = sum(|x - y| / b + log(2 b))`` with one ``scale`` b for all cells, in units of the frames.

    The L1 reconstruction term; it forgives single large errors and gives sharper edges than the squared one. The
    deviation is ``sqrt(2) b``. ``None`` learns the scale, which settles at the mean absolute error.
    """

    def __init__(self, *, scale: Annotated[float | None, Knob(1e-4, 1e4)] = 1.0) -> None:
        super().__init__()
        self.scale = scale
        start = 0.0 if scale is None else math.log(scale)
        self.log_scale = nn.Parameter(torch.tensor(start), requires_grad=scale is None)

    @property
    def n_parameters(self) -> int:
        return 1

    def negative_log_likelihood(self, parameters: Parameters, target: Frames) -> PerExample:
        cells = (parameters - target).abs() * (-self.log_scale).exp() + self.log_scale + math.log(2)
        return cells.sum(dim=(1, 2, 3))

    def mean(self, parameters: Parameters) -> Frames:
        return parameters

    def parameters_of(self, mean: Frames) -> Parameters:
        return mean

    def sample(self, parameters: Parameters, *, generator: torch.Generator) -> Frames:
        # The difference of two exponential draws has a Laplace distribution.
        up, down = (torch.empty_like(parameters).exponential_(generator=generator) for _ in range(2))
        return parameters + self.log_scale.exp() * (up - down)
