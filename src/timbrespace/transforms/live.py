"""The live inverse of the log-magnitude transforms: frames to magnitude to sound, frame by frame."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from timbrespace.core.errors import ParameterError
from timbrespace.core.shapes import Frames, Wave
from timbrespace.transforms.base import FrameStream, PhaseStream

ToMagnitude = Callable[[Tensor], Tensor]
"""From one normalised frame (channel, feature, 1) to the STFT's magnitude (channel, bin)."""


class LiveFrames(FrameStream):
    """A magnitude found by ``to_magnitude`` for one frame at a time, given to a live phase reconstruction."""

    def __init__(
        self, to_magnitude: ToMagnitude, phase: PhaseStream, *, channels: int, n_features: int, hop_length: int
    ) -> None:
        self._to_magnitude = to_magnitude
        self._phase = phase
        self._shape = (1, channels, n_features)
        self._hop_length = hop_length

    @property
    def latency(self) -> int:
        return self._phase.latency

    @torch.no_grad()
    def push(self, frames: Frames) -> Wave:
        if frames.shape[:3] != self._shape:
            raise ParameterError(
                f"The stream takes frames of shape {self._shape} and any number of frames, not {tuple(frames.shape)}."
            )
        # Vectorised functions round differently in other layouts: each frame is laid out as if it came alone.
        singles = frames.detach().to("cpu", torch.float32)[0].permute(2, 0, 1).contiguous()
        sounds = [self._phase.push(self._to_magnitude(single[..., None])[..., None]) for single in singles]
        return torch.cat(sounds, dim=-1)[None] if sounds else frames.new_zeros(1, self._shape[1], 0)

    def reset(self) -> None:
        self._phase.reset()
