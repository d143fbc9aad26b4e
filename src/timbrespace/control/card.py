"""The sound card: what is rendered goes to a device that takes it at its own pace, and may be unplugged."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from timbrespace.core.errors import EngineError, ParameterError

BLOCK: Final = 512
BLOCKS: Final = (16, 8192)
RETRY_S: Final = 1.0
_AHEAD_S: Final = 0.5
_FORGET_S: Final = 5.0

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Device:
    """An output: its name, how many channels it has at most, and the rate it likes best."""

    name: str
    channels: int
    sample_rate: int


class Refused(Exception):
    """A device does not do what was asked; says why, in the words of the system."""


@runtime_checkable
class Stream(Protocol):
    """An open output of interleaved float32 frames."""

    @property
    def latency_s(self) -> float:
        """From a frame that is written to its sound."""

    def write(self, frames: bytes) -> bool:
        """Wait until the device has room, and give it frames; whether it had run dry. Raises :class:`Refused`."""

    def close(self) -> None:
        """Let the device go."""


@runtime_checkable
class Backend(Protocol):
    """What knows the devices of this machine."""

    def devices(self, *, again: bool = False) -> Sequence[Device]:
        """All outputs, the one to use first; looked for ``again`` where one was plugged in or out."""

    def open(self, device: Device, *, sample_rate: int, channels: int, block: int) -> Stream:
        """Open a device; raises :class:`Refused`."""


@dataclass(frozen=True)
class CardReport:
    """How it went: delay in seconds (``resampling_s`` of it for another rate), how often it ran dry or was lost."""

    device: str
    sample_rate: int
    channels: int
    block: int
    latency_s: float
    resampling_s: float
    underflows: int
    lost: int


class Card:
    """A device by name, or the one that the system prefers; a part of a name will do if it fits one device alone.

    Sound is resampled where the device refuses its rate, and spread over, or mixed down to, the channels it has.
    A device that disappears is tried again every second; what is written meanwhile is not heard. ``say`` gets a
    sentence when it goes, and one when it is back. No Python runs in the callback of the device: :meth:`write` waits.
    """

    def __init__(
        self,
        device: str | None = None,
        *,
        block: int = BLOCK,
        backend: Backend | None = None,
        say: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        if not BLOCKS[0] <= block <= BLOCKS[1]:
            raise ParameterError(f"A sound card takes blocks of {BLOCKS[0]} to {BLOCKS[1]} frames, not {block}.")
        self.block = block
        self._backend = backend or _system()
        self._device = _chosen(device, self._backend.devices())
        self._say = say
        self._stream: Stream | None = None
        self._fit = _Fit(1, 1, 1, 1)
        self._pace = _Pace(1)
        self._underflows = self._lost = 0
        self._retry_at = 0.0
        self._latency_s = 0.0

    def open(self, sample_rate: int, channels: int) -> None:
        """Open it for sound of that form; raises :class:`EngineError` if it cannot be."""
        self._rate, self._channels = sample_rate, channels
        try:
            self._open()
        except Refused as refusal:
            raise EngineError(
                f"The sound card {self._device.name!r} could not be opened ({refusal}); close what else uses it, or"
                " choose another with --device."
            ) from None

    def __enter__(self) -> Card:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the device go."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

    def write(self, frames: Array) -> None:
        """Give the device frames (frame, channel), at its pace; at that of the clock while it is gone."""
        self._pace.keep(len(frames))
        if self._stream is None:
            self._try_again()
        if self._stream is None:
            time.sleep(len(frames) / self._rate)
            return
        try:
            self._underflows += self._stream.write(self._fit.fitted(frames).tobytes())
        except Refused as refusal:
            self.close()
            self._lost += 1
            self._retry_at = time.monotonic() + RETRY_S
            self._say(f"The sound card {self._device.name!r} is gone ({refusal}); it is tried again every second.")

    def report(self) -> CardReport:
        """How it went so far."""
        return CardReport(
            device=self._device.name,
            sample_rate=self._fit.sample_rate,
            channels=self._fit.channels,
            block=self.block,
            latency_s=self._latency_s + self._fit.delay_s,
            resampling_s=self._fit.delay_s,
            underflows=self._underflows,
            lost=self._lost,
        )

    def _open(self) -> None:
        device = self._device
        counts = [self._channels, *(n for n in (2, device.channels) if n != self._channels and n <= device.channels)]
        forms = [(rate, n) for rate in dict.fromkeys((self._rate, device.sample_rate)) for n in dict.fromkeys(counts)]
        for rate, channels in forms:
            try:
                stream = self._backend.open(device, sample_rate=rate, channels=channels, block=self.block)
            except Refused:
                if (rate, channels) == forms[-1]:
                    raise
                continue
            self._stream, self._latency_s = stream, stream.latency_s
            self._fit = _Fit(self._rate, self._channels, rate, channels)
            self._pace = _Pace(self._rate)
            return

    def _try_again(self) -> None:
        """Open the device once more if it is time."""
        now = time.monotonic()
        if now < self._retry_at:
            return
        self._retry_at = now + RETRY_S
        try:
            self._device = _chosen(self._device.name, self._backend.devices(again=True))
            self._open()
        except (Refused, ParameterError, EngineError):
            return
        self._say(f"The sound card {self._device.name!r} is back.")


class _Fit:
    """Sound of one rate and number of channels in another form."""

    def __init__(self, rate: int, channels: int, sample_rate: int, device_channels: int) -> None:
        self.sample_rate = sample_rate
        self.channels = device_channels
        self._from = channels
        self._stream: Any = None
        if rate != sample_rate:
            import soxr

            self._stream = soxr.ResampleStream(rate, sample_rate, device_channels, dtype="float32")
        self.delay_s = 0.0

    def fitted(self, frames: Array) -> Array:
        """The frames (frame, channel) that are due by now."""
        if self.channels != self._from:
            mono = frames.mean(axis=1, keepdims=True) if self._from > 1 else frames
            frames = np.repeat(mono, self.channels, axis=1) if self._from == 1 or self.channels == 1 else frames
            if frames.shape[1] < self.channels:
                rest = np.zeros((len(frames), self.channels - frames.shape[1]), np.float32)
                frames = np.concatenate([frames, rest], axis=1)
        frames = np.ascontiguousarray(frames, np.float32)
        if self._stream is None:
            return frames
        out = self._stream.resample_chunk(frames)
        self.delay_s = max(self.delay_s, self._stream.delay() / self.sample_rate)
        return np.clip(out, -1.0, 1.0)  # it may overshoot


class _Pace:
    """Holds up what is written to a device without a clock of its own, which takes all at once."""

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._start, self._frames = time.monotonic(), 0

    def keep(self, frames: int) -> None:
        """Wait if more was written than can have sounded; clocks of devices are not as far off in a few seconds."""
        gone = time.monotonic() - self._start
        if (ahead := self._frames / self._rate - gone) > _AHEAD_S:
            time.sleep(ahead - _AHEAD_S / 2)
        elif gone > _FORGET_S:
            self._start, self._frames = self._start + gone, 0
        self._frames += frames


def _chosen(name: str | None, devices: Sequence[Device]) -> Device:
    if not devices:
        raise EngineError("There is no sound card here; play in the browser, or into a file with --output take.wav.")
    if name is None:
        return devices[0]
    exact = [d for d in devices if d.name == name]
    alike = exact or [d for d in devices if name.lower() in d.name.lower()]
    if len({d.name for d in alike}) != 1:
        names = ", ".join(dict.fromkeys(repr(d.name) for d in (alike or devices)))
        what = "More than one sound card has" if alike else "No sound card has"
        raise ParameterError(f"{what} {name!r} in its name; --device takes one of {names}.")
    return alike[0]


def _system() -> Backend:
    from timbrespace.control.portaudio import PortAudio

    return PortAudio()
