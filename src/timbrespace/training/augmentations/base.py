"""Variations of training examples that leave them plausible."""

from __future__ import annotations

from abc import abstractmethod

import torch

from timbrespace.core.component import Component
from timbrespace.core.shapes import Frames, Wave


class Augmentation(Component):
    """Varies a batch, first as sound, then as frames; every draw comes from the generator."""

    @abstractmethod
    def vary_wave(self, wave: Wave, *, generator: torch.Generator) -> Wave:
        """The batch before the transform."""

    @abstractmethod
    def vary_frames(self, frames: Frames, *, generator: torch.Generator) -> Frames:
        """The batch after the transform."""
