"""A mapping learned from a few examples: here the hand was, and so it shall sound."""

from __future__ import annotations

from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor

from timbrespace.core.errors import ParameterError
from timbrespace.core.knob import Knob
from timbrespace.latent.mappings.base import Mapping
from timbrespace.latent.mappings.principal import principal
from timbrespace.latent.paths import Points
from timbrespace.latent.routes.ground import ground
from timbrespace.latent.surroundings import Surroundings
from timbrespace.motion.track import Track

NOISE = 1e-6
"""Variance of an example relative to what is learned: enough to average examples that contradict one another."""


class Taught(Mapping):
    """A Gaussian process through examples: at ``times`` (seconds in the gesture) the sound is ``latents``.

    The motion's ``components`` principal components, in standard deviations of the first one, are the input; the
    covariance of two positions of the hand is ``exp(-|h - h'|² / (2 s²))``, s being ``width`` times the median
    distance between the examples' positions. The mean of the process is the mean of the data, or the recording that
    is followed: far from all examples the hand leads back to it. (Rasmussen and Williams 2006, eq. 2.25.)
    """

    def __init__(
        self,
        *,
        times: tuple[float, ...] = (),
        latents: tuple[tuple[float, ...], ...] = (),
        width: Annotated[float, Knob(0.05, 20.0)] = 1.0,
        components: Annotated[int, Knob(1, 64)] = 3,
    ) -> None:
        self.times, self.latents, self.width, self.components = times, latents, width, components

    def points(self, track: Track, surroundings: Surroundings) -> Points:
        shown = self._examples(track, surroundings)
        hand = _positions(track, self.components)
        at = [min(len(hand) - 1, round(t * track.rate_hz)) for t in self.times]
        base = ground(surroundings, len(hand))
        base = surroundings.space.unproject(base).double()
        examples = hand[at]
        scale = self.width * _median_distance(examples)
        weights = _kernel(hand, examples, scale)
        gram = _kernel(examples, examples, scale) + NOISE * torch.eye(len(at), dtype=torch.float64)
        return (base + weights @ torch.linalg.solve(gram, shown - base[at])).float()

    def _examples(self, track: Track, surroundings: Surroundings) -> Float[Tensor, "example latent"]:
        """The examples' latents, checked. Raises :class:`ParameterError`."""
        size = len(surroundings.space.mean)
        if not self.times:
            raise ParameterError("A taught mapping needs examples: times in the gesture and what is heard there.")
        if len(self.times) != len(self.latents) or any(len(z) != size for z in self.latents):
            raise ParameterError(
                f"{len(self.times)} times of examples need as many latents of {size} numbers, not"
                f" {len(self.latents)} of {sorted({len(z) for z in self.latents})}."
            )
        beyond = [t for t in self.times if not 0 <= t <= track.seconds + 1 / track.rate_hz]
        if beyond:
            raise ParameterError(
                f"An example is at {beyond[0]:g} s, and the gesture lasts {track.seconds:.2f} s; give a time within it."
            )
        shown = torch.tensor(self.latents, dtype=torch.float64)
        if not bool(shown.isfinite().all()):
            raise ParameterError("The latents of the examples hold NaN or infinite values; give finite ones.")
        return shown


def _positions(track: Track, components: int) -> Float[Tensor, "step component"]:
    """The motion's components in standard deviations of the first: distances are those of the hand."""
    return principal(track, most=components, whitened=False).double()


def _median_distance(examples: Float[Tensor, "example component"]) -> float:
    """Between pairs of examples; one standard deviation of the motion if there is only one place."""
    apart = torch.pdist(examples) if len(examples) > 1 and examples.shape[1] else torch.zeros(0)
    apart = apart[apart > 1e-9]
    return float(apart.median()) if len(apart) else 1.0


def _kernel(a: Tensor, b: Tensor, scale: float) -> Tensor:
    if a.shape[1] == 0:  # nothing moves: all is one place
        return torch.ones(len(a), len(b), dtype=torch.float64)
    return torch.exp(-torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist").square() / (2 * scale * scale))
