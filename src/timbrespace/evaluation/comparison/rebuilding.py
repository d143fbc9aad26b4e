"""How well models rebuild the same sounds."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from timbrespace.audio.resampling import resample
from timbrespace.core.shapes import Sound
from timbrespace.evaluation.comparison.contestant import Contestant
from timbrespace.evaluation.explore_turning import mel_db
from timbrespace.evaluation.journey_smoothness import bootstrap
from timbrespace.metrics.spectral import multi_resolution_stft, spectral_convergence_db

ERRORS = {
    "convergence_db": "spectral convergence, dB",
    "log_mel_db": "log-mel distance, dB",
    "multi_resolution": "multi-resolution STFT",
}


@dataclass(frozen=True)
class Rebuilt:
    """What one model made of the sounds: errors per sound, the first few sounds themselves at the model's rate, and the
    seconds by the clock that one second of sound took to encode and to decode (a .ts runs in another process).
    """

    errors: dict[str, np.ndarray]
    sounds: list[Sound]
    encode_cost: float
    decode_cost: float

    def interval(self, name: str, *, seed: int) -> tuple[float, float, float]:
        """The mean over sounds and the ends of its 95 % bootstrap interval."""
        return float(np.nanmean(self.errors[name])), *bootstrap(self.errors[name], seed=seed)


@torch.no_grad()
def rebuild(model: Contestant, sounds: Sequence[Sound], rate: int, *, kept: int) -> Rebuilt:
    """Send sounds (channel, time) at ``rate`` through a model; errors are taken at that rate, which all models share.

    A model of a lower rate loses what lies above half of it: that is part of what it does.
    """
    errors: dict[str, list[float]] = {name: [] for name in ERRORS}
    rebuilt, seconds = [], 0.0
    spent = np.zeros(2)
    for index, sound in enumerate(sounds):
        wave = _as_model_takes_it(sound, rate, model)
        begun = time.perf_counter()
        latents = model.codec.encode(wave)
        middle = time.perf_counter()
        back = model.codec.decode(latents, length=wave.shape[-1])[0]
        spent += np.array([middle - begun, time.perf_counter() - middle])
        seconds += sound.shape[-1] / rate
        if index < kept:
            rebuilt.append(back)
        ours = fitted(resample(back, model.codec.sample_rate, rate), sound.shape[-1]).mean(0)
        theirs = sound.mean(0)
        errors["convergence_db"].append(float(spectral_convergence_db(theirs, ours)))
        errors["log_mel_db"].append(float(_log_mel_distance(theirs, ours, rate)))
        errors["multi_resolution"].append(float(multi_resolution_stft(theirs, ours)))
    cost = spent / max(seconds, 1e-9)
    return Rebuilt({k: np.array(v) for k, v in errors.items()}, rebuilt, float(cost[0]), float(cost[1]))


def _as_model_takes_it(sound: Sound, rate: int, model: Contestant) -> Tensor:
    """A batch of one, (1, channel, time), at the model's rate and of its channels."""
    channels = model.codec.channels
    wave = sound if sound.shape[0] == channels else sound.mean(0, keepdim=True).expand(channels, -1)
    return resample(wave.contiguous(), rate, model.codec.sample_rate)[None]


def fitted(sound: Sound, length: int) -> Float[Tensor, "channel length"]:
    """Cut, or padded with silence, to ``length`` samples."""
    return torch.nn.functional.pad(sound[:, :length], (0, max(0, length - sound.shape[-1])))


def _log_mel_distance(reference: Tensor, estimate: Tensor, rate: int) -> Tensor:
    """Mean absolute difference of 128 mel bands in dB, both held at 60 dB below the loudest cell of the two."""
    pair = mel_db(torch.stack([reference, estimate])[:, None], rate)
    return (pair[0] - pair[1]).abs().mean()
