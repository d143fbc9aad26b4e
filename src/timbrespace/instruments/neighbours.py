"""Where one is among the moments of a corpus, given less than all coordinates."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from timbrespace.instruments.corpus import Corpus

NEIGHBOURS: Final = 4
_CLOSEST: Final = 1e-6  # of an axis' width: nearer than this, a moment is met

Array = npt.NDArray[Any]


class Neighbours:
    """Nearest moments, distances measured in ``widths`` (axis,) so that axes count as they are drawn."""

    def __init__(self, corpus: Corpus, widths: Array) -> None:
        self._positions = corpus.positions
        self._scaled = corpus.positions / widths
        self._widths = widths

    def nearest(self, point: Array) -> int:
        """The moment nearest to ``point`` (axis,) in all axes."""
        return int(np.square(self._scaled - point / self._widths).sum(1).argmin())

    def complete(self, axes: tuple[int, int], at: tuple[float, float]) -> tuple[Array, int]:
        """A point (axis,) whose two ``axes`` lie ``at``, and the moment nearest to it in their plane.

        The other coordinates are the mean of those of the nearest moments in the plane, each weighted by the inverse
        of its distance (Shepard 1968, A two-dimensional interpolation function for irregularly-spaced data), so
        that the point is a moment's own where that is met.
        """
        plane = list(axes)
        offsets = self._scaled[:, plane] - np.asarray(at) / self._widths[plane]
        distances = np.sqrt(np.square(offsets).sum(1))
        count = min(NEIGHBOURS, len(distances))
        near = np.argpartition(distances, count - 1)[:count]
        weights = 1 / np.maximum(distances[near], _CLOSEST)
        point = weights @ self._positions[near] / weights.sum()
        point[plane] = at
        return point, int(near[distances[near].argmin()])
