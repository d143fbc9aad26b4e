"""The round trip scored without any model: what the transform alone loses."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from torch import Tensor

from timbrespace.core.errors import DataError
from timbrespace.metrics.spectral import log_mel_distance_db, spectral_convergence_db
from timbrespace.transforms.base import AudioTransform, PhaseReconstruction
from timbrespace.transforms.mel import LogMel


@dataclass(frozen=True)
class RoundTrip:
    """Means over ``n_sounds`` sounds of wave -> frames -> wave.

    ``spectral_convergence_db`` and ``log_mel_distance_db`` are those of :mod:`timbrespace.metrics.spectral`, lower
    is better; ``seconds_per_second`` is processor time of the inversion per second of sound.
    """

    spectral_convergence_db: float
    log_mel_distance_db: float
    seconds_per_second: float
    n_sounds: int


def score_round_trip(
    transform: AudioTransform,
    waves: Iterable[Tensor],
    *,
    phase: PhaseReconstruction | None = None,
    gain: float = 100.0,
) -> RoundTrip:
    """Send each of ``waves`` (channel, time) through ``transform`` and back, and compare.

    The yardstick is the same for every transform: an STFT of 2048 samples every 512 and 128 mel bands, with
    ``log(1 + gain x)`` in the mel distance. Silent sounds are left out.
    Raises :class:`~timbrespace.core.errors.DataError` if none is left.
    """
    yardstick = LogMel(transform.sample_rate, gain=gain)
    convergence, distance, spent, seconds = [], [], 0.0, 0.0
    for wave in waves:
        if not wave.any():
            continue
        sound = wave[None].float()
        frames = transform(sound)
        begin = time.process_time()
        rebuilt = transform.invert(frames, length=sound.shape[-1], phase=phase)
        spent += time.process_time() - begin
        seconds += sound.shape[-1] / transform.sample_rate
        # Channels follow each other, so that a silent channel beside a loud one has a finite score.
        convergence.append(float(spectral_convergence_db(sound.flatten(), rebuilt.flatten())))
        mel = log_mel_distance_db(yardstick.magnitude(sound), yardstick.magnitude(rebuilt), gain=gain)
        distance.append(float(mel.mean()))
    if not convergence:
        raise DataError("The round trip needs at least one sound that is not silent; give some.")
    n = len(convergence)
    return RoundTrip(sum(convergence) / n, sum(distance) / n, spent / seconds, n)
