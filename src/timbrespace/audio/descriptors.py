"""What is heard of a sound, frame by frame, as seven numbers: loudness, centroid, bandwidth, contrast, ..."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from timbrespace.audio.pitch import track_pitch
from timbrespace.audio.resampling import check_rate
from timbrespace.core.errors import AudioError
from timbrespace.core.shapes import Sound

N_FFT, HOP = 2048, 512
"""Samples per frame and between frames, librosa's; frame ``t`` is centred on sample ``512 t``."""
BLOCK = 128
"""Frames whose spectra are held at once: they fill a usual second-level cache."""
FLOOR_DB = -100.0
"""Loudness given to silence and to anything quieter: finite, so that means and pictures of it exist."""
SILENCE_DB = -90.0
"""Quieter frames have no timbre (16-bit rounding alone lies here): every descriptor but loudness is NaN."""


@dataclass(frozen=True)
class Descriptor:
    """A descriptor for people and pictures.

    ``name`` is the field's word, ``title`` a musician's; ``low`` and ``high`` are adjectives for a sound at
    either end. On a ``"log"`` scale, equal ratios are equal steps: pictures and linear correlations use the
    logarithm.
    """

    name: str
    title: str
    unit: str
    scale: Literal["linear", "log"]
    low: str
    high: str


DESCRIPTORS = (
    Descriptor("loudness", "loudness", "dB", "linear", "quieter", "louder"),
    Descriptor("centroid", "brightness", "Hz", "log", "darker", "brighter"),
    Descriptor("bandwidth", "width", "Hz", "log", "narrower", "wider"),
    Descriptor("contrast", "clarity", "dB", "linear", "more blurred", "clearer"),
    Descriptor("flatness", "noisiness", "", "log", "more tonal", "noisier"),
    Descriptor("rolloff", "treble", "Hz", "log", "less treble", "more treble"),
    Descriptor("f0", "pitch", "Hz", "log", "lower-pitched", "higher-pitched"),
)
NAMES = tuple(d.name for d in DESCRIPTORS)
"""The order of every array of descriptors."""
LOUDNESS, F0 = NAMES.index("loudness"), NAMES.index("f0")

FrameValues = Float[Tensor, "descriptor frame"]
StepValues = Float[Tensor, "step descriptor"]


def describe_sound(wave: Sound, sample_rate: int) -> FrameValues:
    """The descriptors (descriptor, frame) of a sound, in the order of :data:`NAMES`; channels are averaged.

    There are ``samples // 512 + 1`` frames of 2048 samples, centred on multiples of 512, zeros outside the
    sound. With ``X`` the magnitudes of a periodic Hann window's spectrum over the frequencies ``f``:

    - loudness: ``20 log10`` of the frame's root mean square (unweighted), in dB re full scale, at least -100 dB;
      a full-scale sine has -3 dB.
    - centroid ``c = sum(f X) / sum(X)`` and bandwidth ``sqrt(sum((f - c)² X) / sum(X))``, in Hz.
    - contrast: mean over octave bands (0-200, 200-400, ... Hz) of ``10 log10(peak / valley)`` of magnitudes, peak
      and valley being the means of the highest and lowest 2 % of a band (Jiang et al. 2002), both held at most 80 dB
      below their greatest in the sound.
    - flatness: geometric over arithmetic mean of ``max(X², 1e-10)``, 0 (tones) to 1 (white noise) (Dubnov 2004).
    - rolloff: the frequency below which 85 % of ``sum(X)`` lie.
    - f0: fundamental frequency (:func:`~timbrespace.audio.pitch.track_pitch`), NaN where there is none.

    Frames below -90 dB are NaN but for the loudness. Definitions and frames are those of librosa 0.11 (McFee et
    al. 2015).
    """
    check_rate(sample_rate, what="The sound")
    mono = _mono(wave)
    n_frames = mono.size // HOP + 1
    values = np.full((len(NAMES), n_frames), np.nan, np.float32)
    values[LOUDNESS] = loudness_db(mono, n_frames)
    values[1:F0] = _spectral(mono, sample_rate)
    values[F0] = track_pitch(mono, sample_rate, hop_length=HOP)
    values[1:, values[LOUDNESS] < SILENCE_DB] = np.nan
    return torch.from_numpy(values)


def loudness_db(mono: np.ndarray, n_frames: int) -> np.ndarray:
    """Root mean square of centred frames, in dB re full scale, held at :data:`FLOOR_DB` or above."""
    energy = np.concatenate([[0.0], np.cumsum(np.square(mono, dtype=np.float64))])
    centre = HOP * np.arange(n_frames)
    first, stop = np.clip(centre - N_FFT // 2, 0, mono.size), np.clip(centre + N_FFT // 2, 0, mono.size)
    power = np.maximum(energy[stop] - energy[first], 0.0) / N_FFT
    return np.asarray(10 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10))), np.float32)


def per_step(values: FrameValues, *, ratio: int, steps: int, first: int = 0) -> StepValues:
    """Descriptors (step, descriptor) of latent steps of ``ratio`` samples, from those of frames.

    Step ``s`` takes the frames centred in its samples (the nearest one where there is none): the mean of their
    power for loudness, the median of f0 where at least half of them have one, else the mean of those that are not
    NaN. ``first`` is the sample where step 0 begins.
    """
    if steps < 1 or ratio < 1:
        raise AudioError(f"Descriptors per step need one step or more of one sample or more, not {steps} of {ratio}.")
    n_frames = values.shape[1]
    bounds = (-(-(first + ratio * torch.arange(steps + 1)) // HOP)).clamp(0, n_frames)
    start = bounds[:-1].clamp_max(n_frames - 1)
    stop = torch.maximum(bounds[1:], start + 1)
    at = start[:, None] + torch.arange(int((stop - start).max()))
    inside = at < stop[:, None]
    frames = torch.where(inside, values[:, at.clamp_max(n_frames - 1)], torch.nan)  # (descriptor, step, frame)
    pooled = frames.nanmean(dim=2)
    pooled[LOUDNESS] = 10 * (10 ** (frames[LOUDNESS].double() / 10)).nanmean(dim=1).log10()
    voiced = frames[F0].isfinite().sum(dim=1)
    pooled[F0] = torch.where(2 * voiced >= inside.sum(dim=1), frames[F0].nanmedian(dim=1).values, torch.nan)
    return pooled.T.contiguous()


def on_scale(values: Tensor) -> Tensor:
    """Descriptors (..., descriptor) with logarithms where :attr:`Descriptor.scale` says so (natural; NaN stays)."""
    logarithmic = torch.tensor([d.scale == "log" for d in DESCRIPTORS])
    return torch.where(logarithmic, values.clamp_min(1e-10).log(), values)


def _mono(wave: Tensor) -> np.ndarray:
    if wave.shape[1] == 0:
        raise AudioError("The sound is empty: it has no samples to describe.")
    mono = wave.detach().to("cpu", torch.float32).mean(dim=0)
    if not bool(mono.isfinite().all()):
        raise AudioError("The sound holds values that are no numbers; put it through the output stage first.")
    return np.ascontiguousarray(mono.numpy())


def _spectral(mono: np.ndarray, sample_rate: int) -> np.ndarray:
    """Centroid, bandwidth, contrast, flatness, rolloff, each a row, block by block."""
    from timbrespace.audio import descriptors_kernels as kernels

    frequencies = np.fft.rfftfreq(N_FFT, 1 / sample_rate)
    bands, counts = contrast_bands(sample_rate)
    window = torch.hann_window(N_FFT)
    frames = torch.from_numpy(np.pad(mono, N_FFT // 2)).unfold(0, N_FFT, HOP)
    out = np.empty((4, frames.shape[0]), np.float32)
    extremes = np.empty((2, len(bands), frames.shape[0]))
    for first in range(0, frames.shape[0], BLOCK):
        block = slice(first, first + BLOCK)
        spectrum = torch.view_as_real(torch.fft.rfft(frames[block] * window)).flatten(1).numpy()
        kernels.describe(spectrum, frequencies, bands, counts, out[:, block], extremes[:, :, block])
    held = np.maximum(extremes, extremes.max(axis=(1, 2), keepdims=True) - 80.0)
    return np.insert(out, 2, (held[0] - held[1]).mean(axis=0), axis=0)


def contrast_bands(sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Bins (band, [first, stop]) of the octave bands of the contrast, and how many make its peak and its valley.

    Six octaves from 200 Hz upwards and what lies below; those beyond half of the rate are left out, and the
    last one reaches up to it. As in librosa, a band begins one bin below its edge.
    """
    frequencies = np.fft.rfftfreq(N_FFT, 1 / sample_rate)
    edges = [0.0, *(200.0 * 2**k for k in range(7))]
    inside = [k for k in range(7) if edges[k] < sample_rate / 2]
    bands, counts = [], []
    for k in inside:
        chosen = np.flatnonzero((frequencies >= edges[k]) & (frequencies <= edges[k + 1]))
        first = int(chosen[0]) - (1 if k else 0)
        stop = frequencies.size if k == inside[-1] else int(chosen[-1]) + 1
        counts.append(max(1, round(0.02 * (stop - first))))
        bands.append((first, stop if k == inside[-1] else stop - 1))
    return np.asarray(bands, np.int64), np.asarray(counts, np.int64)
