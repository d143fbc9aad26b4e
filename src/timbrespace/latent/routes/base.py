"""Ways through a space: what each one needs, and what all of them give."""

from __future__ import annotations

from abc import abstractmethod
from typing import Protocol, runtime_checkable

import torch

from timbrespace.core.component import Component
from timbrespace.latent.paths import Path
from timbrespace.latent.surroundings import Surroundings


class Route(Component):
    """A recipe for paths: where one leads follows from the surroundings and, where it draws, from the generator.

    Lengths are in standard deviations of the data along the axes of the space, so that a ``radius`` of one means the
    same in every model; axes count from 1, as reports do.
    """

    @abstractmethod
    def path(self, surroundings: Surroundings, *, seconds: float, rate_hz: float, generator: torch.Generator) -> Path:
        """A path of ``seconds`` with ``rate_hz`` points per second."""


@runtime_checkable
class Timed(Protocol):
    """A route that has a duration of its own, for when none is asked for."""

    def duration(self, surroundings: Surroundings, *, rate_hz: float) -> float | None:
        """Seconds of the whole way; nothing where they depend on what is drawn."""
