"""The live inverse of transforms whose inverse is a :class:`~timbrespace.layers.live_step.LiveStep`."""

from __future__ import annotations

import torch

from timbrespace.core.errors import ParameterError
from timbrespace.core.shapes import Frames, Wave
from timbrespace.layers.live_step import LiveStep
from timbrespace.transforms.base import FrameStream


class SteppedFrames(FrameStream):
    """One frame at a time through a step, whatever the blocks, so that every cut gives the same samples."""

    def __init__(self, step: LiveStep, *, channels: int, n_features: int) -> None:
        self._step = step
        self._shape = (1, channels, n_features)
        self._state = step.initial()

    @property
    def latency(self) -> int:
        return self._step.latency

    @torch.no_grad()
    def push(self, frames: Frames) -> Wave:
        if frames.shape[:3] != self._shape:
            raise ParameterError(
                f"The stream takes frames of shape {self._shape} and any number of frames, not {tuple(frames.shape)}."
            )
        sounds = []
        for frame in torch.nan_to_num(frames.detach()).unbind(3):
            sound, *state = self._step(frame[..., None], *self._state)
            self._state = tuple(state)
            sounds.append(sound)
        return torch.cat(sounds, dim=2) if sounds else frames.new_zeros(1, self._shape[1], 0)

    def reset(self) -> None:
        self._state = self._step.initial()
