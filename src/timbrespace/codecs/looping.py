"""A trajectory of latents as a loop of sound: what a sound table is made of."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from timbrespace.core.codec import LiveCodec
from timbrespace.core.errors import ParameterError

Array = npt.NDArray[Any]


def centred_line(mean: Array, end: Array, *, steps: int) -> Array:
    """The line through ``mean`` (latent,) from ``mean - end`` to ``mean + end``, points (step, latent) evenly on it."""
    return mean + np.linspace(-1.0, 1.0, steps)[:, None] * end


def looping_table(codec: LiveCodec, latents: Array, *, crossfade: int) -> Array:
    """The loop (channel, sample) of latents (step, latent); see :class:`LoopMaker`."""
    maker = LoopMaker(codec, latents, crossfade=crossfade)
    while not maker.done:
        maker.step()
    return maker.table()


class LoopMaker:
    """Decodes a trajectory, one latent step at a call, and closes its sound into a loop.

    It is decoded as one plays it, by the codec's stream from its beginning, and the stream's latency is taken off;
    while the last samples are awaited the last latent stands. Of the ``T = ratio * steps`` samples the last
    ``C = crossfade`` fade into the first: ``x[n] = w x[n] + (1 - w) x[T - C + n]``,
    ``w = sin²(pi/2 (n + 1) / (C + 1))``; the loop has T - C samples. ``mended`` counts blocks that were not finite and
    are silent.
    """

    def __init__(self, codec: LiveCodec, latents: Array, *, crossfade: int) -> None:
        total = codec.ratio * len(latents)
        if latents.ndim != 2 or latents.shape[1] != codec.latent_dim or len(latents) == 0:
            raise ParameterError(
                f"A sound table is made of latents of shape (step, {codec.latent_dim}), not {tuple(latents.shape)}."
            )
        if not 0 <= crossfade <= total // 2:
            raise ParameterError(
                f"{len(latents)} latent steps are {total} samples, of which 0 to {total // 2} can be crossfaded,"
                f" not {crossfade}."
            )
        self._stream = codec.stream()
        self._skip, self._total, self._crossfade = self._stream.latency, total, crossfade
        more = np.repeat(latents[-1:], math.ceil(self._skip / codec.ratio), axis=0)
        self._latents = torch.from_numpy(np.concatenate([latents, more]).astype(np.float32))
        self._blocks: list[Array] = []
        self.mended = 0

    @property
    def steps(self) -> int:
        """Calls of :meth:`step` that it takes."""
        return len(self._latents)

    @property
    def decoded(self) -> int:
        """Steps that are decoded."""
        return len(self._blocks)

    @property
    def done(self) -> bool:
        """Whether all is decoded."""
        return self.decoded == self.steps

    def step(self) -> None:
        """Decode the next step."""
        block = self._stream.decode(self._latents[len(self._blocks)][None, :, None])[0].numpy()
        if not np.isfinite(block).all():
            self.mended += 1
            self._stream.reset()
            block = np.zeros_like(block)
        self._blocks.append(block)

    def table(self) -> Array:
        """The loop (channel, sample), once all is decoded."""
        sound = np.concatenate(self._blocks, axis=1)[:, self._skip : self._skip + self._total]
        return closed(sound, crossfade=self._crossfade)


def closed(sound: Array, *, crossfade: int) -> Array:
    """A sound (channel, sample) without its last ``crossfade`` samples, which fade into the first."""
    if crossfade == 0:
        return np.ascontiguousarray(sound)
    kept = sound.shape[1] - crossfade
    rise = np.sin(np.pi / 2 * np.arange(1, crossfade + 1) / (crossfade + 1)) ** 2
    table = sound[:, :kept].copy()
    table[:, :crossfade] = rise * sound[:, :crossfade] + (1 - rise) * sound[:, kept:]
    return table
