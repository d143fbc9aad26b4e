"""One step of a live computation as a pure function: what is played, traced and exported are the same thing."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn


class LiveStep(nn.Module, ABC):
    """``y, *state = step(x, *state)``: tensors in, tensors out, nothing kept inside.

    The size of ``x`` along its last axis is the quantum of the step and does not change. Inside there are tensor
    operations only and no branch on values, so that the step can be traced for TorchScript and ONNX; sounds of a
    batch do not see each other. ``latency`` is the number of samples by which the step's output trails what the
    offline computation gives; what comes out before is not defined, but finite.
    """

    latency: int

    @abstractmethod
    def initial(self, batch: int = 1) -> tuple[Tensor, ...]:
        """The state before the first step: zeros of the right shapes, the first axis of each the batch."""

    @abstractmethod
    def forward(self, x: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        """The output of one step and the state after it, in the order of :meth:`initial`."""
