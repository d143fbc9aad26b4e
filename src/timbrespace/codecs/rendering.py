"""What one does with a codec and files: encode, decode, resynthesise, travel a path."""

from __future__ import annotations

import errno
import io
import math
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from timbrespace.audio.output_stage import finish
from timbrespace.audio.writing import write
from timbrespace.codecs.recordings import read_for
from timbrespace.codecs.sound import SoundCodec
from timbrespace.codecs.surroundings import surroundings_of
from timbrespace.core.codec import Codec, rate_hz
from timbrespace.core.errors import DataError, ParameterError
from timbrespace.core.files import atomic_file, refuse_existing, storage_error
from timbrespace.core.seeds import torch_generator
from timbrespace.latent.paths import Path
from timbrespace.latent.routes.base import Route, Timed
from timbrespace.latent.routes.choice import route_of
from timbrespace.latent.surroundings import Surroundings

LATENTS = "latents"
USUAL_SECONDS = 8.0
"""What a path lasts that neither the user nor the route times."""
MAX_MINUTES = 30.0
"""The longest path: as long as the longest sound that is read."""
MAX_LATENTS_BYTES = 2**30
"""The largest file of latents unpacked: a day of sixty-four latents at 22 Hz fits in half of it."""


@dataclass(frozen=True)
class StoredLatents:
    """Latents (batch, latent, step) on disk, their rate in Hz, and the length in samples they stand for."""

    latents: np.ndarray
    rate_hz: float
    length: int


def encode_file(codec: Codec, audio: str | FilePath, out: str | FilePath, *, force: bool = False) -> StoredLatents:
    """Write the latents of a sound file as ``.npz`` with ``latents``, ``rate_hz`` and ``length``."""
    target = with_suffix(out, ".npz")
    check_target(target, force=force)
    wave = read_for(codec, audio)
    stored = StoredLatents(codec.encode(wave).numpy(), rate_hz(codec), wave.shape[-1])
    _store(target, stored)
    return stored


def read_latents(path: str | FilePath) -> StoredLatents:
    """Latents from an ``.npz`` that :func:`encode_file` or anyone else wrote.

    Only ``latents`` is required, as (batch, latent, step) or (latent, step). Raises :class:`DataError`.
    """
    try:
        _refuse_bomb(FilePath(path))
        with np.load(path, allow_pickle=False) as file:
            if LATENTS not in file:
                raise DataError(f"{path} holds {', '.join(file) or 'nothing'}; expected an array named 'latents'.")
            latents = np.atleast_2d(np.asarray(file[LATENTS], dtype=np.float32))
            rate = float(file["rate_hz"]) if "rate_hz" in file else 0.0
            length = int(file["length"]) if "length" in file else 0
    except FileNotFoundError:
        raise DataError(f"There is no file {path}; give an .npz that 'timbrespace encode' wrote.") from None
    except (OSError, ValueError, TypeError, OverflowError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path} is no .npz of latents ({error}); give one that 'timbrespace encode' wrote.") from None
    except (MemoryError, NotImplementedError, RuntimeError) as error:  # absurd sizes, unknown or encrypted archives
        raise DataError(f"{path} cannot be unpacked ({error}); give one that 'timbrespace encode' wrote.") from None
    return StoredLatents(latents[None] if latents.ndim == 2 else latents, rate, length)


def _refuse_bomb(path: FilePath) -> None:
    """Refuse an archive that unpacks to more than any latents need."""
    with zipfile.ZipFile(path) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
    if size > MAX_LATENTS_BYTES:
        raise DataError(f"{path} unpacks to {size:,} bytes, more than latents need; give one that 'encode' wrote.")


def decode_file(codec: Codec, latents: str | FilePath, out: str | FilePath, *, force: bool = False) -> float:
    """Write the sound of stored latents; returns its seconds."""
    check_target(FilePath(out), force=force)
    stored = read_latents(latents)
    steps = stored.latents.shape[-1]
    if not 0 <= stored.length <= steps * codec.ratio:
        raise DataError(
            f"{latents} says it stands for {stored.length:,} samples, but {steps:,} steps of this model make"
            f" {steps * codec.ratio:,}; give the model that encoded it, or leave 'length' out."
        )
    wave = codec.decode(torch.from_numpy(stored.latents), length=stored.length or None)
    return _write(codec, wave, out)


def resynth_file(
    codec: Codec,
    audio: str | FilePath,
    out: str | FilePath,
    *,
    phase: Literal["predicted", "stored"] = "predicted",
    force: bool = False,
) -> float:
    """Write a sound as the model rebuilds it, with its own phase if that is to be ``stored``; returns its seconds."""
    check_target(FilePath(out), force=force)
    wave = read_for(codec, audio)
    if phase == "stored":
        if not isinstance(codec, SoundCodec):
            raise ParameterError("Only a model of the recipe 'stft' keeps phases; leave --phase out.")
        return _write(codec, codec.resynthesise(wave, stored_phase=True), out)
    return _write(codec, codec.decode(codec.encode(wave), length=wave.shape[-1]), out)


def make_path(
    codec: Codec,
    kind: str,
    *,
    settings: Iterable[str] = (),
    data: str | FilePath | None = None,
    start: str | FilePath | None = None,
    end: str | FilePath | None = None,
    seconds: float | None = 8.0,
    seed: int = 0,
) -> Path:
    """A path through the codec's space at its own rate.

    ``kind`` names a :class:`~timbrespace.latent.routes.Route` in lower case and ``settings`` its arguments, as in
    ``("radius=2",)``. ``start`` and ``end`` are recordings; where a route needs one that is not given, a sound is drawn
    from those the model was trained on, or from the folder ``data``.
    """
    route = route_of(kind, settings)
    check_seconds(seconds)
    surroundings = surroundings_of(codec, data=data, start=start, end=end, seed=seed)
    return follow(route, surroundings, rate_hz=rate_hz(codec), seconds=seconds, seed=seed)


def follow(
    route: Route, surroundings: Surroundings, *, rate_hz: float, seconds: float | None = None, seed: int = 0
) -> Path:
    """The path of a route; it lasts as long as the route says, else :data:`USUAL_SECONDS`, if no time is given."""
    check_seconds(seconds)
    if seconds is None and isinstance(route, Timed):
        seconds = route.duration(surroundings, rate_hz=rate_hz)
        check_seconds(seconds)
    generator = torch_generator(seed, type(route).__name__.lower())
    wanted = USUAL_SECONDS if seconds is None else seconds
    return route.path(surroundings, seconds=wanted, rate_hz=rate_hz, generator=generator)


def check_seconds(seconds: float | None) -> None:
    """Raise :class:`ParameterError` for a time that no path lasts."""
    if seconds is not None and not (math.isfinite(seconds) and 0 < seconds <= MAX_MINUTES * 60):
        raise ParameterError(
            f"A path lasts more than 0 and up to {MAX_MINUTES * 60:,.0f} seconds, not {seconds:g}; give another time."
        )


def render_path(codec: Codec, path: Path, out: str | FilePath, *, force: bool = False) -> float:
    """Write the sound of a path; returns its seconds."""
    check_target(FilePath(out), force=force)
    return _write(codec, codec.decode(path.resample(rate_hz(codec)).latents()), out)


def write_path(codec: Codec, path: Path, out: str | FilePath, *, force: bool = False) -> None:
    """Write the points of a path as :func:`encode_file` writes those of a sound: ``decode`` makes it sound again."""
    target = with_suffix(out, ".npz")
    check_target(target, force=force)
    steps = path.resample(rate_hz(codec)).latents()
    _store(target, StoredLatents(steps.numpy(), rate_hz(codec), steps.shape[-1] * codec.ratio))


def _write(codec: Codec, wave: Tensor, out: str | FilePath) -> float:
    if wave.shape[0] != 1:
        raise ParameterError(
            f"A file holds one sound, and there are {wave.shape[0]} in this batch; give them one by one."
        )
    sound = finish(wave[0], codec.sample_rate)
    write(out, sound, codec.sample_rate)
    return sound.shape[-1] / codec.sample_rate


def _store(target: FilePath, stored: StoredLatents) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, latents=stored.latents, rate_hz=stored.rate_hz, length=stored.length)
    with atomic_file(target) as partial:
        partial.write_bytes(buffer.getvalue())


def check_target(target: FilePath, *, force: bool) -> None:
    """Refuse a place that cannot be written to before the work is done, not after it."""
    refuse_existing(target, force=force)
    if not target.parent.is_dir():
        raise storage_error(FileNotFoundError(errno.ENOENT, "no such folder"), target)


def with_suffix(out: str | FilePath, suffix: str) -> FilePath:
    """The place for latents, if its name ends as theirs do."""
    target = FilePath(out)
    if target.suffix.lower() != suffix:
        raise ParameterError(f"Latents are written as {suffix}, and {target.name!r} does not end so; rename it.")
    return target
