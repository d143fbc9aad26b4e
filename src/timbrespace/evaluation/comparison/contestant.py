"""A model that is compared: its space, and the sounds in it as two halves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from timbrespace.codecs.sound import SoundCodec
from timbrespace.codecs.surroundings import surroundings_of
from timbrespace.core.codec import Codec, rate_hz
from timbrespace.core.errors import DataError
from timbrespace.core.seeds import numpy_generator
from timbrespace.datasets.base import Progress
from timbrespace.datasets.series import series_of
from timbrespace.latent.coverage import Ground
from timbrespace.latent.surroundings import Surroundings

REAL_POINTS = 2000
"""Real points by which coverage is judged."""


@dataclass(frozen=True)
class Contestant:
    """A codec among others.

    The sounds are halved, whole series together: ``known`` is the half that paths are led through (hands are mapped to
    it, lines run between its sounds), ``reference`` the half that they are judged by, so that no path is right
    only because it repeats what it is compared with. ``ground`` holds the reference's points.
    """

    name: str
    codec: Codec
    known: Surroundings
    reference: Surroundings
    ground: Ground

    @property
    def rate_hz(self) -> float:
        """Latent steps per second."""
        return rate_hz(self.codec)

    @property
    def learned(self) -> frozenset[str]:
        """Names of the sounds the model was trained on, where it tells them."""
        bundle = self.codec.bundle if isinstance(self.codec, SoundCodec) else None
        return frozenset(str(n) for n in bundle.config.get("sounds", ())) if bundle is not None else frozenset()


def contestant(
    name: str, codec: Codec, data: str | Path, *, seed: int = 0, progress: Progress | None = None
) -> Contestant:
    """Encode the sounds of a folder and halve them. Raises :class:`DataError` where there are too few to be halved."""
    everything = surroundings_of(codec, data=data, seed=seed, progress=progress)
    known, reference = halves(everything, seed=seed)
    points = reference.space.project(reference.vectors)
    some = evenly(len(points), REAL_POINTS)
    ground = Ground.fit(points[some], reference.source[some])
    return Contestant(name, codec, known, reference, ground)


def halves(whole: Surroundings, *, seed: int) -> tuple[Surroundings, Surroundings]:
    """The sounds in two parts of about as many; files of one series stay together where there are four series.

    The parts follow from names and seed alone, so that all models have the same.
    """
    names = whole.names or tuple(str(i) for i in range(len(whole.sounds)))
    if len(names) < 4:
        raise DataError(
            f"A comparison needs 4 sounds or more, half to lead paths and half to judge; there are {len(names)}."
        )
    kinds = [series_of(n) for n in names]
    kinds = kinds if len(set(kinds)) > 3 else list(names)
    order = numpy_generator(seed, "halves").permutation(sorted(set(kinds)))
    first: set[str] = set()
    for kind in order:
        if 2 * sum(k in first for k in kinds) < len(kinds) and len(first) < len(order) - 1:
            first.add(str(kind))
    chosen = np.array([k in first for k in kinds])
    return _part(whole, chosen), _part(whole, ~chosen)


def _part(whole: Surroundings, sounds: np.ndarray) -> Surroundings:
    kept = torch.from_numpy(sounds)[whole.source]
    return replace(
        whole,
        vectors=whole.vectors[kept],
        source=whole.source[kept],
        descriptors=None if whole.descriptors is None else whole.descriptors[kept],
    )


def evenly(n: int, most: int) -> Tensor:
    """At most ``most`` of the numbers below ``n``, evenly spread."""
    return torch.linspace(0, n - 1, min(n, most)).round().long()
