"""A likelihood: what a decoder's output means, and how far it is from the data."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from timbrespace.core.component import Component
from timbrespace.core.shapes import Frames, PerExample

Parameters = Float[Tensor, "batch parameter feature frame"]


class Likelihood(Component, nn.Module):
    """p(frames | decoder output). The decoder gives ``n_parameters`` values for each cell of the frames.

    ``support`` says what a cell can be: any ``"real"`` number, or ``"binary"``, 0 or 1. ``density`` is whether the
    negative log-likelihood is one: whether ``exp(-nll)`` integrates (or sums) to 1 over all frames, so that bounds on
    the likelihood of data may be stated in nats. ``additive`` is whether the value of rows side by side is the sum of
    their values.
    """

    support: ClassVar[Literal["real", "binary"]] = "real"
    density: ClassVar[bool] = True
    additive: ClassVar[bool] = True

    @property
    @abstractmethod
    def n_parameters(self) -> int:
        """Decoder outputs per cell."""

    @abstractmethod
    def negative_log_likelihood(self, parameters: Parameters, target: Frames) -> PerExample:
        """In nats, summed over channels, features and frames."""

    @abstractmethod
    def mean(self, parameters: Parameters) -> Frames:
        """The expected frames."""

    @abstractmethod
    def parameters_of(self, mean: Frames) -> Parameters:
        """Parameters whose :meth:`mean` is ``mean``, or the nearest that are not extreme."""

    @abstractmethod
    def sample(self, parameters: Parameters, *, generator: torch.Generator) -> Frames:
        """Frames drawn from the likelihood."""

    def errors(self, parameters: Parameters, target: Frames) -> tuple[PerExample, PerExample]:
        """What of the target is not explained by the mean, and what there was to explain; sums over cells.

        Their ratio, over all examples, is the unexplained share by which models are judged on the way.
        """
        squared = (self.mean(parameters) - target).square().sum(dim=(1, 2, 3))
        return squared, target.square().sum(dim=(1, 2, 3))

    def provides(self) -> dict[str, Any]:
        return {"n_parameters": self.n_parameters}
