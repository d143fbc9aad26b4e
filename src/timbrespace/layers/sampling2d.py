"""Convolutions that halve or double both axes of an image."""

from __future__ import annotations

from torch import nn

from timbrespace.layers.activation import Activation, activation


def halve(n_in: int, n_out: int, *, bias: bool = True) -> nn.Conv2d:
    """A 4x4 convolution with stride 2: (h, w) becomes (h / 2, w / 2)."""
    return nn.Conv2d(n_in, n_out, 4, stride=2, padding=1, bias=bias)


def double(n_in: int, n_out: int, *, bias: bool = True) -> nn.ConvTranspose2d:
    """The mirror of :func:`halve`: (h, w) becomes (2 h, 2 w); every cell adds to 4x4 cells of the output."""
    return nn.ConvTranspose2d(n_in, n_out, 4, stride=2, padding=1, bias=bias)


def shuffle_double(n_in: int, n_out: int) -> nn.Sequential:
    """A 3x3 convolution to four values per cell and channel, which become 2x2 cells.

    (Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel Convolutional Neural
    Network", 2016, https://arxiv.org/abs/1609.05158.)
    """
    return nn.Sequential(nn.Conv2d(n_in, 4 * n_out, 3, padding=1), nn.PixelShuffle(2))


def finish(channels: int, *, activation_name: Activation, batch_norm: bool = False) -> list[nn.Module]:
    """What follows a convolution: batch normalisation if asked for, and the activation."""
    norm: list[nn.Module] = [nn.BatchNorm2d(channels)] if batch_norm else []
    return [*norm, activation(activation_name)]
