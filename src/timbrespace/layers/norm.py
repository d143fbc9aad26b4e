"""Layer normalisation over the channels of (batch, channel, step)."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn


class ChannelNorm(nn.Module):
    """Zero mean and unit variance over the channels at each step, then a learned gain and bias.

    (Ba, Kiros, Hinton, "Layer Normalization", 2016, https://arxiv.org/abs/1607.06450.)
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Float[Tensor, "batch channel step"]) -> Float[Tensor, "batch channel step"]:
        return self.norm(x.transpose(1, 2)).transpose(1, 2)
