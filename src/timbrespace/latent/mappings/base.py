"""From a motion to a path: what all mappings have in common."""

from __future__ import annotations

from abc import abstractmethod

from timbrespace.core.component import Component
from timbrespace.core.errors import ParameterError
from timbrespace.latent.paths import Path, Points
from timbrespace.latent.surroundings import Surroundings
from timbrespace.motion.resampling import resample
from timbrespace.motion.track import Track


class Mapping(Component):
    """A rule by which a hand leads through a space.

    A motion that stands still gives a path that stands still. Axes that the motion does not lead stay at the mean of
    the data, or follow the recording ``surroundings.start``.
    """

    def path(self, track: Track, surroundings: Surroundings, *, rate_hz: float) -> Path:
        """The path of a motion, of its duration, with ``rate_hz`` points per second."""
        if not bool(track.values.isfinite().all()):
            raise ParameterError(f"{track.label or 'This motion'} has gaps; fill them before it is mapped.")
        points = self.points(resample(track, rate_hz), surroundings)
        return Path(points.float(), rate_hz)

    @abstractmethod
    def points(self, track: Track, surroundings: Surroundings) -> Points:
        """The latents (step, latent) that go with each step of a motion without gaps."""
