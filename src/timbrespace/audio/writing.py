"""Sound files out: whole or not there, in blocks, in nine formats.

========  ==================================  ========================================================
suffix    encoding (default subtype)          limits
========  ==================================  ========================================================
.wav      24-bit PCM                          beyond 4 GiB the header is RF64 (EBU Tech 3306)
.flac     24-bit, lossless
.ogg      Vorbis                              up to 192 kHz
.opus     Opus in Ogg                         8, 12, 16, 24, 48 kHz; others go to the next higher
.mp3      MPEG layer III                      1 or 2 channels; 8 to 48 kHz, likewise
.aiff     24-bit PCM                          4 GiB
.caf      24-bit PCM
.w64      24-bit PCM
.rf64     24-bit PCM
========  ==================================  ========================================================

A rate that a lossy format cannot hold is resampled to the next higher it can; lossless files always keep
the sound's own. PCM clips at full scale: put the sound through the output stage first.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import soundfile
from torch import Tensor

from timbrespace.audio.reading import MAX_CHANNELS
from timbrespace.audio.resampling import ResampleStream, Samples, check_rate
from timbrespace.core.errors import AudioError, StorageError, did_you_mean
from timbrespace.core.files import atomic_file, refuse_existing

Sounding: TypeAlias = Tensor | npt.NDArray[Any]

# Ogg Vorbis of a minute in one call overflows the stack (libsndfile issue 1095).
_BLOCK: Final = 65_536
_FOUR_GIB: Final = 2**32 - 2**16  # room for headers
_ANY_RATE: Final = ()


@dataclass(frozen=True)
class _Format:
    """How a suffix is written; ``rates`` are those it can hold (empty: all), ``size`` in bytes its limit."""

    name: str
    subtype: str
    rates: tuple[int, ...] = _ANY_RATE
    channels: int = MAX_CHANNELS
    size: int | None = None


_OPUS_RATES: Final = (8_000, 12_000, 16_000, 24_000, 48_000)
_MP3_RATES: Final = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
_FORMATS: Final = {
    ".wav": _Format("WAV", "PCM_24", size=_FOUR_GIB),
    ".flac": _Format("FLAC", "PCM_24"),
    ".ogg": _Format("OGG", "VORBIS"),
    ".opus": _Format("OGG", "OPUS", rates=_OPUS_RATES),
    ".mp3": _Format("MP3", "MPEG_LAYER_III", rates=_MP3_RATES, channels=2),
    ".aiff": _Format("AIFF", "PCM_24", size=_FOUR_GIB),
    ".aif": _Format("AIFF", "PCM_24", size=_FOUR_GIB),
    ".caf": _Format("CAF", "PCM_24"),
    ".w64": _Format("W64", "PCM_24"),
    ".rf64": _Format("RF64", "PCM_24"),
}
SUFFIXES: Final = tuple(_FORMATS)
_VORBIS_HIGHEST: Final = 192_000  # above it the encoder crashes
_BYTES: Final = {"PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4, "DOUBLE": 8, "PCM_S8": 1, "PCM_U8": 1}


@dataclass(frozen=True)
class Written:
    """What stands in the file: frames at ``sample_rate`` Hz (another than given where the format needs it)."""

    path: Path
    frames: int
    sample_rate: int
    format: str
    subtype: str


def write(
    path: str | os.PathLike[str],
    wave: Sounding,
    sample_rate: int,
    *,
    subtype: str | None = None,
    force: bool = True,
) -> Written:
    """Write ``wave`` (time,) or (channel, time) in the format that the suffix names, atomically.

    ``subtype`` is libsndfile's name of the encoding, such as ``"PCM_16"`` or ``"FLOAT"``. Without ``force``
    an existing file is refused. Raises :class:`AudioError` for sound the format cannot hold and
    :class:`StorageError` when the disk refuses; then nothing is left behind.
    """
    samples = _as_array(wave)
    pieces = (samples[:, i : i + _BLOCK] for i in range(0, samples.shape[1], _BLOCK))
    return write_blocks(
        path, pieces, sample_rate, channels=samples.shape[0], subtype=subtype, frames=samples.shape[1], force=force
    )


def write_blocks(
    path: str | os.PathLike[str],
    blocks: Iterable[Sounding],
    sample_rate: int,
    *,
    channels: int,
    subtype: str | None = None,
    frames: int | None = None,
    force: bool = True,
) -> Written:
    """Write blocks (time,) or (channel, time) as they come, so that an hour never sits in memory.

    ``frames`` is the whole length where it is known: a WAV file beyond 4 GiB then gets the RF64 header,
    without it writing stops there with an error. The rest is as in :func:`write`.
    """
    target = Path(path)
    refuse_existing(target, force=force)
    if target.is_dir():
        raise StorageError(f"{target} is a folder; give the name of a file.")
    form = _format(target, subtype)
    encoding = subtype or form.subtype
    _check_sound(target, form, encoding, sample_rate, channels)
    rate = _held_rate(form, sample_rate)
    form = _large(target, form, encoding, channels, None if frames is None else frames * rate // sample_rate)
    with atomic_file(target) as partial, partial.open("w+b", buffering=0) as raw:
        guarded = _Guarded(raw)
        try:
            with soundfile.SoundFile(guarded, "w", rate, channels, encoding, format=form.name) as file:
                written = _pour(file, _at_rate(_prepared(target, blocks, channels), sample_rate, rate), guarded, form)
        except soundfile.SoundFileError as error:
            guarded.check()
            raise AudioError(f"{target.name} could not be encoded ({error}); choose another format.") from error
        guarded.check()
    return Written(target, written, rate, form.name, encoding)


class _Guarded(io.RawIOBase):
    """An unbuffered file that remembers the disk's first refusal, which libsndfile would swallow.

    From then on it only pretends to write; :meth:`check` raises what was refused.
    """

    def __init__(self, file: io.RawIOBase) -> None:
        self._file = file
        self._error: OSError | None = None

    def write(self, data: Any, /) -> int:
        rest = memoryview(data)
        try:
            while len(rest) and self._error is None:
                rest = rest[self._file.write(rest) or 0 :]
        except OSError as error:
            self._error = error
        return len(data)

    def read(self, size: int = -1, /) -> bytes:
        return self._file.read(size) or b""

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def check(self) -> None:
        """Raise what the disk refused, if anything."""
        if self._error is not None:
            raise self._error


def _pour(file: Any, blocks: Iterator[Samples], guarded: _Guarded, form: _Format) -> int:
    written = 0
    for block in blocks:
        for i in range(0, len(block), _BLOCK):
            piece = np.ascontiguousarray(block[i : i + _BLOCK])
            file.write(piece)
            guarded.check()
            written += len(piece)
        if form.size is not None and guarded.tell() > form.size:
            raise AudioError("The sound outgrew 4 GiB, more than this format holds; write to .w64, .caf or .flac.")
    return written


def _prepared(target: Path, blocks: Iterable[Sounding], channels: int) -> Iterator[Samples]:
    """Blocks as (time, channel) float32, checked."""
    for block in blocks:
        samples = _as_array(block)
        if samples.shape[0] != channels:
            raise AudioError(f"{target.name} was opened for {channels} channels, but a block has {samples.shape[0]}.")
        if not np.isfinite(samples).all():
            bad = int(samples.size - np.isfinite(samples).sum())
            raise AudioError(
                f"{target.name} was not written: {bad:,} values of the sound are not numbers; put it through the"
                " output stage first."
            )
        yield samples.T


def _at_rate(blocks: Iterator[Samples], from_rate: int, to_rate: int) -> Iterator[Samples]:
    if from_rate == to_rate:
        yield from blocks
        return
    stream: ResampleStream | None = None
    for block in blocks:
        stream = stream or ResampleStream(from_rate, to_rate, channels=block.shape[1])
        yield stream.feed(block)
    if stream is not None:
        yield stream.finish()


def _as_array(wave: Sounding) -> Samples:
    """(channel, time) in float32."""
    array = wave.detach().cpu().numpy() if isinstance(wave, Tensor) else np.asarray(wave)
    if array.ndim not in (1, 2):
        raise AudioError(f"A sound to write is (time,) or (channel, time), not of shape {tuple(array.shape)}.")
    if not np.issubdtype(array.dtype, np.floating):
        raise AudioError(f"A sound to write holds floating-point samples in [-1, 1], not {array.dtype}.")
    with np.errstate(over="ignore"):  # what overflows becomes infinite and is refused as such
        return np.atleast_2d(array).astype(np.float32, copy=False)


def _format(target: Path, subtype: str | None) -> _Format:
    form = _FORMATS.get(target.suffix.lower())
    if form is None:
        given = f"the suffix {target.suffix!r}" if target.suffix else "no suffix"
        raise AudioError(f"{target.name} has {given}; sound is written as {', '.join(_FORMATS)}.")
    allowed = soundfile.available_subtypes(form.name)
    if subtype is not None and subtype not in allowed:
        raise AudioError(f"{target.suffix} has no encoding {subtype!r}. {did_you_mean(subtype, allowed)}")
    return form


def _check_sound(target: Path, form: _Format, encoding: str, sample_rate: int, channels: int) -> None:
    check_rate(sample_rate, what=f"The sound for {target.name}")
    if not 1 <= channels <= form.channels:
        raise AudioError(
            f"{target.name} cannot hold {channels} channels: {target.suffix} takes 1 to {form.channels};"
            " mix the sound down or choose .wav or .flac."
        )
    if encoding == "VORBIS" and sample_rate > _VORBIS_HIGHEST:
        raise AudioError(f"{target.name} cannot hold {sample_rate:,} Hz: Vorbis goes to 192,000 Hz; choose .flac.")


def _held_rate(form: _Format, sample_rate: int) -> int:
    """The lowest rate the format holds that loses nothing, or its highest."""
    if not form.rates or sample_rate in form.rates:
        return sample_rate
    return next((r for r in form.rates if r > sample_rate), form.rates[-1])


def _large(target: Path, form: _Format, encoding: str, channels: int, frames: int | None) -> _Format:
    """The format for that many frames: RF64 for a WAV file beyond 4 GiB."""
    if frames is None or form.size is None or frames * channels * _BYTES.get(encoding, 4) <= form.size:
        return form
    if form.name == "WAV":
        return _Format("RF64", encoding)
    raise AudioError(f"{target.name} would outgrow the 4 GiB of {target.suffix}; write to .w64, .caf or .flac.")
