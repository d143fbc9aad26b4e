"""Sound files in: any rate, any channels, in blocks, never more memory than the sound itself.

Nothing is allocated by what a header declares; a file is refused in one sentence (:class:`AudioError`)
when it is no sound, damaged, too long, or holds values that are not numbers.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import soundfile
import torch
from torch import Tensor

from timbrespace.audio.resampling import ResampleStream, Samples, check_rate
from timbrespace.core.errors import AudioError
from timbrespace.core.shapes import Sound

NonFinite = Literal["refuse", "clean"]
MAX_CHANNELS: Final = 8
MAX_MINUTES: Final = 30.0

# A FLAC frame of digital silence takes 14 bytes for 4,096 samples, about 330 samples per byte of file
# (an hour of silence is 0.5 MB); no format we read holds more. Four times that is a lie.
_MOST_FRAMES_PER_BYTE: Final = 4 * 330
_LOSSY: Final = ("OGG", "MP3")


@dataclass(frozen=True)
class Description:
    """What a file's header says: rate in Hz, channels, frames (samples per channel), format and subtype."""

    sample_rate: int
    channels: int
    frames: int
    format: str
    subtype: str

    @property
    def seconds(self) -> float:
        """The declared length."""
        return self.frames / self.sample_rate


@dataclass(frozen=True)
class Recording:
    """A sound that was read: ``wave`` (channel, time) in float32, its rate in Hz, and what was mended."""

    wave: Sound
    sample_rate: int
    repairs: tuple[str, ...] = ()


def describe(path: str | os.PathLike[str]) -> Description:
    """What the header of a sound file declares, checked for plausibility but without decoding the sound."""
    with _open(Path(path)) as file:
        return _description(file, Path(path))


def read(
    path: str | os.PathLike[str],
    *,
    sample_rate: int | None = None,
    channels: int | None = None,
    start: float = 0.0,
    seconds: float | None = None,
    max_minutes: float = MAX_MINUTES,
    non_finite: NonFinite = "refuse",
) -> Recording:
    """The sound of a file, at ``sample_rate`` Hz and with ``channels`` (both the file's own if not given).

    ``start`` and ``seconds`` choose a part. Output channel ``c`` of ``m`` is the mean of the input channels
    ``c, c + m, c + 2m, ...`` (mono is the mean of all); where there are fewer inputs they repeat. A file
    longer than ``max_minutes`` is refused. Values that are not numbers are refused, or with
    ``non_finite="clean"`` become zeros, counted in ``repairs``.
    """
    stream = blocks(
        path,
        sample_rate=sample_rate,
        channels=channels,
        start=start,
        seconds=seconds,
        max_minutes=max_minutes,
        non_finite=non_finite,
    )
    parts = list(stream)
    wave = torch.cat(parts, dim=1) if parts else torch.zeros(stream.channels, 0)
    return Recording(wave, stream.sample_rate, stream.repairs)


def blocks(
    path: str | os.PathLike[str],
    *,
    sample_rate: int | None = None,
    channels: int | None = None,
    start: float = 0.0,
    seconds: float | None = None,
    max_minutes: float = MAX_MINUTES,
    non_finite: NonFinite = "refuse",
) -> SoundBlocks:
    """The same sound as :func:`read`, as an iterator over blocks of about one second, (channel, time)."""
    return SoundBlocks(
        Path(path),
        sample_rate=sample_rate,
        channels=channels,
        extent=(start, seconds),
        max_minutes=max_minutes,
        non_finite=non_finite,
    )


class SoundBlocks(Iterator[Tensor]):
    """Blocks of a file's sound in order; ``repairs`` is complete once the last block was taken."""

    def __init__(
        self,
        path: Path,
        *,
        sample_rate: int | None,
        channels: int | None,
        extent: tuple[float, float | None],
        max_minutes: float,
        non_finite: NonFinite,
    ) -> None:
        self.path = path
        self.source = describe(path)
        self.sample_rate = self.source.sample_rate if sample_rate is None else sample_rate
        self.channels = self.source.channels if channels is None else channels
        check_rate(self.sample_rate, what="The wanted sound")
        if not 1 <= self.channels <= MAX_CHANNELS:
            raise AudioError(f"{self.channels} channels were asked for; 1 to {MAX_CHANNELS} can be had.")
        self._clean = non_finite == "clean"
        self._cleaned = 0
        self._shortfall = ""
        self._first, self._wanted, self._limit = self._extent(*extent, max_minutes)
        self._blocks = self._resampled()

    def __iter__(self) -> SoundBlocks:
        return self

    def __next__(self) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(next(self._blocks).T))

    @property
    def repairs(self) -> tuple[str, ...]:
        """What was mended so far, in words."""
        cleaned = f"{self._cleaned:,} values that were not numbers became zeros" if self._cleaned else ""
        return tuple(filter(None, (cleaned, self._shortfall)))

    def _extent(self, start: float, seconds: float | None, max_minutes: float) -> tuple[int, int | None, int]:
        """First frame, wanted frames (nothing: to the end) and the most frames allowed."""
        rate, total = self.source.sample_rate, self.source.frames
        if not 0 <= start < float("inf") or (seconds is not None and not 0 <= seconds < float("inf")):
            raise AudioError(f"A part of {self.path.name} needs a start and a length of 0 s or more.")
        first, limit = round(start * rate), round(max_minutes * 60 * rate)
        if first > total:
            raise AudioError(f"{self.path.name} is {total / rate:.3f} s long; nothing starts at {start:g} s.")
        wanted = None if seconds is None else round(seconds * rate)
        if min(total - first, total if wanted is None else wanted) > limit:
            raise _too_long(self.path, max_minutes)
        return first, wanted, limit

    def _resampled(self) -> Iterator[Samples]:
        """Blocks (time, channel) at the wanted rate; channels are reduced before resampling, copied after."""
        few = min(self.source.channels, self.channels)
        if self.sample_rate == self.source.sample_rate:
            for block in self._decoded():
                yield map_channels(map_channels(block, few), self.channels)
            return
        stream = ResampleStream(self.source.sample_rate, self.sample_rate, channels=few)
        for block in self._decoded():
            out = stream.feed(map_channels(block, few))
            if len(out):
                yield map_channels(out, self.channels)
        rest = stream.finish()
        if len(rest):
            yield map_channels(rest, self.channels)

    def _decoded(self) -> Iterator[Samples]:
        rate, done = self.source.sample_rate, 0
        most = self._limit + 1 if self._wanted is None else self._wanted
        with _open(self.path) as file:
            self._seek(file)
            while done < most:
                block = self._next_block(file, min(rate, most - done), done)
                if not len(block):
                    break
                done += len(block)
                if done > self._limit:
                    raise _too_long(self.path, self._limit / rate / 60)
                yield block
        self._check_end(done)

    def _seek(self, file: Any) -> None:
        """Go to the first wanted frame; lossy decoders need a run-up after a jump, or they click."""
        if not self._first:
            return
        run_up = min(self._first, self.source.sample_rate) if self.source.format in _LOSSY else 0
        file.seek(self._first - run_up)
        if run_up:
            file.read(run_up, dtype="float32")

    def _next_block(self, file: Any, frames: int, done: int) -> Samples:
        at = (self._first + done) / self.source.sample_rate
        try:
            block: Samples = file.read(frames, dtype="float32", always_2d=True)
        except soundfile.SoundFileError:
            raise AudioError(
                f"{self.path.name} is damaged after {at:.1f} s; take a fresh copy of it, or convert it to WAV"
                " with a program that skips damage."
            ) from None
        finite = np.isfinite(block)
        if finite.all():
            return block
        if not self._clean:
            raise AudioError(
                f"{self.path.name} holds values that are not numbers (NaN or infinite) within the second after"
                f" {at:.1f} s; repair it, or read it with non_finite='clean' to make them zeros."
            )
        self._cleaned += int(block.size - finite.sum())
        return np.where(finite, block, np.float32(0))

    def _check_end(self, done: int) -> None:
        rate, declared = self.source.sample_rate, self.source.frames - self._first
        expected = declared if self._wanted is None else min(declared, self._wanted)
        if self.source.format in _LOSSY:  # lengths of MP3 are estimates, and what decodes is sound
            if done < 0.99 * expected:
                self._shortfall = f"ends after {done / rate:.1f} s of a declared {expected / rate:.1f} s"
        elif done < expected:
            raise AudioError(
                f"{self.path.name} ends after {done / rate:.1f} s of a declared {expected / rate:.1f} s: it is cut"
                " off or damaged; take a fresh copy of it."
            )


def map_channels(block: Samples, channels: int) -> Samples:
    """``block`` (time, channel) with ``channels``: means of every ``channels``-th input, or inputs repeated."""
    have = block.shape[1]
    if have == channels:
        return block
    if have > channels:
        means = [block[:, c::channels].mean(axis=1, dtype=np.float32) for c in range(channels)]
        return np.stack(means, axis=1)
    return block[:, np.arange(channels) % have]


class _SequentialFile(soundfile.SoundFile):  # type: ignore[misc]  # soundfile has no types
    """A sound file that is read without the jump to its own position that soundfile makes after every block.

    In MP3 that jump resets the decoder and damages 70 ms of sound after each block.
    """

    def seekable(self) -> bool:
        return False


def _open(path: Path) -> Any:
    """The opened file, or the sentence that says why it is none."""
    if not path.exists():
        raise AudioError(f"{path} does not exist; check its name.")
    if path.is_dir():
        raise AudioError(f"{path} is a folder, not a sound file; name a file inside it.")
    if not path.is_file():
        raise AudioError(f"{path} is not a regular file; copy its sound to a file first.")
    try:
        if path.stat().st_size == 0:
            raise AudioError(f"{path.name} is empty (0 bytes); take a fresh copy of it.")
        return _SequentialFile(path)
    except (soundfile.SoundFileError, TypeError, OSError) as error:
        if not os.access(path, os.R_OK):
            raise AudioError(f"{path.name} may not be read; change its permissions.") from error
        raise AudioError(
            f"{path.name} is not a sound that can be read: it is text, damaged, or of an unknown format;"
            " convert it to WAV or FLAC."
        ) from error


def _description(file: Any, path: Path) -> Description:
    check_rate(file.samplerate, what=path.name)
    if file.channels > MAX_CHANNELS:
        raise AudioError(
            f"{path.name} has {file.channels:,} channels; up to {MAX_CHANNELS} are accepted: mix it down first."
        )
    size = path.stat().st_size
    if file.frames > _MOST_FRAMES_PER_BYTE * size:
        hours = file.frames / file.samplerate / 3600
        raise AudioError(
            f"{path.name} declares {file.frames:,} frames ({hours:,.0f} hours), far more than its {size:,} bytes"
            " can hold: its header is damaged or has no length; encode it again."
        )
    return Description(file.samplerate, file.channels, file.frames, file.format, file.subtype)


def _too_long(path: Path, max_minutes: float) -> AudioError:
    return AudioError(
        f"{path.name} is longer than {max_minutes:g} minutes; cut it, read a part of it, or raise max_minutes."
    )
