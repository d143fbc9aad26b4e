"""The trajectories that sound tables are made of, on the axes of a space, (step, axis)."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from timbrespace.codecs.looping import centred_line
from timbrespace.core.seeds import torch_generator
from timbrespace.instruments.corpus import Corpus
from timbrespace.instruments.motion import own_steps
from timbrespace.instruments.travel import FURTHEST
from timbrespace.latent.wander import Wander

WALK_PERIOD_S: Final = 1.0

Array = npt.NDArray[Any]


class Trajectories:
    """Trajectories of ``steps`` latent steps; of sounds that are shorter, of as many as there are.

    Nothing leaves six standard deviations on any axis.
    """

    def __init__(self, corpus: Corpus, deviations: Array, *, steps: int, seed: int) -> None:
        self._corpus = corpus
        self._furthest = FURTHEST * deviations
        self._deviations = deviations
        self._steps = steps
        self._seed = seed

    def centred(self, end: Array) -> Array:
        """The line through the origin from ``-end`` to ``end`` (axis,)."""
        held = np.clip(end, -self._furthest, self._furthest)
        return centred_line(np.zeros_like(held), held, steps=self._steps)

    def home(self) -> Array:
        """The line along the first axis, two deviations either way."""
        return self.centred(2 * self._deviations * (np.arange(len(self._deviations)) == 0))

    def between(self, start: int, end: int) -> Array:
        """The line from one moment's position to another's."""
        a, b = self._corpus.positions[start], self._corpus.positions[end]
        return self._held(a + np.linspace(0.0, 1.0, self._steps)[:, None] * (b - a))

    def own(self, moment: int) -> Array:
        """The sound itself from a moment on."""
        return self._held(own_steps(self._corpus, moment, self._steps, before=0)[1])

    def walk(self, seed: float) -> Array:
        """A smooth walk with the spread of the corpus; ``seed`` says which."""
        generator = torch_generator(self._seed, "table", repr(float(seed)))
        wander = Wander(len(self._deviations), period=WALK_PERIOD_S, generator=generator)
        points = [np.asarray(wander.position, np.float64)]
        for _ in range(self._steps - 1):
            points.append(np.asarray(wander.advance(1 / self._corpus.rate_hz), np.float64))
        return self._held(np.stack(points) * self._deviations)

    def _held(self, points: Array) -> Array:
        return np.clip(points, -self._furthest, self._furthest)
