"""Fully connected layers in a row."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import nn

from timbrespace.layers.activation import Activation, activation


def perceptron(widths: Sequence[int], *, activation_name: Activation, batch_norm: bool = False) -> nn.Sequential:
    """Linear layers from ``widths[0]`` values over every width to ``widths[-1]``, with activations between them.

    The last layer stays linear.
    """
    *hidden, n_last, n_out = widths
    layers: list[nn.Module] = []
    for n_in, n_next in pairwise([*hidden, n_last]):
        layers += dense_layer(n_in, n_next, activation_name=activation_name, batch_norm=batch_norm)
    return nn.Sequential(*layers, nn.Linear(n_last, n_out))


def dense_layer(n_in: int, n_out: int, *, activation_name: Activation, batch_norm: bool = False) -> list[nn.Module]:
    """One linear layer, its normalisation if asked for, and its activation.

    Batch normalisation (Ioffe & Szegedy 2015, https://arxiv.org/abs/1502.03167) has a bias of its own.
    """
    norm: list[nn.Module] = [nn.BatchNorm1d(n_out)] if batch_norm else []
    return [nn.Linear(n_in, n_out, bias=not batch_norm), *norm, activation(activation_name)]
