"""The way of a voice through its space: a guide, bent by scale and bias, without jumps where a player turns it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from timbrespace.instruments.guides import Guide

FURTHEST: Final = 6.0
"""Standard deviations: nothing is sent to the decoder from further out on any axis."""

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Pose:
    """What a player decides: ``p_i = scale_i point_i + bias_i deviation_i`` with the guide's point on the axes."""

    guide: Guide
    motion: float
    loop: int
    scale: Array
    bias: Array

    def point(self, deviations: Array) -> Array:
        """Where that is now, (axis,)."""
        return self.scale * self.guide.point(motion=self.motion, loop=self.loop) + self.bias * deviations

    def points(self, deviations: Array, first: int, count: int) -> Array:
        """Where it would be at ``count`` whole phases of the guide's motion from ``first`` on, (step, axis)."""
        points = self.guide.points(first, count, motion=self.motion, loop=self.loop)
        return self.scale * points + self.bias * deviations


class Travel:
    """Points on the axes, one per latent step, or whenever they are asked for.

    A change of pose is heard with the next point, without a jump: what the point would have jumped is kept as a
    rest that fades by ``0.05^(step / glide)`` per step, so that 95 % of the way are gone after ``glide``, while the
    motion of the new pose runs undisturbed (D. Bollo, Inertialization, GDC 2018, with an exponential fade).

    Whoever goes step by step calls :meth:`step`. Whoever looks at samples of his own tells :meth:`wait` how many pass,
    calls :meth:`catch_up` before he changes the pose or the speed, and :meth:`look` to see where he is.
    """

    def __init__(self, pose: Pose, deviations: Array, *, rate_hz: float, ratio: int = 1) -> None:
        self.pose = pose
        self.glide_ms = 0.0
        self.speed = 1.0
        self._heard = pose
        self._deviations = deviations
        self._furthest = FURTHEST * deviations
        self._step_ms = 1000 / rate_hz
        self._ratio = ratio
        self._waited = 0
        self._rest = np.zeros_like(deviations)
        self.at = self.goal()

    def step(self) -> Array:
        """The point of this step (axis,); then time goes on."""
        self._renew()
        self._absorb()
        self._fade(1.0)
        self.at = self._held(self.pose.point(self._deviations) + self._rest)
        self.pose.guide.advance(self.speed, self.speed)
        return self.at

    def wait(self, samples: int) -> None:
        """Let ``samples`` pass, ``ratio`` of them a latent step."""
        self._waited += samples

    def catch_up(self) -> None:
        """Go on by what was waited: the motion at its speed, the way of the guide as time goes."""
        if not self._waited:
            return
        self._absorb()
        steps, self._waited = self._waited / self._ratio, 0
        self.pose.guide.advance(steps, self.speed * steps)
        self._fade(steps)

    def look(self) -> float:
        """Be where the pose is now; the phase of its motion there."""
        self.catch_up()
        self._renew()
        self._absorb()
        self.at = self._held(self.pose.point(self._deviations) + self._rest)
        return self.pose.guide.phase

    def points(self, first: int, count: int, *, aside: Array) -> Array:
        """Points (step, axis) at whole phases of the motion from ``first`` on, else as it is, moved by ``aside``."""
        return self._held(self.pose.points(self._deviations, first, count) + self._rest + aside)

    def goal(self) -> Array:
        """Where the pose is, (axis,), for one who is not on the way."""
        return self._held(self.pose.point(self._deviations))

    def arrive(self) -> None:
        """Be where the pose is, without a way there; for the beginning of a sound."""
        self._heard = self.pose
        self._waited = 0
        self._rest[:] = 0
        self.at = self.goal()

    def _renew(self) -> None:
        guide = self.pose.guide.renewed()
        if guide is not self.pose.guide:
            self.pose = replace(self.pose, guide=guide)

    def _absorb(self) -> None:
        """Keep as a rest what a new pose would have jumped."""
        if self.pose is not self._heard:
            self._rest += self._heard.point(self._deviations) - self.pose.point(self._deviations)
            self._heard = self.pose

    def _fade(self, steps: float) -> None:
        self._rest *= 0.05 ** (steps * self._step_ms / self.glide_ms) if self.glide_ms > 0 else 0.0

    def _held(self, point: Array) -> Array:
        return np.clip(np.nan_to_num(point), -self._furthest, self._furthest)
