"""A bundle folder, or a TorchScript file, as the codec it holds."""

from __future__ import annotations

from pathlib import Path

from timbrespace.codecs.bundle import Bundle
from timbrespace.codecs.frames import FrameCodec
from timbrespace.codecs.sound import SoundCodec
from timbrespace.codecs.torchscript.codec import TorchScriptCodec
from timbrespace.core.codec import Codec
from timbrespace.core.errors import BundleError, ParameterError
from timbrespace.core.files import sha256

KINDS: dict[str, type[SoundCodec] | type[FrameCodec]] = {"SoundCodec": SoundCodec, "FrameCodec": FrameCodec}


def load(path: str | Path, *, trust: bool = False) -> SoundCodec | FrameCodec | TorchScriptCodec:
    """The trained model in a bundle folder, or with ``trust`` the one in a TorchScript file of RAVE or nn~.

    Raises :class:`BundleError` when the folder is no bundle, is damaged, or is of a newer format, and when a file
    is no model that can be used, or is not trusted.
    """
    return _torchscript(Path(path), trust=trust) if _is_torchscript(path) else load_bundle(path)


def load_bundle(path: str | Path) -> SoundCodec | FrameCodec:
    """The trained model in a bundle folder, of sound or of pictures; raises :class:`BundleError`."""
    bundle = Bundle.open(path)
    kind = str(bundle.config.get("kind"))
    if kind not in KINDS:
        raise BundleError(f"{path} holds a model of unknown kind {kind!r}; known are {', '.join(KINDS)}.")
    try:
        return KINDS[kind].from_bundle(bundle)
    except (ParameterError, KeyError, RuntimeError, TypeError, ValueError, AttributeError) as error:
        reason = str(error).splitlines()[0] if str(error) else repr(error)
        raise BundleError(f"{path} does not fit together ({reason}); it was edited or damaged, restore it.") from None


def load_codec(path: str | Path, *, trust: bool = False) -> Codec:
    """Any model of sound: a bundle folder, or with ``trust`` a TorchScript file of RAVE or nn~."""
    codec = load(path, trust=trust)
    if isinstance(codec, FrameCodec):
        raise _of_pictures(path)
    return codec


def load_sound(path: str | Path) -> SoundCodec:
    """The trained model of sound in a bundle folder; raises :class:`BundleError` for any other, too."""
    if _is_torchscript(path):
        raise BundleError(
            f"{path} is a TorchScript model, and this works with models that 'timbrespace train' wrote;"
            " give the folder of one."
        )
    codec = load(path)
    if not isinstance(codec, SoundCodec):
        raise _of_pictures(path)
    return codec


def _is_torchscript(path: str | Path) -> bool:
    return Path(path).suffix.lower() == ".ts" and not Path(path).is_dir()


def _torchscript(path: Path, *, trust: bool) -> TorchScriptCodec:
    if trust or not path.is_file():
        return TorchScriptCodec(path)
    try:
        digest = sha256(path)
    except OSError as error:
        raise BundleError(f"{path} cannot be read ({error.strerror}); give another file.") from None
    raise BundleError(
        f"{path} is a TorchScript file, a program of whoever made it (SHA-256 {digest}); if you know where it is from,"
        " add --trust (in Python: trust=True), and it is run in a process of its own with limits."
    )


def _of_pictures(path: str | Path) -> BundleError:
    return BundleError(f"{path} holds a model of pictures, and this needs a model of sound; choose another one.")
