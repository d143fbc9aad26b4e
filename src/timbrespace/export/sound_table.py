"""A sound table as a file: a loop that any sampler plays, and beside it how it was made."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from timbrespace.audio.writing import write
from timbrespace.codecs.bundle import CONFIG
from timbrespace.codecs.looping import looping_table
from timbrespace.core.codec import LiveCodec
from timbrespace.core.errors import DataError, ParameterError
from timbrespace.core.files import atomic_file, refuse_existing, sha256, write_json
from timbrespace.core.version import __version__

FORMAT: Final = 1
FULL_SCALE: Final = 0.99
"""Louder tables are turned down to this; PCM would clip them."""
MIDDLE_C: Final = 60

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class TableFile:
    """A written table: the sound file, its side-car, samples, and the gain that kept it below full scale."""

    sound: Path
    sidecar: Path
    frames: int
    gain: float


def write_table(
    codec: LiveCodec,
    latents: Array,
    out: Path,
    *,
    crossfade: int,
    model: Path,
    path: Mapping[str, Any] | None = None,
    seed: int = 0,
    force: bool = False,
) -> TableFile:
    """Write the loop of ``latents`` (step, latent) as 24-bit WAV with loop points, and a ``.json`` beside it.

    The side-car holds all that :func:`remake_table` needs: the latents themselves, the crossfade, the fingerprint of
    the bundle ``model``; ``path`` and ``seed`` say in words where the latents come from. Raises
    :class:`ParameterError` for another suffix and for latents that cannot be a table.
    """
    sidecar = out.with_suffix(".json")
    if out.suffix.lower() != ".wav":
        raise ParameterError(f"A sound table is a .wav file, which holds loop points; {out.name} is not.")
    for file in (out, sidecar):
        refuse_existing(file, force=force)
    steps = np.asarray(latents, np.float32)
    table = looping_table(codec, steps, crossfade=crossfade)
    gain = min(1.0, FULL_SCALE / max(float(np.abs(table).max()), 1e-9))
    with atomic_file(out) as partial:
        write(partial, gain * table, codec.sample_rate)
        _append(partial, loop_chunk(table.shape[1], codec.sample_rate))
    made = {
        "format": FORMAT,
        "timbrespace": __version__,
        "model": model.name,
        "model_sha256": _fingerprint(model),
        "seed": seed,
        "path": dict(path or {}),
        "sample_rate": codec.sample_rate,
        "channels": len(table),
        "frames": table.shape[1],
        "crossfade": crossfade,
        "gain": gain,
        "latents": steps.tolist(),
    }
    write_json(sidecar, made)
    return TableFile(out, sidecar, table.shape[1], gain)


def remake_table(sidecar: Path, codec: LiveCodec, *, model: Path) -> Array:
    """The samples (channel, sample) of a table, made again from its side-car; the file holds them in 24 bits.

    Raises :class:`ParameterError` where ``model`` is another one, :class:`DataError` for what is no side-car.
    """
    try:
        made = json.loads(sidecar.read_text(encoding="utf-8"))
        if int(made["format"]) > FORMAT:
            raise DataError(f"{sidecar} was written by a later version of timbrespace; update it.")
        latents = np.array(made["latents"], np.float32)
        crossfade, gain, wanted = int(made["crossfade"]), float(made["gain"]), str(made["model_sha256"])
    except OSError as error:
        raise DataError(f"{sidecar} cannot be read ({error.strerror}); give the .json beside a sound table.") from None
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{sidecar} is not of a sound table ({error!r}); give the .json beside one.") from None
    if _fingerprint(model) != wanted:
        raise ParameterError(f"{sidecar.name} was made with another model, {made.get('model')!r}, not with {model}.")
    return np.asarray(gain * looping_table(codec, latents, crossfade=crossfade), np.float32)


def loop_chunk(frames: int, sample_rate: int) -> bytes:
    """The ``smpl`` chunk of a WAV file: one loop without end over all ``frames``, at the pitch of middle C."""
    loop = struct.pack("<6I", 0, 0, 0, frames - 1, 0, 0)  # forward, first and last sample, whole, for ever
    period = round(1e9 / sample_rate)
    body = struct.pack("<9I", 0, 0, period, MIDDLE_C, 0, 0, 0, 1, 0) + loop
    return b"smpl" + struct.pack("<I", len(body)) + body


def _append(file: Path, chunk: bytes) -> None:
    """Put a chunk at the end of a RIFF file, whose header then counts it."""
    with file.open("r+b") as raw:
        end = raw.seek(0, 2)
        raw.write(b"\0" * (end % 2) + chunk)  # chunks begin at even places
        total = raw.tell()
        raw.seek(4)
        raw.write(struct.pack("<I", total - 8))


def _fingerprint(model: Path) -> str:
    """The SHA-256 of a bundle's configuration, which names those of all its tensors; empty for what is none."""
    file = model / CONFIG
    return sha256(file) if file.is_file() else ""
