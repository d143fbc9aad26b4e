"""Where the voice is from one latent step to the next: at a place, on a walk, on the way between two moments."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from timbrespace.instruments.corpus import MOMENT_STEPS, Corpus
from timbrespace.instruments.motion import around, steps_around
from timbrespace.instruments.neighbours import Neighbours
from timbrespace.latent.wander import Wander

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Part:
    """A place that a guide's point is made of: its share, its centre (axis,), and the moment whose motion it has."""

    share: float
    centre: Array
    moment: int


class Guide(ABC):
    """A centre and a motion on the axes, over time: ``p = sum share (centre + motion * o(phase))`` over its parts.

    o is the motion around a part's moment, see :func:`around`. ``phase`` counts latent steps of the motion, ``moment``
    is the one nearest to where the guide is.
    """

    def __init__(self, corpus: Corpus, *, phase: float) -> None:
        self.corpus = corpus
        self.phase = phase

    @property
    @abstractmethod
    def moment(self) -> int: ...

    @abstractmethod
    def parts(self) -> tuple[Part, ...]:
        """Where the guide is now, without its motion."""

    def point(self, *, motion: float, loop: int) -> Array:
        """Where the guide is, (axis,)."""
        at = np.zeros(1)
        for part in self.parts():
            o = around(self.corpus, part.moment, self.phase, loop=loop)
            at = at + part.share * (part.centre + motion * o)
        return at

    def points(self, first: int, count: int, *, motion: float, loop: int) -> Array:
        """Where it would be at ``count`` whole phases of its motion from ``first`` on, (step, axis)."""
        at = np.zeros((1, 1))
        for part in self.parts():
            o = steps_around(self.corpus, part.moment, first, count, loop=loop)
            at = at + part.share * (part.centre + motion * o)
        return at

    def advance(self, way: float, motion: float) -> None:
        """Let the centre go on by ``way`` latent steps (0 or more) and the motion by ``motion``, either way."""
        self.phase += motion

    def renewed(self) -> Guide:
        """The guide to go on with: itself, or another where the motion has to change its source."""
        return self


class Place(Guide):
    """Stay at ``centre`` (axis,), moving as the sound of ``moment`` moves."""

    def __init__(self, corpus: Corpus, centre: Array, moment: int, *, phase: float) -> None:
        super().__init__(corpus, phase=phase)
        self._part = Part(1.0, centre, moment)

    @property
    def moment(self) -> int:
        return self._part.moment

    def parts(self) -> tuple[Part, ...]:
        return (self._part,)


class Line(Guide):
    """Go from one moment to another in ``steps`` latent steps and back again, without end.

    ``p = (1 - u) p_i + u p_j`` with u a triangle wave: both sounds run along, mixed on the axes.
    """

    def __init__(self, corpus: Corpus, start: int, end: int, *, steps: float) -> None:
        super().__init__(corpus, phase=0.0)
        self._ends = start, end
        self._steps = max(steps, 1.0)
        self._done = 0.0

    @property
    def moment(self) -> int:
        return self._ends[self._share() > 0.5]

    def parts(self) -> tuple[Part, ...]:
        share = self._share()
        i, j = self._ends
        return Part(1 - share, self.corpus.positions[i], i), Part(share, self.corpus.positions[j], j)

    def advance(self, way: float, motion: float) -> None:
        super().advance(way, motion)
        self._done = (self._done + way) % (2 * self._steps)

    def _share(self) -> float:
        return 1 - abs(1 - self._done / self._steps)


class Walk(Guide):
    """A smooth random walk with the spread of the corpus, moving as the nearest moment's sound moves.

    The nearest moment is looked for anew whenever as much time as a moment lasts has passed.
    """

    def __init__(self, corpus: Corpus, neighbours: Neighbours, wander: Wander, spread: Array, *, phase: float) -> None:
        super().__init__(corpus, phase=phase)
        self._neighbours = neighbours
        self._wander = wander
        self._spread = spread
        self._age = 0.0
        self._moment = neighbours.nearest(self._centre())

    @property
    def moment(self) -> int:
        return self._moment

    def parts(self) -> tuple[Part, ...]:
        return (Part(1.0, self._centre(), self._moment),)

    def advance(self, way: float, motion: float) -> None:
        super().advance(way, motion)
        self._age += way
        self._wander.advance(way / self.corpus.rate_hz)

    def renewed(self) -> Guide:
        if self._age < MOMENT_STEPS:
            return self
        return Walk(self.corpus, self._neighbours, self._wander, self._spread, phase=self.phase)

    def _centre(self) -> Array:
        return self._spread * np.asarray(self._wander.position, np.float64)
