"""What is found out about a space, before it is told."""

from __future__ import annotations

from dataclasses import dataclass

from timbrespace.core.codec import Codec
from timbrespace.evaluation.explore_listening import Journey
from timbrespace.evaluation.explore_map import SpaceMap
from timbrespace.evaluation.explore_survey import Moments, Survey
from timbrespace.evaluation.explore_turning import Turning
from timbrespace.latent.directions import Directions
from timbrespace.latent.space import LatentSpace

KNOWN = 0.25
"""A descriptor has a direction of its own if the place in the space explains at least this share of it."""


@dataclass(frozen=True)
class Exploration:
    """All that the report tells: made by :func:`~timbrespace.evaluation.explore.examine`, shown by the page, counted
    by the numbers.

    ``plain`` is the space with the latents' own distances, ``trained`` whether the axes are the training sounds'.
    """

    name: str
    codec: Codec
    found: Survey
    space: LatentSpace
    plain: LatentSpace
    trained: bool
    moments: Moments
    turning: Turning
    directions: Directions
    axes: list[Journey]
    along: dict[str, Journey]
    ends: list[tuple[int, int]]
    map: SpaceMap
