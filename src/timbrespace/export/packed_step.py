"""A live step with its whole state in one tensor: the form in which TorchScript keeps it in a buffer."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from timbrespace.layers.live_step import LiveStep


class PackedStep(nn.Module):
    """``y, state = step(x, state)`` with the state of a :class:`LiveStep` as one tensor (batch, number).

    Where there are counters among it, whole numbers, all is kept in double precision, which is exact for both.
    """

    def __init__(self, step: LiveStep) -> None:
        super().__init__()
        self.step = step
        initial = step.initial()
        self.shapes = [tuple(t.shape) for t in initial]
        self.dtypes = [t.dtype for t in initial]
        counts = any(not t.is_floating_point() for t in initial)
        self.dtype = torch.float64 if counts else torch.float32

    def initial(self) -> Tensor:
        """The state before the first step, (1, number)."""
        return self.pack(self.step.initial())

    def pack(self, state: Sequence[Tensor]) -> Tensor:
        """The state of one sound as one tensor (1, number)."""
        rows = [t.reshape(1, -1).to(self.dtype) for t in state]
        return torch.cat(rows, dim=1) if rows else torch.zeros(1, 0)

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        sizes = [math.prod(shape) for shape in self.shapes]
        parts = [
            part.to(dtype).reshape(-1, *shape[1:])
            for part, shape, dtype in zip(state.split(sizes, dim=1), self.shapes, self.dtypes, strict=True)
        ]
        y, *after = self.step(x, *parts)
        rows = [t.reshape(-1, size).to(self.dtype) for t, size in zip(after, sizes, strict=True)]
        return y, torch.cat(rows, dim=1) if rows else state


def trace_step(step: LiveStep, example: Tensor) -> tuple[torch.jit.ScriptModule, Tensor]:
    """A step, packed and traced for inputs of the size of ``example`` (1, ...), and its initial state.

    For one sound at a time: tracing would take the size of a larger batch for a constant here and there.
    """
    packed = PackedStep(step).eval()
    with torch.no_grad(), quiet_torchscript():
        return torch.jit.trace(packed, (example, packed.initial()), check_trace=False), packed.initial()


class quiet_torchscript(warnings.catch_warnings):  # noqa: N801  # used like the function it extends
    """Within, torch does not say that TorchScript is deprecated (nn~ reads nothing else), nor that constants of the
    step are traced as constants, which is what is meant.
    """

    def __enter__(self) -> None:
        super().__enter__()
        warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*torch.jit.*")
        tracer = torch.jit.TracerWarning  # type: ignore[attr-defined]  # it is there
        warnings.filterwarnings("ignore", category=tracer)
