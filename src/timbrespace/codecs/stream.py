"""A codec played live: latents in, sound out, step by step."""

from __future__ import annotations

import torch
from torch import Tensor

from timbrespace.core.errors import ParameterError
from timbrespace.core.shapes import Latents, Wave
from timbrespace.layers.memory import Memory
from timbrespace.models.base import Model
from timbrespace.transforms.base import FrameStream


class SoundStream:
    """The decoder and the live inverse of a :class:`~timbrespace.codecs.sound.SoundCodec`, with their memories.

    Latents are decoded one step at a time whatever the size of the blocks they come in, so that any cut gives the
    same samples, bit for bit. Sample ``n`` stands for sample ``n - latency`` of the same latents decoded as a
    whole; before it come zeros. One stream serves one thread.
    """

    def __init__(self, model: Model, frames: FrameStream, *, lookahead: int, ratio: int, channels: int) -> None:
        self._model = model
        self._inverse = frames
        self._lookahead = lookahead
        self._ratio = ratio
        self._channels = channels
        self.reset()

    @property
    def latency(self) -> int:
        """Samples from a latent to its sound: the decoder's look-ahead and the inverse's overlap and look-ahead."""
        return self._lookahead * self._ratio + self._inverse.latency

    def reset(self) -> None:
        """Forget everything: what follows is what a fresh stream would give."""
        self._inverse.reset()
        self._past: tuple[Tensor, ...] = ()
        self._awaited = self._lookahead

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Wave:
        """The next (1, channel, ``ratio`` * step) samples from the next latents (1, latent, step), which may be none.

        Raises :class:`ParameterError` for another shape and for values that are not finite.
        """
        if latents.ndim != 3 or latents.shape[:2] != (1, self._model.latent_dim):
            raise ParameterError(
                f"A stream takes latents of shape (1, {self._model.latent_dim}, step), not {tuple(latents.shape)}."
            )
        if not bool(torch.isfinite(latents).all()):
            raise ParameterError("A stream takes finite latents; these hold NaN or infinite values.")
        if latents.shape[2] == 0:
            return latents.new_zeros(1, self._channels, 0)
        return torch.cat([self._step(z) for z in latents.split(1, dim=2)], dim=2)

    def _step(self, z: Latents) -> Wave:
        memory = Memory(self._past)
        frames = self._model.decode_next(z, memory)
        self._past = memory.state()
        if self._awaited:  # nothing has been said yet: the decoder is still looking ahead
            self._awaited -= 1
            return z.new_zeros(1, self._channels, self._ratio)
        return self._inverse.push(frames)
