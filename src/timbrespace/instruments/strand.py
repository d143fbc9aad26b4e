"""Sound from a codec's stream in any number of samples, and in time: started, it sounds with its first sample."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch

from timbrespace.core.codec import CodecStream

LEAD_IN: Final = 1
"""Latent steps decoded before the first that is heard, so that decoder and phase know what precedes it."""

Array = npt.NDArray[Any]
Source = Callable[[], Array]
"""Gives the next latent vector (latent,)."""


class Strand:
    """One line of sound: latent steps are fetched and decoded when their samples are needed, and kept until then.

    A stream answers ``latency`` samples late. What it says meanwhile is not heard: :meth:`begin` decodes as many
    steps as it takes and throws the beginning away, so that the first sample rendered is the first of the first
    step. From then on a step is fetched ``latency`` samples before it is heard. ``mended`` counts blocks that were
    not finite; they are replaced by silence and the stream, which would remember them, starts again.
    """

    def __init__(self, stream: CodecStream, *, ratio: int, channels: int) -> None:
        self._stream = stream
        self._ratio = ratio
        self._channels = channels
        self._source: Source = lambda: np.zeros(0)
        self._lead: list[Array] = []
        self._late = 0
        self._rest = np.zeros((channels, 0), np.float32)
        self.mended = 0

    @property
    def latency(self) -> int:
        return self._stream.latency

    def begin(self, source: Source, *, lead: Array) -> None:
        """Start anew with what ``source`` gives, preceded by ``lead`` (step, latent), which is not heard."""
        self._stream.reset()
        self._source = source
        self._lead = list(lead)
        self._late = len(self._lead) * self._ratio + self._stream.latency
        self._rest = np.zeros((self._channels, 0), np.float32)

    def render(self, n: int) -> Array:
        """The next samples (channel, n)."""
        while self._rest.shape[1] < n + self._late:  # step by step, so that any n finds the same samples
            self._rest = np.concatenate([self._rest, self._decode(self._next())], axis=1)
        start, self._late = self._late, 0
        out = self._rest[:, start : start + n]
        self._rest = self._rest[:, start + n :]
        return out

    def _next(self) -> Array:
        return self._lead.pop(0) if self._lead else self._source()

    def _decode(self, step: Array) -> Array:
        """Sound (channel, time) of a step (latent,)."""
        z = torch.from_numpy(np.ascontiguousarray(step, np.float32))[None, :, None]
        sound = self._stream.decode(z)[0].numpy()
        if np.isfinite(sound).all():
            return sound
        self.mended += 1
        self._stream.reset()
        return np.zeros_like(sound)
