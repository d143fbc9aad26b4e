"""A plain residual convolution in two dimensions."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from timbrespace.layers.activation import Activation, activation


class ResidualConv2d(nn.Module):
    """``y = x + W2 a(conv3x3(a(x)))`` with an activation ``a``; starts as the identity.

    (He et al., "Identity Mappings in Deep Residual Networks", 2016, https://arxiv.org/abs/1603.05027.)
    ``batch_norm`` normalises before both activations, as they do.
    """

    def __init__(self, channels: int, *, activation_name: Activation, batch_norm: bool = False) -> None:
        super().__init__()
        norms: list[nn.Module] = [nn.BatchNorm2d(channels) if batch_norm else nn.Identity() for _ in range(2)]
        self.branch = nn.Sequential(
            norms[0],
            activation(activation_name),
            nn.Conv2d(channels, channels, 3, padding=1, bias=not batch_norm),
            norms[1],
            activation(activation_name),
            nn.Conv2d(channels, channels, 1),
        )
        for parameter in self.branch[-1].parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Float[Tensor, "batch channel feature frame"]) -> Float[Tensor, "batch channel feature frame"]:
        return x + self.branch(x)
