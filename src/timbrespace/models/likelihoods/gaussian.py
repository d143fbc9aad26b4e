"""Gaussian noise around the decoder's output."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from torch import nn

from timbrespace.core.knob import Knob
from timbrespace.core.shapes import Frames, PerExample
from timbrespace.models.likelihoods.base import Likelihood, Parameters


class Gaussian(Likelihood):
    """``-log p(x) = sum((x - y)^2 / (2 s^2) + log s + log(2 pi) / 2)`` with one deviation ``s`` for all cells.

    ``sigma`` fixes ``s`` in units of the (normalised) frames; ``None`` learns it, starting from 1, which
    balances reconstruction against regularisation by itself (Rybkin, Daniilidis, Levine, "Simple and
    Effective VAE Training with Calibrated Decoders", 2021, https://arxiv.org/abs/2006.13202).
    """

    def __init__(self, *, sigma: Annotated[float | None, Knob(1e-4, 1e4)] = 1.0) -> None:
        super().__init__()
        self.sigma = sigma
        self.log_sigma = nn.Parameter(
            torch.tensor(0.0 if sigma is None else math.log(sigma)), requires_grad=sigma is None
        )

    @property
    def n_parameters(self) -> int:
        return 1

    def negative_log_likelihood(self, parameters: Parameters, target: Frames) -> PerExample:
        scaled = (parameters - target) * (-self.log_sigma).exp()
        return (0.5 * scaled.square() + self.log_sigma + 0.5 * math.log(2 * math.pi)).sum(dim=(1, 2, 3))

    def mean(self, parameters: Parameters) -> Frames:
        return parameters

    def parameters_of(self, mean: Frames) -> Parameters:
        return mean

    def sample(self, parameters: Parameters, *, generator: torch.Generator) -> Frames:
        noise = torch.randn(parameters.shape, generator=generator, device=parameters.device, dtype=parameters.dtype)
        return parameters + self.log_sigma.exp() * noise
