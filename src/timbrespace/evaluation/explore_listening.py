"""Listening through a space: one moment of sound moved along an axis, and what is heard on the way."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from timbrespace.audio.descriptors import describe_sound, on_scale, per_step
from timbrespace.audio.output_stage import finish
from timbrespace.core.codec import Codec
from timbrespace.core.seeds import torch_generator
from timbrespace.evaluation.explore_survey import Moments, Survey
from timbrespace.latent.space import LatentSpace
from timbrespace.metrics.smoothness import shuffled_smoothness, smoothness

STOPS = 5
"""Places along an axis that have a player."""
POINTS = 25
"""Places along an axis at which descriptors are measured, the stops among them."""
GLIDE_SECONDS = 6.0
COMPANIONS = 2
"""Other moments that are moved along the axis, so that a curve is not one sound's peculiarity."""


@dataclass(frozen=True)
class Smoothness:
    """1 - roughness of what is heard at successive places: along the axis, the same in random order, and at as many
    places drawn at random from the data's normal distribution.
    """

    axis: float
    shuffled: float
    noise: float


@dataclass(frozen=True)
class Journey:
    """A moment moved along a direction: ``at`` (point,) where, in standard deviations; ``curves`` (moment, point,
    descriptor) what is heard there, the journey's own moment first; ``stops`` the sounds at five of the places;
    ``glide`` one sound through all; ``moment`` the number of the moment.
    """

    moment: int
    at: Tensor
    curves: Tensor
    stops: list[Tensor]
    glide: Tensor
    smooth: Smoothness


def representative(space: LatentSpace, moments: Moments) -> int:
    """The number of the medoid: the audible moment whose summed distance to the others is least."""
    audible = moments.audible
    points = space.project(moments.position[audible])
    some = points[:: max(1, len(points) // 1000)]
    return int(audible[torch.cdist(points, some).sum(1).argmin()])


def companions(space: LatentSpace, moments: Moments, chosen: int, *, count: int) -> list[int]:
    """Other audible moments, evenly spread over the first axis."""
    audible = moments.audible[moments.audible != chosen]
    if not len(audible):
        return []
    order = audible[space.project(moments.position[audible])[:, 0].argsort()]
    at = torch.linspace(0, len(order) - 1, count + 2)[1:-1].round().long()
    return list(dict.fromkeys(order[at].tolist()))


class Listener:
    """Moves moments of a survey through its space and hears what becomes of them.

    The first moment is the representative one, which is also played; its companions are only measured. Each keeps
    its own motion and all its other coordinates.
    """

    def __init__(self, codec: Codec, space: LatentSpace, found: Survey, moments: Moments, *, seed: int) -> None:
        self.codec, self.space, self.seed = codec, space, seed
        self.moment = representative(space, moments)
        chosen = [self.moment, *companions(space, moments, self.moment, count=COMPANIONS)]
        self.tracks = [space.project(found.trajectory(moments, m)) for m in chosen]
        self.scale = deviation_of(on_scale(found.heard))
        self.noise = self._scattered(torch_generator(seed, "explore", "noise"))

    def travel(self, direction: Float[Tensor, " axis"], *, ends: tuple[float, float], deviation: float) -> Journey:
        """Along ``direction``, a unit vector in axis coordinates, from one place on it to another.

        ``deviation`` is the data's along it.
        """
        targets = torch.linspace(*ends, POINTS)
        sounds = [self._decode(_moved(t, direction, targets)) for t in self.tracks]
        curves = torch.stack([describe_whole(s, self.codec.sample_rate) for s in sounds])
        stops = torch.linspace(0, POINTS - 1, STOPS).round().long().tolist()
        return Journey(
            moment=self.moment,
            at=targets / max(deviation, 1e-12),
            curves=curves,
            stops=[finish(sounds[0][i], self.codec.sample_rate) for i in stops],
            glide=self._glide(direction, ends),
            smooth=self._smoothness(curves[0]),
        )

    def _glide(self, direction: Tensor, ends: tuple[float, float]) -> Float[Tensor, "channel time"]:
        """One sound in which the looping moment moves from one end to the other."""
        steps = max(2, round(GLIDE_SECONDS * self.codec.sample_rate / self.codec.ratio))
        track = self.tracks[0]
        shift = torch.linspace(*ends, steps) - track.mean(0) @ direction
        looped = track[torch.arange(steps) % len(track)] + shift[:, None] * direction
        return finish(self._decode(looped[None])[0], self.codec.sample_rate)

    def _scattered(self, generator: torch.Generator) -> Tensor:
        """Descriptors (point, descriptor) of the moment at random places of the data's normal distribution."""
        track = self.tracks[0]
        places = torch.randn(POINTS, 1, track.shape[1], generator=generator) * self.space.deviations
        return describe_whole(self._decode(track - track.mean(0) + places), self.codec.sample_rate)

    def _smoothness(self, curves: Tensor) -> Smoothness:
        """Of the descriptors along the way, each in standard deviations of the data, so that they count alike."""
        usable = curves.isfinite().all(0) & self.noise.isfinite().all(0) & (self.scale > 0)
        if not bool(usable.any()):
            return Smoothness(float("nan"), float("nan"), float("nan"))
        along, apart = (on_scale(c)[:, usable] / self.scale[usable] for c in (curves, self.noise))
        generator = torch_generator(self.seed, "explore", "shuffled")
        return Smoothness(smoothness(along), shuffled_smoothness(along, generator=generator), smoothness(apart))

    def _decode(self, tracks: Float[Tensor, "point step axis"]) -> Float[Tensor, "point channel time"]:
        return self.codec.decode(self.space.unproject(tracks).mT.contiguous())


def _moved(track: Tensor, direction: Tensor, targets: Tensor) -> Float[Tensor, "point step axis"]:
    """The moment (step, axis) with the mean of its coordinate along ``direction`` moved to each target."""
    shift = targets - track.mean(0) @ direction
    return track + shift[:, None, None] * direction


def describe_whole(sounds: Float[Tensor, "point channel time"], sample_rate: int) -> Tensor:
    """Descriptors (point, descriptor) of whole sounds."""
    return torch.stack([per_step(describe_sound(s, sample_rate), ratio=s.shape[-1], steps=1)[0] for s in sounds])


def deviation_of(values: Tensor) -> Tensor:
    """Standard deviation of each column, NaN left out."""
    centred = values - values.nanmean(0)
    return centred.square().nanmean(0).sqrt()
