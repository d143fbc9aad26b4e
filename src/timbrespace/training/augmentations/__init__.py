"""The catalogue of augmentations: what is exported here exists."""

from timbrespace.training.augmentations.base import Augmentation
from timbrespace.training.augmentations.sound_variations import SoundVariations

__all__ = ["Augmentation", "SoundVariations"]
