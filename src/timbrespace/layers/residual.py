"""A plain residual convolution in one dimension."""

from __future__ import annotations

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from timbrespace.layers.memory import Memory, with_surroundings


class ResidualConv(nn.Module):
    """``y = x + W2 gelu(conv(gelu(x)))`` with a dilated convolution; starts as the identity.

    (He et al., "Identity Mappings in Deep Residual Networks", 2016, https://arxiv.org/abs/1603.05027.) A ``causal``
    one reads no step before its time, and can then run with a :class:`~timbrespace.layers.memory.Memory`.
    """

    def __init__(self, channels: int, *, kernel_size: int = 3, dilation: int = 1, causal: bool = False) -> None:
        super().__init__()
        self.reach, self.causal = dilation * (kernel_size - 1), causal
        self.mix = nn.Conv1d(channels, channels, kernel_size, dilation=dilation)
        self.out = nn.Conv1d(channels, channels, 1)
        for parameter in self.out.parameters():
            nn.init.zeros_(parameter)

    def forward(
        self, x: Float[Tensor, "batch channel step"], memory: Memory | None = None
    ) -> Float[Tensor, "batch channel step"]:
        surrounded = with_surroundings(F.gelu(x), self.reach, causal=self.causal, memory=memory)
        return x + self.out(F.gelu(self.mix(surrounded)))
