"""The principal components of a motion, in standard deviations."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from timbrespace.motion.preparing import standing_still
from timbrespace.motion.track import Track

LEAST = 0.01
"""A component with a smaller share of the motion's variance is tremble: blown up to a standard deviation it would be
heard as much as the gesture itself."""


def principal(
    track: Track, *, most: int, least: float = LEAST, scaled: bool = False, whitened: bool = True
) -> Float[Tensor, "step component"]:
    """Up to ``most`` components in decreasing order of variance, each with mean 0 and variance 1.

    With ``whitened`` false only the first has variance 1, and distances are those of the motion. Left out are those
    with less than ``least`` of the motion's variance. ``scaled`` counts every channel in its own standard deviations,
    for channels in different units. Signs are stable: the largest coefficient of a component is positive, so that it
    rises with the channel that moves most in it. No component where nothing moves.
    """
    moving = [i for i, still in enumerate(standing_still(track)) if not still]
    values = track.values.double()[:, moving]
    if len(values) < 2 or not moving or most < 1:
        return torch.zeros(len(values), 0)
    centred = values - values.mean(0)
    if scaled:
        centred = centred / centred.std(0, correction=0)
    variances, columns = torch.linalg.eigh(centred.T @ centred / len(centred))
    variances, axes = variances.flip(0), columns.flip(1).T
    kept = int((variances >= max(least, 1e-9) * variances.sum()).sum())
    axes = axes[: min(most, max(1, kept))]
    peak = axes.gather(1, axes.abs().argmax(1, keepdim=True))
    turned = axes * torch.where(peak < 0, -1.0, 1.0)
    found = centred @ turned.T
    deviations = found.std(0, correction=0)
    return (found / (deviations if whitened else deviations[:1])).float()
