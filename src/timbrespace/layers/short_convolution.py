"""Convolutions of a few steps as products of matrices: the form in which they are fast while sound is played."""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

M = TypeVar("M", bound=nn.Module)


class ShortConv1d(nn.Module):
    """What an :class:`~torch.nn.Conv1d` with zero padding computes, as one product for all steps.

    Libraries cut convolutions for long signals; for one to eight steps at a time a product with the weight as a matrix
    (channel * kernel, out) is several times faster. Groups are allowed where each channel is its own.
    """

    weight: Tensor

    def __init__(self, layer: nn.Conv1d) -> None:
        super().__init__()
        (self.kernel_size,), (self.stride,), (self.dilation,) = layer.kernel_size, layer.stride, layer.dilation
        self.padding = int(layer.padding[0])
        self.depthwise = layer.groups > 1
        weight = layer.weight.detach()
        self.register_buffer("weight", weight[:, 0].clone() if self.depthwise else weight.flatten(1).T.contiguous())
        self.register_buffer("bias", None if layer.bias is None else layer.bias.detach().clone())
        self.bias: Tensor | None

    def forward(self, x: Float[Tensor, "batch channel step"]) -> Float[Tensor, "batch out steps"]:
        if self.padding:
            x = F.pad(x, (self.padding, self.padding))
        span = self.dilation * (self.kernel_size - 1) + 1
        steps = int((x.shape[2] - span) // self.stride + 1)
        last = (steps - 1) * self.stride + 1
        taps = [x[:, :, i * self.dilation :][:, :, : last : self.stride] for i in range(self.kernel_size)]
        # (batch, channel, kernel) where there is one step, which is what x holds already
        columns = x[:, :, :: self.dilation] if steps == 1 else torch.stack(taps, dim=3)
        if self.depthwise:
            y = (columns * (self.weight if steps == 1 else self.weight[:, None])).sum(dim=-1, keepdim=steps == 1)
            return y if self.bias is None else y + self.bias[:, None]
        if steps == 1:
            y = columns.flatten(1) @ self.weight
            return (y if self.bias is None else y + self.bias)[:, :, None]
        y = columns.transpose(1, 2).flatten(2) @ self.weight
        return (y if self.bias is None else y + self.bias).transpose(1, 2)


class ShortConvTranspose1d(nn.Module):
    """What an :class:`~torch.nn.ConvTranspose1d` computes whose kernel is a whole number of strides.

    One product (in, kernel * out) for all steps; then what reaches into the steps after is added there.
    """

    weight: Tensor

    def __init__(self, layer: nn.ConvTranspose1d) -> None:
        super().__init__()
        (self.kernel_size,), (self.stride,) = layer.kernel_size, layer.stride
        self.padding = int(layer.padding[0])
        self.out = layer.out_channels
        weight = layer.weight.detach()  # (in, out, kernel)
        self.register_buffer("weight", weight.permute(0, 2, 1).flatten(1).contiguous())
        self.register_buffer("bias", None if layer.bias is None else layer.bias.detach().clone())
        self.bias: Tensor | None

    def forward(self, x: Float[Tensor, "batch channel step"]) -> Float[Tensor, "batch out steps"]:
        rows = x.transpose(1, 2).reshape(-1, x.shape[1])
        spoken = (rows @ self.weight).reshape(x.shape[0], x.shape[2], self.kernel_size // self.stride, -1)
        parts = spoken.shape[2]
        # (batch, step, part, stride * out): part p of a step belongs p strides later
        y = sum((F.pad(spoken[:, :, p], (0, 0, p, parts - 1 - p)) for p in range(parts)), start=torch.zeros(()))
        y = y.reshape(y.shape[0], -1, self.out)
        y = y[:, self.padding : y.shape[1] - self.padding]
        return (y if self.bias is None else y + self.bias).transpose(1, 2)


def with_short_convolutions(module: M) -> M:
    """A copy of a module whose convolutions are products; for evaluation alone, its weights are no parameters."""
    copied = copy.deepcopy(module)
    for parent in list(copied.modules()):
        for name, child in list(parent.named_children()):
            short = _short(child)
            if short is not None:
                setattr(parent, name, short.train(child.training))
    return copied


def _short(layer: nn.Module) -> nn.Module | None:
    """The layer as products, where that is known to be the same."""
    if isinstance(layer, nn.Conv1d) and layer.padding_mode == "zeros" and not isinstance(layer.padding, str):
        return ShortConv1d(layer) if layer.groups in (1, layer.out_channels) and _single(layer) else None
    if isinstance(layer, nn.ConvTranspose1d):
        plain = layer.groups == 1 and layer.dilation == (1,) and layer.output_padding == (0,)
        return ShortConvTranspose1d(layer) if plain and layer.kernel_size[0] % layer.stride[0] == 0 else None
    return None


def _single(layer: nn.Conv1d) -> bool:
    """Whether grouped channels are each their own group, with one output."""
    return layer.groups == 1 or layer.in_channels == layer.out_channels
