"""The last thing before a loudspeaker or a file: whatever comes in, finite and bounded sound goes out."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from timbrespace.core.errors import AudioError
from timbrespace.core.shapes import Sound

_HIGHEST = 16.0
"""Input beyond +24 dBFS is an accident, not loudness: it is held there, so that the limiter recovers at once."""


class OutputStage:
    """Guard against what is not a number -> DC blocker -> look-ahead limiter; a stream of blocks.

    - Values that are not finite become zero; magnitudes above 16 are held at 16. ``mended`` counts both.
    - DC blocker: ``y[n] = (1 + p) / 2 (x[n] - x[n-1]) + p y[n-1]``, ``p = exp(-2 pi dc_hz / sample_rate)``
      (J. O. Smith, Introduction to Digital Filters, 2007), gain at most 1 at any frequency.
    - Limiter, the same gain on all channels: the gain that keeps a sample under ``ceiling``,
      ``min(1, ceiling / peak)``, goes through a sliding minimum over ``lookahead_ms``, an exponential
      release of ``release_ms``, and a mean over the same window (after J. Hämäläinen, Smoothing of the
      control signal without clipped output in digital peak limiters, DAFx 2002): smooth, and never above
      what the delayed sample needs. ``limited`` counts the frames whose gain was below 1.

    No output exceeds ``ceiling``; sound that stays under it is changed by the DC blocker alone. The output
    comes ``latency_samples`` later than the input. Any way of cutting the sound into blocks gives the same
    samples. ``fade_in_ms`` raises the start linearly from silence.
    """

    def __init__(
        self,
        sample_rate: int,
        *,
        channels: int = 1,
        ceiling: float = 1.0,
        lookahead_ms: float = 2.0,
        release_ms: float = 60.0,
        dc_hz: float = 5.0,
        fade_in_ms: float = 0.0,
    ) -> None:
        if not (sample_rate > 0 and channels >= 1 and 0 < ceiling <= 1):
            raise AudioError(
                f"An output stage needs a rate above 0 Hz, 1 or more channels and a ceiling in (0, 1], not"
                f" {sample_rate} Hz, {channels} and {ceiling}."
            )
        if not (lookahead_ms >= 0 and release_ms > 0 and 0 < dc_hz < sample_rate / 2 and fade_in_ms >= 0):
            raise AudioError(
                "An output stage needs times of 0 ms or more, a release above 0 ms and a DC corner between 0 Hz"
                f" and half the rate, not {lookahead_ms}, {fade_in_ms}, {release_ms} ms and {dc_hz} Hz."
            )
        self.sample_rate = sample_rate
        self.channels = channels
        self.ceiling = ceiling
        self.latency_samples = round(lookahead_ms / 1000 * sample_rate)
        highest = float(np.float32(ceiling))
        if highest > ceiling:  # float32 must not round the ceiling up
            highest = float(np.nextafter(np.float32(ceiling), np.float32(0)))
        pole = math.exp(-2 * math.pi * dc_hz / sample_rate)
        release = 1 - math.exp(-1000 / (release_ms * sample_rate))
        fade = max(1, round(fade_in_ms / 1000 * sample_rate)) if fade_in_ms > 0 else 0
        self._settings = np.array([highest, _HIGHEST, pole, release, fade], np.float64)
        self.reset()

    def reset(self) -> None:
        """Forget all sound and all counts."""
        from timbrespace.audio.output_stage_kernels import N_COUNTERS

        window = self.latency_samples + 1
        self._dc = np.zeros((self.channels, 2))
        self._delay = np.zeros((self.channels, window))
        self._gains = np.ones(window)
        self._least = np.ones(window)
        self._least_time = np.zeros(window, np.int64)
        self._numbers = np.array([1.0, window])
        self._counters = np.zeros(N_COUNTERS, np.int64)

    def process(self, block: Sound) -> Sound:
        """The next samples, as many as in ``block`` (channel, time)."""
        from timbrespace.audio.output_stage_kernels import run

        if block.shape[0] != self.channels:
            raise AudioError(f"This output stage has {self.channels} channels; the block has {block.shape[0]}.")
        x = np.ascontiguousarray(block.detach().to("cpu", torch.float32).numpy())
        y = np.empty_like(x)
        run(
            x,
            y,
            self._settings,
            self._dc,
            self._delay,
            self._gains,
            self._least,
            self._least_time,
            self._numbers,
            self._counters,
        )
        return torch.from_numpy(y)

    @property
    def mended(self) -> int:
        """Values so far that were not numbers or far out of range."""
        from timbrespace.audio.output_stage_kernels import MENDED

        return int(self._counters[MENDED])

    @property
    def limited(self) -> int:
        """Frames so far that the limiter turned down."""
        from timbrespace.audio.output_stage_kernels import LIMITED

        return int(self._counters[LIMITED])


def finish(wave: Tensor, sample_rate: int, *, ceiling: float = 1.0, fade_in_ms: float = 0.0) -> Tensor:
    """A whole sound (time,) or (channel, time) through the output stage, its delay taken off: same length."""
    sound = wave if wave.ndim == 2 else wave.reshape(1, -1)
    stage = OutputStage(sample_rate, channels=sound.shape[0], ceiling=ceiling, fade_in_ms=fade_in_ms)
    tail = sound.new_zeros(sound.shape[0], stage.latency_samples)
    return stage.process(torch.cat([sound, tail], dim=1))[:, stage.latency_samples :].reshape(wave.shape)
