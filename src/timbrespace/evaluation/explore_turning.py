"""What turning an axis does to the sound: how much is heard, and which way each descriptor goes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from timbrespace.audio.descriptors import on_scale
from timbrespace.core.codec import Codec
from timbrespace.evaluation.explore_listening import companions, describe_whole, representative
from timbrespace.evaluation.explore_survey import Moments, Survey
from timbrespace.latent.space import LatentSpace
from timbrespace.metrics.spectral import stft_magnitude
from timbrespace.transforms.filterbank import mel_filterbank

TURNED_MOMENTS, TURNED_SECONDS = 8, 0.75
MEL_BANDS, RANGE_DB = 128, 60.0


@dataclass(frozen=True)
class Turning:
    """``heard_db`` (axis,), the change of the log-mel spectrum per standard deviation; ``effect`` (axis,
    descriptor), the mean change of each descriptor, on its own scale (natural logarithm where that is logarithmic),
    NaN where it is undefined; ``agreement`` (axis, descriptor), the share of moments that change in that direction.
    """

    heard_db: Tensor
    effect: Tensor
    agreement: Tensor


def turn_axes(codec: Codec, space: LatentSpace, found: Survey, moments: Moments) -> Turning:
    """Move eight moments by one standard deviation either way along every axis, and compare what is heard.

    ``heard_db = mean |L(+1) - L(-1)| / 2`` over moments, frames and mel bands, L being the log-mel spectrum in dB
    (:func:`mel_db`); ``effect = mean (d(+1) - d(-1)) / 2`` for a descriptor d of each moment as a whole.
    """
    steps = max(2, round(TURNED_SECONDS * codec.sample_rate / codec.ratio))
    chosen = representative(space, moments)
    some = [chosen, *companions(space, moments, chosen, count=TURNED_MOMENTS - 1)]
    tracks = torch.stack([space.project(found.trajectory(moments, m)[:steps]) for m in some])
    turned = [_turned(codec, space, tracks, shift) for shift in torch.diag(space.deviations)]
    heard, differences = torch.stack([h for h, _ in turned]), torch.stack([d for _, d in turned])
    effect = differences.nanmean(dim=1)
    same = (differences.sign() == effect[:, None].sign()).float()
    return Turning(heard, effect, torch.where(differences.isfinite(), same, torch.nan).nanmean(dim=1))


def _turned(codec: Codec, space: LatentSpace, tracks: Tensor, shift: Tensor) -> tuple[Tensor, Tensor]:
    """The change of the spectrum in dB, and half the difference of each descriptor (moment, descriptor)."""
    both = torch.cat([tracks + shift, tracks - shift])
    sounds = codec.decode(space.unproject(both).mT.contiguous())
    up, down = mel_db(sounds, codec.sample_rate).chunk(2)
    brighter, darker = on_scale(describe_whole(sounds, codec.sample_rate)).chunk(2)
    return (up - down).abs().mean() / 2, (brighter - darker) / 2


def in_words(name: str, effect: float) -> str:
    """A change of a descriptor on its scale as people say it: dB, semitones, or per cent.

    >>> in_words("centroid", 0.3), in_words("f0", 0.0578), in_words("loudness", -2.04)
    ('+35 %', '+1.0 semitones', '-2.0 dB')
    """
    if name in ("loudness", "contrast"):
        return f"{effect:+.1f} dB"
    if name == "f0":
        return f"{12 * effect / math.log(2):+.1f} semitones"
    return f"{100 * math.expm1(effect):+.0f} %"


def mel_db(wave: Float[Tensor, "batch channel time"], sample_rate: int) -> Tensor:
    """Log-mel spectra (batch, band, frame) in dB, held at 60 dB below the loudest cell of all; channels averaged."""
    n_fft = 2048 * 2 ** max(0, math.ceil(math.log2(sample_rate / 48_000)))
    bank = mel_filterbank(sample_rate, n_fft=n_fft, n_mels=MEL_BANDS, f_min=0.0, f_max=sample_rate / 2)
    mel = torch.from_numpy(bank.weights) @ stft_magnitude(wave.mean(1), n_fft=n_fft, hop_length=n_fft // 4)
    return 20 * mel.clamp_min(max(float(mel.max()) * 10 ** (-RANGE_DB / 20), 1e-12)).log10()
