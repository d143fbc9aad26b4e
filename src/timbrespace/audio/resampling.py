"""Another sample rate for a sound, whole or as a stream, by soxr (Rob Sykes, libsoxr 0.1.3, 2018).

The length rule, everywhere: ``n`` samples at ``from_rate`` become ``floor(n to_rate / from_rate + 1/2)``.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import soxr
import torch
from torch import Tensor

from timbrespace.core.errors import AudioError

Samples = npt.NDArray[np.float32]

LOWEST_RATE = 4_000
HIGHEST_RATE = 384_000
_BLOCK = 65_536


def check_rate(rate: int, *, what: str) -> None:
    """Refuse a sample rate outside 4 to 384 kHz; ``what`` says whose rate it is."""
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise AudioError(
            f"{what} has a sample rate of {rate:,} Hz; rates from {LOWEST_RATE:,} to {HIGHEST_RATE:,} Hz"
            " are accepted: check the file's header or resample it with another program."
        )


def resampled_length(n_samples: int, from_rate: int, to_rate: int) -> int:
    """How many samples :func:`resample` makes of ``n_samples``: the nearest whole number, halves upward.

    >>> resampled_length(44_100, 44_100, 48_000)
    48000
    """
    return (2 * n_samples * to_rate + from_rate) // (2 * from_rate)


def resample(wave: Tensor, from_rate: int, to_rate: int) -> Tensor:
    """``wave`` (..., time) at ``to_rate`` Hz instead of ``from_rate`` Hz.

    Linear phase, very high quality (pass band to 0.91 of the lower Nyquist frequency, aliases below
    -100 dB); no gradient. Equal rates give the same tensor back.
    """
    check_rate(from_rate, what="The sound")
    check_rate(to_rate, what="The result")
    if from_rate == to_rate:
        return wave
    length = wave.shape[-1]
    rows = wave.detach().to("cpu", torch.float32).reshape(math.prod(wave.shape[:-1]), length)
    stream = ResampleStream(from_rate, to_rate, channels=rows.shape[0])
    samples = np.ascontiguousarray(rows.numpy().T)
    blocks = [stream.feed(samples[i : i + _BLOCK]) for i in range(0, length, _BLOCK)]
    result = np.concatenate([*blocks, stream.finish()]).T
    return torch.from_numpy(np.ascontiguousarray(result)).to(wave).reshape(*wave.shape[:-1], result.shape[-1])


class ResampleStream:
    """Resamples blocks (time, channel) as they come; any way of cutting gives the same samples.

    Together :meth:`feed` and :meth:`finish` give exactly :func:`resampled_length` samples.
    """

    def __init__(self, from_rate: int, to_rate: int, *, channels: int) -> None:
        self.from_rate = from_rate
        self.to_rate = to_rate
        self.channels = channels
        self._soxr = soxr.ResampleStream(from_rate, to_rate, channels, dtype="float32", quality="VHQ")
        self._taken = 0
        self._given = 0

    def feed(self, block: Samples) -> Samples:
        """What is ready after ``block``; may be empty while the filter fills."""
        return self._feed(block, last=False)

    def finish(self) -> Samples:
        """The rest, cut or filled with silence to the exact length."""
        rest = self._feed(np.zeros((0, self.channels), np.float32), last=True)
        surplus = self._given - resampled_length(self._taken, self.from_rate, self.to_rate)
        if surplus > 0:
            return rest[: len(rest) - surplus]
        return np.pad(rest, ((0, -surplus), (0, 0)))

    def _feed(self, block: Samples, *, last: bool) -> Samples:
        # soxr takes a plain vector for one channel.
        chunk = block[:, 0] if self.channels == 1 else block
        out = self._soxr.resample_chunk(np.ascontiguousarray(chunk), last=last).reshape(-1, self.channels)
        self._taken += len(block)
        self._given += len(out)
        return np.asarray(out, np.float32)
