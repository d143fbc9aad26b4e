"""The ConvNeXt block in one dimension."""

from __future__ import annotations

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from timbrespace.layers.memory import Memory, with_surroundings


class ConvNeXtBlock(nn.Module):
    """Residual block: depth-wise convolution over time, then a two-layer perceptron at each step.

    ``y = x + W2 gelu(W1 norm(depthwise(x)))``. The last layer starts at zero, so that a fresh block is the
    identity and a stack of them starts from whatever it is added to.
    (Liu et al., "A ConvNet for the 2020s", 2022, https://arxiv.org/abs/2201.03545.) A ``causal`` block reads no
    step before its time, and can then run with a :class:`~timbrespace.layers.memory.Memory`.
    """

    def __init__(self, channels: int, *, kernel_size: int = 7, expansion: int = 3, causal: bool = False) -> None:
        super().__init__()
        self.reach, self.causal = kernel_size - 1, causal
        self.depthwise = nn.Conv1d(channels, channels, kernel_size, groups=channels)
        self.norm = nn.LayerNorm(channels)
        self.widen = nn.Linear(channels, expansion * channels)
        self.narrow = nn.Linear(expansion * channels, channels)
        nn.init.zeros_(self.narrow.weight)
        nn.init.zeros_(self.narrow.bias)

    def forward(
        self, x: Float[Tensor, "batch channel step"], memory: Memory | None = None
    ) -> Float[Tensor, "batch channel step"]:
        surrounded = with_surroundings(x, self.reach, causal=self.causal, memory=memory)
        y = self.norm(self.depthwise(surrounded).transpose(1, 2))
        return x + self.narrow(F.gelu(self.widen(y))).transpose(1, 2)
