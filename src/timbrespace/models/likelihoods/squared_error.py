"""The squared error as a reconstruction term."""

from __future__ import annotations

from typing import ClassVar

import torch

from timbrespace.core.shapes import Frames, PerExample
from timbrespace.models.likelihoods.base import Likelihood, Parameters


class SquaredError(Likelihood):
    """``sum((x - y)^2)``: the MSE times the number of cells, as plain and Wasserstein auto-encoders use it.

    It equals a Gaussian's negative log-likelihood with variance 1/2 up to the constant ``log(pi) / 2`` per
    cell; samples are drawn from that Gaussian.
    """

    density: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()

    @property
    def n_parameters(self) -> int:
        return 1

    def negative_log_likelihood(self, parameters: Parameters, target: Frames) -> PerExample:
        return (parameters - target).square().sum(dim=(1, 2, 3))

    def mean(self, parameters: Parameters) -> Frames:
        return parameters

    def parameters_of(self, mean: Frames) -> Parameters:
        return mean

    def sample(self, parameters: Parameters, *, generator: torch.Generator) -> Frames:
        noise = torch.randn(parameters.shape, generator=generator, device=parameters.device, dtype=parameters.dtype)
        return parameters + 0.5**0.5 * noise
