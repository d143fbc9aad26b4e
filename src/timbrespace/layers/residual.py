"""A plain residual convolution in one dimension."""

from __future__ import annotations

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class ResidualConv(nn.Module):
    """``y = x + W2 gelu(conv(gelu(x)))`` with a dilated convolution; starts as the identity.

    (He et al., "Identity Mappings in Deep Residual Networks", 2016, https://arxiv.org/abs/1603.05027.)
    """

    def __init__(self, channels: int, *, kernel_size: int = 3, dilation: int = 1) -> None:
        super().__init__()
        reach = dilation * (kernel_size // 2)
        self.mix = nn.Conv1d(channels, channels, kernel_size, padding=reach, dilation=dilation)
        self.out = nn.Conv1d(channels, channels, 1)
        for parameter in self.out.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Float[Tensor, "batch channel step"]) -> Float[Tensor, "batch channel step"]:
        return x + self.out(F.gelu(self.mix(F.gelu(x))))
