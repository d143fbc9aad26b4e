"""Instruments from models on disk, made inside the engine's own process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from timbrespace.instruments.base import Instrument

Maker: TypeAlias = Callable[[Path, int], Instrument]
"""From a model's folder and a seed to an instrument; a function of a module, so that another process finds it."""


def latent_voice(model: Path, seed: int) -> Instrument:
    """The latent voice of a trained model."""
    from timbrespace.codecs.loading import load_sound
    from timbrespace.codecs.space import space_of
    from timbrespace.instruments.corpus import Corpus
    from timbrespace.instruments.latent_voice import LatentVoice

    codec = load_sound(model)
    codec.stream()  # a model that cannot play live says so first
    space = space_of(codec)
    return LatentVoice(codec, space, Corpus.of(codec, space), seed=seed)
