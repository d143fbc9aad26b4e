"""A bundle folder as the codec it holds."""

from __future__ import annotations

from pathlib import Path

from timbrespace.codecs.bundle import Bundle
from timbrespace.codecs.frames import FrameCodec
from timbrespace.codecs.sound import SoundCodec
from timbrespace.core.errors import BundleError, ParameterError

KINDS: dict[str, type[SoundCodec] | type[FrameCodec]] = {"SoundCodec": SoundCodec, "FrameCodec": FrameCodec}


def load(path: str | Path) -> SoundCodec | FrameCodec:
    """The trained model in a bundle folder.

    Raises :class:`BundleError` when the folder is no bundle, is damaged, or is of a newer format.
    """
    bundle = Bundle.open(path)
    kind = str(bundle.config.get("kind"))
    if kind not in KINDS:
        raise BundleError(f"{path} holds a model of unknown kind {kind!r}; known are {', '.join(KINDS)}.")
    try:
        return KINDS[kind].from_bundle(bundle)
    except (ParameterError, KeyError, RuntimeError, TypeError, ValueError, AttributeError) as error:
        reason = str(error).splitlines()[0] if str(error) else repr(error)
        raise BundleError(f"{path} does not fit together ({reason}); it was edited or damaged, restore it.") from None


def load_sound(path: str | Path) -> SoundCodec:
    """The trained model of sound in a bundle folder; raises :class:`BundleError` for any other, too."""
    codec = load(path)
    if not isinstance(codec, SoundCodec):
        raise BundleError(f"{path} holds a model of pictures, and this needs a model of sound; choose another one.")
    return codec
