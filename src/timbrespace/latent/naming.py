"""Names for the axes of a space, where what is heard supports one."""

from __future__ import annotations

import torch
from torch import Tensor

from timbrespace.audio.descriptors import DESCRIPTORS
from timbrespace.latent.correlation import Correlations

STRONG, SURE = 0.4, 0.3
"""An axis may be named after a descriptor if Spearman's |r| is at least the first, its interval beyond the second."""


def supported(correlations: Correlations) -> Tensor:
    """Which axes (axis, descriptor) go with a descriptor strongly and surely enough to be named after it."""
    r = correlations.spearman
    nearest_zero = torch.where(r.value >= 0, r.low, -r.high)
    return (r.value.abs() >= STRONG) & (nearest_zero > SURE)


def axis_names(correlations: Correlations | None, n_axes: int) -> tuple[str, ...]:
    """A descriptor's title for each axis that supports one, else "axis 3" (counted from 1).

    Each title is given once and each axis gets one: the strongest pair first, then the strongest of the rest.
    """
    names = [f"axis {i + 1}" for i in range(n_axes)]
    if correlations is None:
        return tuple(names)
    strength = torch.where(supported(correlations), correlations.spearman.value.abs(), 0.0)
    while float(strength.max()) > 0:
        axis, descriptor = divmod(int(strength.argmax()), strength.shape[1])
        names[axis] = DESCRIPTORS[descriptor].title
        strength[axis], strength[:, descriptor] = 0.0, 0.0
    return tuple(names)
