"""A map draws the points of a space on a plane, so that neighbours stay neighbours."""

from __future__ import annotations

from abc import abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor

from timbrespace.core.component import Component
from timbrespace.core.errors import ParameterError
from timbrespace.latent.maps.planes import Plane, placed, principal_plane

Vectors = Float[Tensor, "n latent"]
FEWEST = 5
"""Fewer points than these have no neighbourhoods worth a method: their principal plane is their map."""


class MapMethod(Component):
    """A way to place vectors on a plane by their Euclidean distances: give coordinates in which these mean something,
    such as those of :meth:`~timbrespace.latent.space.LatentSpace.project`.
    """

    def embed(self, vectors: Vectors, *, seed: int = 0) -> Plane:
        """A place (n, 2) for every vector, float32, the same for the same vectors and ``seed`` on one machine.

        All maps have one form: the mean place is the origin, the mean squared coordinate is 1 (so that distances on
        the map are in units of its spread), and the map is turned, perhaps mirrored, to lie as near as it can to the
        principal plane, whose axes point to where their largest component is positive.

        Points that all coincide are all at the origin; fewer than :data:`FEWEST` different ones, and data that vary in
        one direction only, are their own principal plane. Raises :class:`ParameterError` for values that are not
        finite.
        """
        # One sum finds nearly every table finite, in a twentieth of the time of looking at each value.
        if not bool(torch.isfinite(vectors.sum()) or torch.isfinite(vectors).all()):
            raise ParameterError("A map is drawn of finite vectors; these hold NaN or infinite values, leave them out.")
        data = vectors.detach().to("cpu", torch.float32)
        flat = principal_plane(data)
        if len(data) < FEWEST or not bool(flat[:, 1].any()) or _different(data) < FEWEST:
            return placed(flat, like=flat)
        return placed(self._layout(data, flat, seed=seed), like=flat)

    @abstractmethod
    def _layout(self, vectors: Vectors, flat: Plane, *, seed: int) -> Plane:
        """Places in any position, direction and scale, for five different vectors or more; ``flat`` is where the
        principal plane has them, with some extent both ways.
        """


def _different(data: Tensor) -> int:
    """How many of the vectors differ, counted no further than needed: mostly the first few tell."""
    for rest in (data[: 4 * FEWEST], data):
        count = 0
        while len(rest) and count < FEWEST:
            rest, count = rest[(rest != rest[0]).any(1)], count + 1
        if count == FEWEST:
            break
    return count
