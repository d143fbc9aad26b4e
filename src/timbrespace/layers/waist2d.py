"""From a map of channels to one vector, or one per cell, and back: the narrow middle of an image network."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from timbrespace.layers.activation import Activation
from timbrespace.layers.perceptron import dense_layer

Map = Float[Tensor, "batch channel feature frame"]


class ChannelsLast(nn.Module):
    """The same values, laid out cell by cell as the convolutions of CPUs like them (up to 1.4 times faster)."""

    def forward(self, x: Map) -> Map:
        return x.contiguous(memory_format=torch.channels_last)


def map_to_steps(
    channels: int,
    size: tuple[int, int],
    n_out: int,
    *,
    dense: int | None,
    activation_name: Activation,
    batch_norm: bool = False,
) -> nn.Sequential:
    """From (batch, ``channels``, height, width) to (batch, ``n_out``, step).

    One step over a layer of ``dense`` units; with None one per cell, row by row, each read from its cell alone.
    """
    if dense is None:
        return nn.Sequential(nn.Conv2d(channels, n_out, 1), nn.Flatten(2))
    hidden = dense_layer(channels * size[0] * size[1], dense, activation_name=activation_name, batch_norm=batch_norm)
    return nn.Sequential(nn.Flatten(), *hidden, nn.Linear(dense, n_out), nn.Unflatten(1, (n_out, 1)))


def steps_to_map(
    n_in: int,
    channels: int,
    size: tuple[int, int],
    *,
    dense: int | None,
    activation_name: Activation,
    batch_norm: bool = False,
) -> nn.Sequential:
    """The mirror of :func:`map_to_steps`: from (batch, ``n_in``, step) to (batch, ``channels``, height, width)."""
    if dense is None:
        return nn.Sequential(nn.Unflatten(2, size), ChannelsLast(), nn.Conv2d(n_in, channels, 1))
    hidden = dense_layer(n_in, dense, activation_name=activation_name, batch_norm=batch_norm)
    unflat = nn.Unflatten(1, (channels, *size))
    return nn.Sequential(nn.Flatten(), *hidden, nn.Linear(dense, channels * size[0] * size[1]), unflat, ChannelsLast())
