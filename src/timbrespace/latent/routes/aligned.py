"""Between two recordings whose events meet."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import torch

from timbrespace.core.knob import Knob
from timbrespace.latent.alignment import Alignment, align, between
from timbrespace.latent.paths import Path, Trajectory
from timbrespace.latent.paths.duration import steps_in
from timbrespace.latent.routes.base import Route
from timbrespace.latent.surroundings import Surroundings


class Aligned(Route):
    """``z = (1 - u) a(i) + u b(j)`` with (i, j) the steps of both recordings that belong together.

    They are found by dynamic time warping in the space's metric (:func:`~timbrespace.latent.alignment.align`), of the
    recordings' ``motion`` about their means or of their ``place``. Timing and length are interpolated as the values
    are: at u = 0 the path is exactly the first recording and at u = 1 exactly the second, and in between each round
    lasts ``(1 - u) n + u m`` steps. u is ``mixture``, or, if that is none, goes from 0 to 1 on the way, resting at both
    ends for the share ``hold`` of it. When a round ends it begins again.
    """

    def __init__(
        self,
        *,
        mixture: Annotated[float, Knob(0.0, 1.0)] | None = None,
        hold: Annotated[float, Knob(0.0, 0.5)] = 0.0,
        by: Literal["motion", "place"] = "motion",
    ) -> None:
        self.mixture, self.hold, self.by = mixture, hold, by

    def path(self, surroundings: Surroundings, *, seconds: float, rate_hz: float, generator: torch.Generator) -> Path:
        start, end = surroundings.ends(generator)
        a, b = surroundings.space.project(start), surroundings.space.project(end)
        found = align(a - a.mean(0), b - b.mean(0)) if self.by == "motion" else align(a, b)
        return Path(_mixed(found, start, end, self._mixtures(steps_in(seconds, rate_hz))), rate_hz)

    def duration(self, surroundings: Surroundings, *, rate_hz: float) -> float | None:
        """One round of a mixture that stays; of one that travels, as long as both recordings together."""
        if surroundings.start is None or surroundings.end is None:
            return None
        n, m = len(surroundings.start), len(surroundings.end)
        return (n + m if self.mixture is None else (1 - self.mixture) * n + self.mixture * m) / rate_hz

    def _mixtures(self, steps: int) -> np.ndarray:
        if self.mixture is not None:
            return np.full(steps, self.mixture)
        u = np.linspace(0.0, 1.0, steps)
        if self.hold >= 0.5:
            return np.where(u < 0.5, 0.0, 1.0)
        return np.clip((u - self.hold) / (1 - 2 * self.hold), 0.0, 1.0)


def _mixed(found: Alignment, a: Trajectory, b: Trajectory, mixtures: np.ndarray) -> Trajectory:
    """One point for each mixture. ``share`` of the round that is over grows by one step of the round's own length."""
    i, j = np.empty(len(mixtures)), np.empty(len(mixtures))
    share = 0.0
    for t, u in enumerate(mixtures.tolist()):
        steps = found.length(u) + 1
        i[t : t + 1], j[t : t + 1] = found.times(u, np.array([share * steps]))
        share += 1 / steps
        share = 0.0 if share > 1 - 1e-9 / steps else share
    u = torch.from_numpy(mixtures).float()[:, None]
    return (1 - u) * between(a, _whole(i)) + u * between(b, _whole(j))


def _whole(at: np.ndarray) -> np.ndarray:
    """Times that miss a step by rounding alone, put onto it."""
    near = np.round(at)
    return np.where(np.abs(at - near) < 1e-6, near, at)
