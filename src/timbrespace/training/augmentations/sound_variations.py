"""Variations a sound survives: speed, direction, colour, level, company."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from timbrespace.core.knob import Knob
from timbrespace.core.shapes import Frames, Wave
from timbrespace.training.augmentations.base import Augmentation
from timbrespace.training.augmentations.speed_kernels import read_at_speed

COLOUR_POINTS = 8
"""Control points of a random colour, evenly spaced from 40 Hz to the Nyquist frequency in logarithm."""


class SoundVariations(Augmentation):
    """Half an hour of sound is little; these make more of it that could have been recorded as well.

    In this order: ``semitones``, the largest change of playback speed either way (pitch and tempo together, by
    cubic interpolation; the crop is shortened by the largest factor); ``reverse``, the share of examples played
    backwards; ``colour_db``, the standard deviation of a random smooth equaliser; ``gain_db``, that of a random
    gain; ``mix``, the share of examples to which another of the batch is added; and on the frames ``shift``,
    the share of batches moved by one feature up or down.
    """

    def __init__(
        self,
        *,
        semitones: Annotated[float, Knob(0.0, 24.0, "semitones")] = 4.0,
        reverse: Annotated[float, Knob(0.0, 1.0)] = 0.0,
        colour_db: Annotated[float, Knob(0.0, 40.0, "dB")] = 0.0,
        gain_db: Annotated[float, Knob(0.0, 40.0, "dB")] = 2.0,
        mix: Annotated[float, Knob(0.0, 1.0)] = 0.1,
        shift: Annotated[float, Knob(0.0, 1.0)] = 0.0,
    ) -> None:
        self.semitones, self.reverse, self.colour_db = semitones, reverse, colour_db
        self.gain_db, self.mix, self.shift = gain_db, mix, shift

    def vary_wave(self, wave: Wave, *, generator: torch.Generator) -> Float[Tensor, "batch channel shorter"]:
        batch = wave.shape[0]
        if self.semitones:
            wave = vary_speed(wave, self.semitones, generator=generator)
        if self.reverse:
            backwards = torch.rand(batch, generator=generator) < self.reverse
            wave = torch.where(backwards[:, None, None], wave.flip(2), wave)
        if self.colour_db:
            wave = colour(wave, self.colour_db, generator=generator)
        wave = wave * 10 ** (self.gain_db * torch.randn(batch, 1, 1, generator=generator) / 20)
        added = torch.rand(batch, 1, 1, generator=generator) < self.mix
        return wave + added * wave[torch.randperm(batch, generator=generator)]

    def vary_frames(self, frames: Frames, *, generator: torch.Generator) -> Frames:
        chance, direction = torch.rand(2, generator=generator).tolist()
        if chance >= self.shift:
            return frames
        padded = F.pad(frames, (0, 0, 1, 1), mode="replicate")
        return padded[:, :, 2:] if direction < 0.5 else padded[:, :, :-2]


def vary_speed(wave: Wave, semitones: float, *, generator: torch.Generator) -> Float[Tensor, "batch channel shorter"]:
    """Each example at its own speed ``2^(u / 12)``, u uniform in [-semitones, semitones].

    The result is ``2^(semitones / 12)`` times shorter for all, from a random part of the crop.
    Catmull-Rom interpolation (Catmull & Rom 1974).
    """
    batch, channels, length = wave.shape
    if length < 4:  # the interpolation reads four samples
        return wave
    largest = 2 ** (semitones / 12)
    samples = max(1, math.floor((length - 3) / largest))
    speed = 2 ** (semitones * (2 * torch.rand(batch, 1, generator=generator) - 1) / 12)
    room = (length - 3) - (samples - 1) * speed
    start = 1 + torch.rand(batch, 1, generator=generator) * room.clamp_min(0)
    varied = np.empty((batch, channels, samples), np.float32)
    read_at_speed(
        np.ascontiguousarray(wave.numpy(), np.float32),
        start.double().numpy().ravel(),
        speed.double().numpy().ravel(),
        varied,
    )
    return torch.from_numpy(varied)


def colour(wave: Wave, decibels: float, *, generator: torch.Generator) -> Wave:
    """Each example through its own smooth zero-phase equaliser, ``decibels`` its standard deviation."""
    bins = wave.shape[2] // 2 + 1
    # Without a sample rate at hand frequencies are relative: from 1/512 of Nyquist (43 Hz at 44.1 kHz) up.
    place = (torch.linspace(0, 1, bins).clamp_min(1 / 512).log2() / 9 + 1) * (COLOUR_POINTS - 1)
    curve = decibels * torch.randn(wave.shape[0], COLOUR_POINTS, generator=generator)
    low = place.floor().long().clamp(0, COLOUR_POINTS - 2)
    u = place - low
    smooth = u * u * (3 - 2 * u)
    level = (1 - smooth) * curve[:, low] + smooth * curve[:, low + 1]
    gain: Tensor = 10 ** (level / 20)
    return torch.fft.irfft(torch.fft.rfft(wave) * gain[:, None], n=wave.shape[2])
