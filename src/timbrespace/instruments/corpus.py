"""The sounds a model was trained on, as an instrument finds its way among them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch

from timbrespace.codecs.sound import SoundCodec
from timbrespace.codecs.space import stored_descriptors
from timbrespace.core.errors import BundleError, ParameterError
from timbrespace.latent.space import LatentSpace

MOMENT_STEPS: Final = 8
"""Latent steps of a moment: about a third of a second, a syllable or a stroke."""
MAX_MOMENTS: Final = 10_000

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Corpus:
    """Latent steps on the axes of the space, cut into moments.

    ``steps`` (step, axis), sound after sound; sound s has the steps ``bounds[s]`` to ``bounds[s + 1]`` (without the
    last) and the name ``names[s]``. Per moment: ``starts`` its first step, ``sources`` its sound, ``seconds`` its
    time in it, ``positions`` (moment, axis) the mean of its steps, and ``descriptors`` (moment, descriptor) likewise,
    NaN where undefined, or None.
    """

    steps: Array
    bounds: Array
    names: tuple[str, ...]
    starts: Array
    sources: Array
    seconds: Array
    positions: Array
    descriptors: Array | None
    rate_hz: float

    @classmethod
    def of(cls, codec: SoundCodec, space: LatentSpace, *, max_moments: int = MAX_MOMENTS) -> Corpus:
        """The corpus that the bundle of ``codec`` holds; raises :class:`BundleError` if there is none."""
        if "vectors" not in codec.latent:
            raise BundleError(
                "This model does not hold the latents of its training sounds, so there is nothing to play from;"
                " train it again with this version."
            )
        vectors = codec.latent["vectors"]
        source = codec.latent.get("source", torch.zeros(len(vectors)))
        named = codec.bundle.config.get("sounds", []) if codec.bundle else []
        described = stored_descriptors(codec.latent)
        return cls.cut(
            space.project(vectors).numpy(),
            source.numpy(),
            names=tuple(str(n) for n in named),
            rate_hz=codec.rate_hz,
            descriptors=None if described is None else described.numpy(),
            max_moments=max_moments,
        )

    @classmethod
    def cut(
        cls,
        steps: Array,
        source: Array,
        *,
        names: tuple[str, ...] = (),
        rate_hz: float,
        descriptors: Array | None = None,
        max_moments: int = MAX_MOMENTS,
    ) -> Corpus:
        """Steps (step, axis) cut where ``source`` (step,), an index into ``names``, changes, and then into moments.

        A sound shorter than a moment is one; what is left over at its end belongs to none, though it is played. More
        than ``max_moments`` are thinned evenly.
        """
        if len(steps) == 0 or len(source) != len(steps):
            raise ParameterError(
                f"A corpus needs latent steps and the sound of each, not {len(steps)} and {len(source)}."
            )
        bounds = np.concatenate([[0], np.flatnonzero(np.diff(source)) + 1, [len(source)]]).astype(np.int64)
        starts, sources = _moments(bounds)
        kept = np.unique(np.linspace(0, len(starts) - 1, min(len(starts), max_moments)).round().astype(np.int64))
        starts, sources = starts[kept], sources[kept]
        ends = np.minimum(starts + MOMENT_STEPS, bounds[sources + 1])
        return cls(
            steps=np.ascontiguousarray(steps, np.float64),
            bounds=bounds,
            names=tuple(_name(names, int(source[b])) for b in bounds[:-1]),
            starts=starts,
            sources=sources,
            seconds=(starts - bounds[sources]) / rate_hz,
            positions=_means(np.asarray(steps, np.float64), starts, ends),
            descriptors=None if descriptors is None else _means(descriptors.astype(np.float64), starts, ends),
            rate_hz=rate_hz,
        )

    def __len__(self) -> int:
        return len(self.starts)

    def span(self, moment: int) -> tuple[int, int]:
        """First and one past the last step of the sound a moment is of."""
        sound = int(self.sources[moment])
        return int(self.bounds[sound]), int(self.bounds[sound + 1])


def _moments(bounds: Array) -> tuple[Array, Array]:
    """First steps and sounds of all moments."""
    counts = np.maximum(1, np.diff(bounds) // MOMENT_STEPS)
    sources = np.repeat(np.arange(len(counts)), counts)
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return bounds[sources] + MOMENT_STEPS * within, sources


def _means(values: Array, starts: Array, ends: Array) -> Array:
    """Means over the steps of each moment, leaving out what is undefined."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # where nothing is defined the mean is NaN, as it should be
        return np.stack([np.nanmean(values[a:b], axis=0) for a, b in zip(starts, ends, strict=True)])


def _name(names: tuple[str, ...], source: int) -> str:
    return names[source] if 0 <= source < len(names) else f"sound {source + 1}"
