"""Variations of training examples that leave them plausible."""

from __future__ import annotations

from abc import abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor

from timbrespace.core.component import Component
from timbrespace.core.shapes import Frames, Wave


class Augmentation(Component):
    """Varies a batch, first as sound, then as frames; every draw comes from the generator."""

    @abstractmethod
    def vary_wave(self, wave: Wave, *, generator: torch.Generator) -> Float[Tensor, "batch channel shorter"]:
        """The batch before the transform; it may come out shorter."""

    @abstractmethod
    def vary_frames(self, frames: Frames, *, generator: torch.Generator) -> Frames:
        """The batch after the transform."""
