"""How well paths cover a space: inside the data or out of it, and how much of the data they reach."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from timbrespace.core.errors import ParameterError

NEIGHBOURS = 5
FAR = 0.99
"""A point is outside the data if it is farther from them than this share of the data are from other sounds."""
ENDS = (0.05, 0.95)
"""The quantiles between which a range is measured."""

Axes = Float[Tensor, "_point _axis"]
"""Coordinates in which distances mean something: :meth:`~timbrespace.latent.space.LatentSpace.project`."""


@dataclass(frozen=True)
class Ground:
    """The real points of a space that paths are judged by.

    Points of one sound lie on a line, each next to the one before: balls that reach to a point's nearest neighbours
    would say nothing but how finely the sound was sampled. A neighbour here is a point of *another* sound (and, of
    paths, of another path). ``points`` (n, axis); ``reach`` (n,), the squared distance of the k-th neighbour; ``far``
    the squared distance from the data beyond which a point is outside: the 99 % quantile of the data's own distances
    from the nearest other sound; ``low`` and ``high`` (axis,) the 5 % and 95 % quantiles.
    """

    points: Axes
    reach: Float[Tensor, " point"]
    far: float
    low: Float[Tensor, " axis"]
    high: Float[Tensor, " axis"]
    neighbours: int

    @classmethod
    def fit(cls, points: Axes, source: Tensor, *, neighbours: int = NEIGHBOURS) -> Ground:
        """The ground of ``points`` (n, axis) of sounds ``source`` (n,). Raises :class:`ParameterError` for one sound
        alone, of which nothing can be told, and for fewer than k points of others.
        """
        squared = _between(points, points, source, source)
        nearest = squared.topk(min(neighbours, len(points)), dim=1, largest=False).values
        if len(points) <= neighbours or not bool(nearest.isfinite().all()):
            raise ParameterError(
                f"Coverage needs {neighbours} points or more of other sounds beside each one; there are"
                f" {len(points)} points of {len(source.unique())} sounds: give more sounds."
            )
        low, high = points.double().quantile(torch.tensor(ENDS, dtype=torch.float64), dim=0)
        far = float(nearest[:, 0].quantile(FAR))
        return cls(points.double(), nearest[:, -1], far, low, high, neighbours)


@dataclass(frozen=True)
class Visits:
    """What paths reach, kept apart path by path (path, ...), so that whole paths can be drawn again.

    ``points`` how many a path has; ``inside`` how many of them lie in a real ball; ``balls`` the number of real balls
    around all of them; ``outside`` how many are far from the data; ``covers`` (path, real) whether a real ball holds a
    point of the path; ``finds`` (path, real) whether a real point lies in a ball of the path; ``places`` the points.
    """

    points: Int[np.ndarray, " path"]
    inside: Int[np.ndarray, " path"]
    balls: Int[np.ndarray, " path"]
    outside: Int[np.ndarray, " path"]
    covers: Bool[np.ndarray, "path real"]
    finds: Bool[np.ndarray, "path real"]
    places: list[np.ndarray]

    @classmethod
    def of(cls, ground: Ground, paths: list[Tensor]) -> Visits:
        """The visits of ``paths``, each (step, axis) in the coordinates of the ground."""
        if len(paths) < 2:
            raise ParameterError(f"Coverage is measured on two paths or more, not {len(paths)}; give more.")
        every = torch.cat(paths).double()
        source = torch.cat([torch.full((len(p),), i) for i, p in enumerate(paths)])
        reach = _between(every, every, source, source).topk(ground.neighbours, dim=1, largest=False).values[:, -1]
        squared = _between(every, ground.points)
        balls = squared <= ground.reach
        found = squared <= torch.where(reach.isfinite(), reach, 0.0)[:, None]
        nearest = squared.min(dim=1).values
        cuts = np.cumsum([len(p) for p in paths])[:-1]

        def per_path(values: Tensor) -> list[np.ndarray]:
            return np.split(values.numpy(), cuts)

        return cls(
            points=np.array([len(p) for p in paths]),
            inside=np.array([int(v.any(1).sum()) for v in per_path(balls)]),
            balls=np.array([int(v.sum()) for v in per_path(balls)]),
            outside=np.array([int(v.sum()) for v in per_path(nearest > ground.far)]),
            covers=np.stack([v.any(0) for v in per_path(balls)]),
            finds=np.stack([v.any(0) for v in per_path(found)]),
            places=per_path(every),
        )

    def scores(self, ground: Ground, drawn: Int[np.ndarray, " path"] | None = None) -> dict[str, float]:
        """The measures of the paths together, or of those ``drawn`` by number (a bootstrap's draw).

        - precision: the share of points inside a real ball; density: the mean number of real balls around a point, over
          k: 1 where they lie as densely as the data themselves.
        - coverage: the share of real balls that are visited; recall: the share of real points within a path's ball.
        - outside: the share of points far from the data (1 % of the data's own are).
        - range: the mean over axes of the paths' 5-95 % range over the data's.

        Kynkäänniemi and others 2019 (https://arxiv.org/abs/1904.06991) and Naeem and others 2020
        (https://arxiv.org/abs/2002.09797), with neighbours among other sounds.
        """
        of = np.arange(len(self.points)) if drawn is None else drawn
        n = int(self.points[of].sum())
        unique = np.unique(of)
        return {
            "precision": float(self.inside[of].sum() / n),
            "density": float(self.balls[of].sum() / (ground.neighbours * n)),
            "recall": float(self.finds[unique].any(0).mean()),
            "coverage": float(self.covers[unique].any(0).mean()),
            "outside": float(self.outside[of].sum() / n),
            "range": float(self.ranges(ground, of).mean()),
        }

    def ranges(self, ground: Ground, drawn: Int[np.ndarray, " path"] | None = None) -> Float[np.ndarray, " axis"]:
        """For each axis that varies in the data, the 5-95 % range of the paths over that of the data."""
        of = range(len(self.places)) if drawn is None else drawn
        low, high = np.quantile(np.concatenate([self.places[i] for i in of]), ENDS, axis=0)
        data = (ground.high - ground.low).numpy()
        varies = data > 1e-9 * max(float(data.max()), 1e-300)
        return np.asarray((high - low)[varies] / data[varies])


def _between(x: Tensor, y: Tensor, source: Tensor | None = None, other: Tensor | None = None) -> Tensor:
    """Squared distances (x, y) in double precision, infinite within one source."""
    a, b = x.double(), y.double()
    squared = torch.cdist(a, b).square()
    if source is not None and other is not None:
        squared[source[:, None] == other] = torch.inf
    return squared
