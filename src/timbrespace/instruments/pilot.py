"""Where a player is in a space, and how he gets elsewhere: what instruments that go through a space share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from timbrespace.core.codec import LiveCodec
from timbrespace.core.errors import ParameterError
from timbrespace.core.seeds import torch_generator
from timbrespace.instruments.base import Dial, whole
from timbrespace.instruments.corpus import Corpus
from timbrespace.instruments.guides import Guide, Line, Place, Walk
from timbrespace.instruments.neighbours import Neighbours
from timbrespace.instruments.travel import FURTHEST, Pose, Travel
from timbrespace.latent.space import LatentSpace
from timbrespace.latent.wander import Wander

WALK_PERIOD_S: Final = 8.0
LONGEST_LINE_S: Final = 600.0
QUANTILES: Final = (0.01, 0.99)
"""The ends of a latent's range: 1 % of the sounds lie below, 1 % above."""

Array = npt.NDArray[Any]


class Pilot:
    """Goes through a space as told: the actions that name a place or a way, the knobs that bend it.

    ``travel`` knows where that leads from one latent step to the next. A place has the motion of the moment nearest
    to it. Of the ``dials`` the pilot knows ``motion``, ``speed``, ``loop_s``, ``glide_ms`` and those of an axis.
    """

    def __init__(
        self, codec: LiveCodec, space: LatentSpace, corpus: Corpus, *, dials: Mapping[str, Dial], seed: int
    ) -> None:
        self.corpus = corpus
        self.deviations = space.deviations.double().numpy()
        self.mean = space.mean.double().numpy()
        self.directions = space.directions.double().numpy()
        self._axes = space.axes.double().numpy()
        self._ends = space.low.double().numpy(), space.high.double().numpy()
        self._range = np.quantile(self.latents(corpus.steps), QUANTILES, axis=0)
        self._neighbours = Neighbours(corpus, _widths(space))
        self._names = space.names
        self._dials = dials
        self._seed = seed
        self._rate_hz = codec.sample_rate / codec.ratio
        self.travel = Travel(self._home(), self.deviations, rate_hz=self._rate_hz, ratio=codec.ratio)
        for name, dial in dials.items():
            self.turn(name, dial.default)
        self.travel.arrive()

    @property
    def ways(self) -> dict[str, Callable[..., None]]:
        """What does the actions that say where to go, by name."""
        return {
            "place": self._place,
            "moment": self.go_to_moment,
            "walk": self._walk,
            "line": self._line,
            "z": self._z,
            "coord": self._coord,
            "xy": self._xy,
        }

    @property
    def moment(self) -> int:
        """The moment whose motion is heard."""
        return self.travel.pose.guide.moment

    def latents(self, points: Array) -> Array:
        """Latents (..., latent) of points on the axes (..., axis)."""
        return points @ self.directions + self.mean

    def points(self, latents: Array) -> Array:
        """The inverse of :meth:`latents`."""
        return (latents - self.mean) @ self._axes.T

    def nearest(self, point: Array) -> int:
        """The moment nearest to a point (axis,)."""
        return self._neighbours.nearest(point)

    def arrays(self) -> dict[str, Array]:
        """Of every moment: its sound, its time there in seconds, its position and, if known, its descriptors."""
        corpus = self.corpus
        found = {"sources": corpus.sources, "seconds": corpus.seconds, "positions": corpus.positions}
        return found if corpus.descriptors is None else found | {"descriptors": corpus.descriptors}

    def facts(self) -> dict[str, Any]:
        """Names of the sounds and axes, number of moments."""
        return {"sounds": list(self.corpus.names), "axes": list(self._names), "moments": len(self.corpus)}

    def turn(self, name: str, value: float) -> None:
        """Let a knob's value act; one that is not the pilot's does nothing."""
        travel, axis = self.travel, self._dials[name].axis
        travel.catch_up()
        if axis is not None:
            kind = name.partition("_")[0]
            bent = getattr(travel.pose, kind).copy()
            bent[axis] = value
            travel.pose = replace(travel.pose, **{kind: bent})
        elif name in ("speed", "glide_ms"):
            setattr(travel, name, value)
        elif name == "motion":
            travel.pose = replace(travel.pose, motion=value)
        elif name == "loop_s":
            travel.pose = replace(travel.pose, loop=max(1, round(value * self._rate_hz)))

    def go_home(self) -> None:
        """Be again at the place of the beginning."""
        self._go(self._home().guide)

    def _place(self, axis_x: float, axis_y: float, x: float, y: float) -> None:
        """Go to a point of the plane of two axes; the others follow the nearest moments there."""
        plane = tuple(
            whole(label, a, below=len(self.directions)) for label, a in (("axis_x", axis_x), ("axis_y", axis_y))
        )
        if plane[0] == plane[1]:
            raise ParameterError(f"A place needs two different axes, not axis {plane[0]} twice; nothing was done.")
        limits = FURTHEST * self.deviations[list(plane)]
        at = np.clip((x, y), -limits, limits)
        centre, moment = self._neighbours.complete((plane[0], plane[1]), (float(at[0]), float(at[1])))
        self._go(Place(self.corpus, centre, moment, phase=0.0), onward=True)

    def _xy(self, x: float, y: float) -> None:
        """The same for the first two axes, from 0 to 1 over their ranges; of a single axis only ``x`` counts."""
        low, high = self._ends
        at = low[:2] + np.clip((x, y)[: len(low)], 0.0, 1.0) * (high - low)[:2]
        if len(at) == 1:
            self._go_to(at)
        else:
            self._place(0, 1, *at.tolist())

    def _z(self, *z: float) -> None:
        """Go to a point given by its latents."""
        self._go_to(self.points(np.asarray(z)))

    def _coord(self, *coord: float) -> None:
        """The same, each from 0 to 1 over the range of that latent in the corpus."""
        low, high = self._range
        self._z(*(low + np.clip(coord, 0.0, 1.0) * (high - low)))

    def go_to_moment(self, moment: float) -> None:
        """Go to a moment and begin its motion."""
        i = self.moment_index(moment)
        self._go(Place(self.corpus, self.corpus.positions[i], i, phase=0.0))

    def _walk(self, seed: float) -> None:
        """Walk at random; ``seed`` says which walk."""
        wander = Wander(
            len(self.directions),
            period=WALK_PERIOD_S,
            generator=torch_generator(self._seed, "walk", repr(float(seed))),
        )
        self._go(Walk(self.corpus, self._neighbours, wander, self.deviations, phase=0.0), onward=True)

    def _line(self, start: float, end: float, seconds: float) -> None:
        """Go from one moment to another in ``seconds``, and back again."""
        i, j = self.moment_index(start), self.moment_index(end)
        if not 0 < seconds <= LONGEST_LINE_S:
            raise ParameterError(
                f"A line lasts up to {LONGEST_LINE_S:g} s and more than none, not {seconds:g} s; nothing was done."
            )
        self._go(Line(self.corpus, i, j, steps=seconds * self._rate_hz))

    def rest(self) -> None:
        """Stay where the nearest moment is, if on the way."""
        if not isinstance(self.travel.pose.guide, Place):
            self.go_to_moment(self.moment)

    def moment_index(self, moment: float) -> int:
        """``moment`` as an index; raises :class:`ParameterError` where there is none such."""
        return whole("A moment", moment, below=len(self.corpus))

    def _go_to(self, centre: Array) -> None:
        """Go to a point of which all axes are given."""
        limits = FURTHEST * self.deviations
        centre = np.clip(centre, -limits, limits)
        self._go(Place(self.corpus, centre, self._neighbours.nearest(centre), phase=0.0), onward=True)

    def _go(self, guide: Guide, *, onward: bool = False) -> None:
        """Follow another guide; ``onward`` its motion goes on where that of the last one was."""
        self.travel.catch_up()
        if onward:
            guide.phase = self.travel.pose.guide.phase
        self.travel.pose = replace(self.travel.pose, guide=guide)

    def _home(self) -> Pose:
        """The pose at the beginning: at the moment in the middle of the space, unbent."""
        moment = self._neighbours.nearest(np.zeros_like(self.deviations))
        n = len(self.deviations)
        guide = Place(self.corpus, self.corpus.positions[moment], moment, phase=0.0)
        return Pose(guide, 1.0, 1, np.ones(n), np.zeros(n))


def _widths(space: LatentSpace) -> Array:
    """How wide the data are on each axis; never zero."""
    width = (space.high - space.low).double().numpy()
    return np.maximum(width, 1e-6 * max(1e-12, float(width.max())))
