"""The devices of this machine, by PortAudio."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from typing import Any

from timbrespace.control.card import Device, Refused
from timbrespace.core.errors import EngineError


class PortAudio:
    """Outputs that PortAudio finds; raises :class:`EngineError` where it is not installed."""

    def __init__(self) -> None:
        try:
            with _quiet():
                import sounddevice
        except ImportError:
            raise EngineError(
                "A sound card needs sounddevice, which is not installed; add it with: pip install 'timbrespace[live]'."
            ) from None
        except OSError:
            raise EngineError(
                "A sound card needs the library PortAudio, which is not installed (Debian and Ubuntu: apt install"
                " libportaudio2)."
            ) from None
        except Exception as error:  # it asks the system for devices at once
            raise EngineError(f"PortAudio found no way to a sound card on this machine ({error}).") from None
        self._lib: Any = sounddevice

    def devices(self, *, again: bool = False) -> Sequence[Device]:
        try:
            with _quiet():
                if again:  # it looks for devices only when it starts
                    self._lib._terminate()
                    self._lib._initialize()
                tables, preferred = list(self._lib.query_devices()), self._lib.default.device[1]
        except self._lib.PortAudioError:
            return []
        outputs = [table for table in tables if table["max_output_channels"] > 0]
        outputs.sort(key=lambda table: table["index"] != preferred)
        return [Device(t["name"], t["max_output_channels"], round(t["default_samplerate"])) for t in outputs]

    def open(self, device: Device, *, sample_rate: int, channels: int, block: int) -> PortAudioStream:
        try:
            with _quiet():
                stream = self._lib.RawOutputStream(
                    device=self._index(device), samplerate=sample_rate, channels=channels, blocksize=block,
                    dtype="float32", latency="low",
                )  # fmt: skip
                stream.start()
        except (self._lib.PortAudioError, ValueError) as error:
            raise Refused(_words(error)) from None
        return PortAudioStream(stream, self._lib.PortAudioError)

    def _index(self, device: Device) -> int:
        for table in self._lib.query_devices():
            if table["name"] == device.name and table["max_output_channels"] > 0:
                return int(table["index"])
        raise Refused("it is not there any more")


class PortAudioStream:
    """An open output; PortAudio's own thread, in C, feeds the device from what is written."""

    def __init__(self, stream: Any, error: type[Exception]) -> None:
        self._stream = stream
        self._error = error
        self.latency_s = float(stream.latency)

    def write(self, frames: bytes) -> bool:
        try:
            return bool(self._stream.write(frames))
        except self._error as error:
            raise Refused(_words(error)) from None

    def close(self) -> None:
        with contextlib.suppress(self._error), _quiet():
            self._stream.abort()
            self._stream.close()


def _words(error: Exception) -> str:
    """PortAudio's reason, in its own words."""
    return str(error.args[0] if error.args else error).removeprefix("Error opening RawOutputStream: ")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Meanwhile the libraries below, which print every attempt that fails, are not heard."""
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)
