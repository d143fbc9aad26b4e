"""What a comparison finds, before it is told."""

from __future__ import annotations

from dataclasses import dataclass

from timbrespace.core.shapes import Sound
from timbrespace.evaluation.comparison.contestant import Contestant
from timbrespace.evaluation.comparison.rebuilding import Rebuilt
from timbrespace.evaluation.comparison.scores import Difference, Scored
from timbrespace.evaluation.comparison.ways import Hands
from timbrespace.latent.paths import Path as Way


@dataclass(frozen=True)
class GroupResult:
    """A group of paths in one model: scores with intervals, descriptors beside the real sound's, the paths, and the
    first few of their sounds.
    """

    scores: dict[str, Scored]
    descriptors: dict[str, dict[str, float]]
    ranges: list[float]
    paths: list[Way]
    sounds: list[Sound]


@dataclass(frozen=True)
class Comparison:
    """All that the report tells."""

    models: list[Contestant]
    hands: list[Hands]
    mapping: str
    groups: list[str]
    results: dict[tuple[str, str], GroupResult]
    rebuilt: dict[str, Rebuilt]
    originals: list[tuple[str, Sound]]
    unseen: int
    differences: list[Difference]
    rate: int
    seconds: float
    seed: int
