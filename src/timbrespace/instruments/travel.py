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


class Travel:
    """Points on the axes, one per latent step.

    A change of pose is heard with the next step, without a jump: what the point would have jumped is kept as a
    rest that fades by ``0.05^(step / glide)`` per step, so that 95 % of the way are gone after ``glide``, while the
    motion of the new pose runs undisturbed (D. Bollo, Inertialization, GDC 2018, with an exponential fade).
    """

    def __init__(self, pose: Pose, deviations: Array, *, rate_hz: float) -> None:
        self.pose = pose
        self.glide_ms = 0.0
        self.speed = 1.0
        self._heard = pose
        self._deviations = deviations
        self._furthest = FURTHEST * deviations
        self._step_ms = 1000 / rate_hz
        self._rest = np.zeros_like(deviations)
        self.at = self.goal()

    def step(self) -> Array:
        """The point of this step (axis,); then time goes on."""
        guide = self.pose.guide.renewed()
        if guide is not self.pose.guide:
            self.pose = replace(self.pose, guide=guide)
        target = self.pose.point(self._deviations)
        if self.pose is not self._heard:
            self._rest += self._heard.point(self._deviations) - target
            self._heard = self.pose
        self._rest *= 0.05 ** (self._step_ms / self.glide_ms) if self.glide_ms > 0 else 0.0
        self.at = self._held(target + self._rest)
        self.pose.guide.advance(self.speed)
        return self.at

    def goal(self) -> Array:
        """Where the pose is, (axis,), for one who is not on the way."""
        return self._held(self.pose.point(self._deviations))

    def arrive(self) -> None:
        """Be where the pose is, without a way there; for the beginning of a sound."""
        self._heard = self.pose
        self._rest[:] = 0
        self.at = self.goal()

    def _held(self, point: Array) -> Array:
        return np.clip(np.nan_to_num(point), -self._furthest, self._furthest)
