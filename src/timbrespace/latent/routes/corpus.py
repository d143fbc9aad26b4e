"""Through the sounds themselves."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor

from timbrespace.core.knob import Knob
from timbrespace.latent.paths import Path, Trajectory
from timbrespace.latent.paths.duration import steps_in
from timbrespace.latent.routes.base import Route
from timbrespace.latent.surroundings import Surroundings
from timbrespace.latent.tour import short_tour

MOST_PLACES = 512
"""Moments of one tour; a longer path goes there and back."""


class Corpus(Route):
    """Moments of ``moment`` seconds of the sounds, as they were, in an order in which neighbours are alike.

    Moments are drawn from all sounds, and ordered by a short tour through their mean places in the space's metric
    (:func:`~timbrespace.latent.tour.short_tour`); with a recording at the beginning or the end, the tour begins or
    ends at the moment nearest to it. Two moments overlap by ``join`` seconds, in which one passes linearly into the
    next; all other points are those of sounds. Where the corpus is used up, it goes back.
    """

    def __init__(
        self,
        *,
        moment: Annotated[float, Knob(0.05, 60.0, "s", "log")] = 0.5,
        join: Annotated[float, Knob(0.0, 30.0, "s")] = 0.1,
    ) -> None:
        self.moment, self.join = moment, join

    def path(self, surroundings: Surroundings, *, seconds: float, rate_hz: float, generator: torch.Generator) -> Path:
        steps = steps_in(seconds, rate_hz)
        longest = max(len(s) for s in surroundings.sounds)
        length = min(max(1, round(self.moment * rate_hz)), longest)
        overlap = min(round(self.join * rate_hz), length // 2)
        count = max(1, math.ceil((steps - overlap) / (length - overlap)))
        moments = torch.cat(
            [s[: len(s) // length * length].reshape(-1, length, s.shape[1]) for s in surroundings.sounds]
        )
        tour = _tour(surroundings, moments, min(count, MOST_PLACES), generator)
        there_and_back = torch.cat([tour, tour.flip(0)[1:-1]])
        return Path(
            _joined(moments[there_and_back[torch.arange(count) % len(there_and_back)]], overlap)[:steps], rate_hz
        )


def _tour(
    surroundings: Surroundings, moments: Float[Tensor, "moment step latent"], count: int, generator: torch.Generator
) -> Tensor:
    """Numbers of ``count`` moments, or all there are, in the order in which they are visited."""
    places = surroundings.space.project(moments.mean(1))
    ends: list[int | None] = []
    for recording in (surroundings.start, surroundings.end):
        home = None if recording is None else surroundings.space.project(recording.mean(0))
        ends.append(None if home is None else int((places - home).square().sum(1).argmin()))
    given = list(dict.fromkeys(e for e in ends if e is not None))
    others = [m for m in torch.randperm(len(moments), generator=generator).tolist() if m not in given]
    chosen = [*given, *others[: max(0, count - len(given))]]
    distances = torch.cdist(places[chosen].double(), places[chosen].double()).numpy()
    first = None if ends[0] is None else chosen.index(ends[0])
    last = None if ends[1] is None or ends[1] == ends[0] else chosen.index(ends[1])
    return torch.tensor(chosen)[torch.from_numpy(short_tour(distances, first=first, last=last)).long()]


def _joined(moments: Float[Tensor, "moment step latent"], overlap: int) -> Trajectory:
    """Moments one after the other, each passing into the next over ``overlap`` steps."""
    count, length, size = moments.shape
    stride = length - overlap
    rising = torch.arange(1, overlap + 1) / (overlap + 1)
    weight = torch.ones(length)
    weight[:overlap] = rising
    falling = torch.ones(length)
    falling[stride:] = 1 - rising
    path = torch.zeros(stride * (count - 1) + length, size)
    for k, moment in enumerate(moments):
        shape = (weight if k else torch.ones(length)) * (falling if k < count - 1 else torch.ones(length))
        path[k * stride : k * stride + length] += shape[:, None] * moment
    return path
