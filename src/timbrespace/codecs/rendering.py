"""What one does with a codec and files: encode, decode, resynthesise, travel a path."""

from __future__ import annotations

import errno
import io
import math
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from timbrespace.audio.output_stage import finish
from timbrespace.audio.reading import read
from timbrespace.audio.writing import write
from timbrespace.codecs.sound import SoundCodec
from timbrespace.core.errors import DataError, ParameterError
from timbrespace.core.files import atomic_file, refuse_existing, storage_error
from timbrespace.core.seeds import torch_generator
from timbrespace.latent.paths import Path, line, random_walk, slerp

PathKind = Literal["line", "slerp", "walk"]
LATENTS = "latents"
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


def encode_file(codec: SoundCodec, audio: str | FilePath, out: str | FilePath, *, force: bool = False) -> StoredLatents:
    """Write the latents of a sound file as ``.npz`` with ``latents``, ``rate_hz`` and ``length``."""
    target = _with_suffix(out, ".npz")
    _check_target(target, force=force)
    wave = read_for(codec, audio)
    stored = StoredLatents(codec.encode(wave).numpy(), codec.rate_hz, wave.shape[-1])
    buffer = io.BytesIO()
    np.savez(buffer, latents=stored.latents, rate_hz=stored.rate_hz, length=stored.length)
    with atomic_file(target) as partial:
        partial.write_bytes(buffer.getvalue())
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


def decode_file(codec: SoundCodec, latents: str | FilePath, out: str | FilePath, *, force: bool = False) -> float:
    """Write the sound of stored latents; returns its seconds."""
    _check_target(FilePath(out), force=force)
    stored = read_latents(latents)
    steps = stored.latents.shape[-1]
    if not 0 <= stored.length <= steps * codec.ratio:
        raise DataError(
            f"{latents} says it stands for {stored.length:,} samples, but {steps:,} steps of this model make"
            f" {steps * codec.ratio:,}; give the model that encoded it, or leave 'length' out."
        )
    wave = codec.decode(torch.from_numpy(stored.latents), length=stored.length or None)
    return _write(codec, wave, out)


def resynth_file(codec: SoundCodec, audio: str | FilePath, out: str | FilePath, *, force: bool = False) -> float:
    """Write a sound as the model rebuilds it; returns its seconds."""
    _check_target(FilePath(out), force=force)
    wave = read_for(codec, audio)
    return _write(codec, codec.decode(codec.encode(wave), length=wave.shape[-1]), out)


def make_path(
    codec: SoundCodec,
    kind: PathKind,
    *,
    start: str | FilePath | None = None,
    end: str | FilePath | None = None,
    seconds: float = 8.0,
    seed: int = 0,
) -> Path:
    """A path through the codec's space at its own rate.

    ``line`` and ``slerp`` lead from one recording to another: the latents of both run along (from their
    beginning again when they end) while the mixture moves from the first to the second. An end that is not
    given is drawn from the sounds the model was trained on. ``walk`` is a smooth random curve with the mean
    and covariance of the training sounds.
    """
    if not (math.isfinite(seconds) and 0 < seconds <= MAX_MINUTES * 60):
        raise ParameterError(
            f"A path lasts more than 0 and up to {MAX_MINUTES * 60:,.0f} seconds, not {seconds:g}; give another time."
        )
    if kind == "walk":
        generator = torch_generator(seed, "walk")
        mean, covariance = codec.latent["mean"], codec.latent["covariance"]
        return random_walk(mean, covariance, seconds=seconds, rate_hz=codec.rate_hz, generator=generator)
    a = _trajectory(codec, start, seed, "from")
    b = _trajectory(codec, end, seed, "to")
    curve = {"line": line, "slerp": slerp}[kind]
    return curve(a, b, seconds=seconds, rate_hz=codec.rate_hz)


def render_path(codec: SoundCodec, path: Path, out: str | FilePath, *, force: bool = False) -> float:
    """Write the sound of a path; returns its seconds."""
    _check_target(FilePath(out), force=force)
    return _write(codec, codec.decode(path.resample(codec.rate_hz).latents()), out)


def read_for(codec: SoundCodec, audio: str | FilePath) -> Tensor:
    """A sound file as the codec takes it: (1, channel, time) at its rate."""
    recording = read(audio, sample_rate=codec.sample_rate, channels=codec.channels)
    if recording.wave.shape[-1] == 0:
        raise DataError(f"{audio} is empty: it holds no samples; give a file with sound in it.")
    return recording.wave[None]


def _trajectory(codec: SoundCodec, audio: str | FilePath | None, seed: int, which: str) -> Tensor:
    """Latents (step, latent) of a recording, or of a training sound drawn by the seed."""
    if audio is not None:
        return codec.encode(read_for(codec, audio))[0].T
    source = codec.latent["source"]
    names = int(source.max()) + 1
    generator = torch_generator(seed, "path", which)
    chosen = int(torch.randint(names, (1,), generator=generator))
    return codec.latent["vectors"][source == source[source >= chosen][0]]


def _write(codec: SoundCodec, wave: Tensor, out: str | FilePath) -> float:
    if wave.shape[0] != 1:
        raise ParameterError(
            f"A file holds one sound, and there are {wave.shape[0]} in this batch; give them one by one."
        )
    sound = finish(wave[0], codec.sample_rate)
    write(out, sound, codec.sample_rate)
    return sound.shape[-1] / codec.sample_rate


def _check_target(target: FilePath, *, force: bool) -> None:
    """Refuse a place that cannot be written to before the work is done, not after it."""
    refuse_existing(target, force=force)
    if not target.parent.is_dir():
        raise storage_error(FileNotFoundError(errno.ENOENT, "no such folder"), target)


def _with_suffix(out: str | FilePath, suffix: str) -> FilePath:
    target = FilePath(out)
    if target.suffix.lower() != suffix:
        raise ParameterError(f"Latents are written as {suffix}, and {target.name!r} does not end so; rename it.")
    return target
