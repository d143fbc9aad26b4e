"""Instruments from models on disk, made inside the engine's own process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from timbrespace.core.errors import ParameterError, did_you_mean
from timbrespace.instruments.base import Instrument

if TYPE_CHECKING:
    from timbrespace.codecs.sound import SoundCodec
    from timbrespace.instruments.corpus import Corpus
    from timbrespace.latent.space import LatentSpace

Maker: TypeAlias = Callable[[Path, int], Instrument]
"""From a model's folder and a seed to an instrument; a function of a module, so that another process finds it."""


def latent_voice(model: Path, seed: int) -> Instrument:
    """The latent voice of a trained model."""
    from timbrespace.instruments.latent_voice import LatentVoice

    return LatentVoice(*_playable(model), seed=seed)


def granulator(model: Path, seed: int) -> Instrument:
    """The granulator of a trained model: every grain decoded for itself."""
    from timbrespace.instruments.granulator import Granulator

    return Granulator(*_playable(model), seed=seed)


def sound_table(model: Path, seed: int) -> Instrument:
    """The sound table of a trained model: a trajectory as a loop, read by a granulator."""
    from timbrespace.instruments.sound_table import SoundTable

    return SoundTable(*_playable(model), seed=seed)


VOICE: Final = "voice"
MAKERS: Final[dict[str, Maker]] = {VOICE: latent_voice, "granulator": granulator, "table": sound_table}
"""By the names people use."""


def maker_of(name: str) -> Maker:
    """The maker of the instrument called ``name``; raises :class:`ParameterError` naming the nearest."""
    if name not in MAKERS:
        raise ParameterError(f"There is no instrument {name!r}. {did_you_mean(name, MAKERS)}")
    return MAKERS[name]


def _playable(model: Path) -> tuple[SoundCodec, LatentSpace, Corpus]:
    """What an instrument is made of; raises where the model cannot be played."""
    from timbrespace.codecs.loading import load_sound
    from timbrespace.codecs.space import space_of
    from timbrespace.instruments.corpus import Corpus

    codec = load_sound(model)
    codec.stream()  # a model that cannot play live says so first
    space = space_of(codec)
    return codec, space, Corpus.of(codec, space)
