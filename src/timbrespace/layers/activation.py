"""Activation functions by name."""

from __future__ import annotations

from typing import Final, Literal

from torch import nn

Activation = Literal["relu", "elu", "gelu", "tanh"]

_ACTIVATIONS: Final[dict[Activation, type[nn.Module]]] = {
    "relu": nn.ReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "tanh": nn.Tanh,
}


def activation(name: Activation) -> nn.Module:
    """A fresh module for the function ``name``."""
    return _ACTIVATIONS[name]()
