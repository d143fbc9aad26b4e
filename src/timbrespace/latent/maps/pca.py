"""The principal plane: a shadow of the space, in no time."""

from __future__ import annotations

from typing import final

from timbrespace.latent.maps.base import MapMethod, Vectors
from timbrespace.latent.maps.planes import Plane


@final
class Pca(MapMethod):
    """The two directions in which the points differ most. Linear: distances are never stretched, only hidden."""

    def __init__(self) -> None: ...

    def _layout(self, vectors: Vectors, flat: Plane, *, seed: int) -> Plane:
        return flat
