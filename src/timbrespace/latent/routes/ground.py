"""What curves are drawn on: the axes of the data, and the place or recording around which they turn."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from timbrespace.core.errors import ParameterError
from timbrespace.latent.space import LatentSpace
from timbrespace.latent.surroundings import Surroundings

DEAD = 1e-10
"""An axis with a smaller share of the widest one's variance does not vary: rounding alone."""


def ground(surroundings: Surroundings, steps: int) -> Float[Tensor, "step axis"]:
    """Axis coordinates around which a curve is drawn: the mean of the data, or the recording it begins with.

    The recording runs along, from its beginning again whenever it ends, and keeps its own motion.
    """
    space, start = surroundings.space, surroundings.start
    if start is None:
        return torch.zeros(steps, len(space.axes))
    return space.project(start)[torch.arange(steps) % len(start)]


def living_axes(space: LatentSpace) -> int:
    """How many axes the data vary along; raises :class:`ParameterError` if there are none."""
    alive = int((space.variances > DEAD * float(space.variances.max())).sum())
    if float(space.variances.max()) <= 0 or alive == 0:
        raise ParameterError(
            "All sounds lie at one place of this space, so it has no axis to travel along; give other sounds with"
            " --data, or train the model longer."
        )
    return alive


def axis_numbers(space: LatentSpace, axes: Sequence[int]) -> list[int]:
    """Indices of axes that are counted from 1; raises :class:`ParameterError` for one that is not there or dead."""
    alive = living_axes(space)
    for axis in axes:
        if not 1 <= axis <= len(space.axes):
            raise ParameterError(f"This space has axes 1 to {len(space.axes)}, and there is no axis {axis} among them.")
        if axis > alive:
            raise ParameterError(
                f"Axis {axis} of this space has collapsed: no sound moves along it; choose one of 1 to {alive}."
            )
    if len(set(axes)) < len(axes):
        raise ParameterError(f"A curve needs different axes, not {', '.join(map(str, axes))}; change one of them.")
    return [axis - 1 for axis in axes]


def plane(space: LatentSpace, axes: Sequence[int]) -> list[int]:
    """As :func:`axis_numbers`, of two axes."""
    if len(axes) != 2:
        raise ParameterError(f"A plane needs two axes, not {len(axes)}; give two, as in axes=1,2.")
    return axis_numbers(space, axes)


def drawn(
    surroundings: Surroundings, axes: Sequence[int], curve: Float[Tensor, "step curve"]
) -> Float[Tensor, "step latent"]:
    """Latents of a curve in standard deviations along ``axes`` (indices), added to the :func:`ground`."""
    space = surroundings.space
    coordinates = ground(surroundings, len(curve))
    coordinates[:, list(axes)] += curve.float() * space.deviations[list(axes)]
    return space.unproject(coordinates)
