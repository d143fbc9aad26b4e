"""What a finished training is worth, in numbers that go into the bundle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from timbrespace.audio.descriptors import describe_sound, per_step
from timbrespace.codecs.sound import SoundCodec
from timbrespace.codecs.space import storable_descriptors
from timbrespace.datasets.base import SoundPrepared, SoundSplit, SplitName
from timbrespace.layers.pca import StackedPca
from timbrespace.metrics.reconstruction import Comparison, compare, residual
from timbrespace.metrics.spectral import spectral_convergence_db
from timbrespace.transforms.base import AudioTransform

MAX_FRAME_SECONDS = 600.0
"""Residuals of longer sounds are those of their beginning, so that memory does not grow with the longest file."""

PIECE_FRAMES = 8192
"""Frames whose latents are gathered at once: a minute and a half at 86 per second."""

RUN_STEPS = 128
"""Latent steps that follow each other where not all are kept: six seconds at 22 a second."""

MAX_SOUND_SECONDS = 30.0
"""Longer sounds are judged by their beginning, so that an assessment takes seconds."""


@dataclass(frozen=True)
class LatentSummary:
    """The latents of a split: vectors (vector, latent), the index of the sound each came from, sound names.

    ``descriptors`` (vector, descriptor) is what is heard at each of them, NaN where undefined.
    """

    vectors: Tensor
    source: Tensor
    descriptors: Tensor
    names: list[str]
    kl_per_dimension: list[float]

    def tensors(self) -> dict[str, Tensor]:
        """What ``latent.safetensors`` holds: vectors, sources, descriptors, mean, covariance."""
        vectors = self.vectors.double()
        mean = vectors.mean(0)
        covariance = (vectors - mean).T @ (vectors - mean) / max(1, len(vectors) - 1)
        return {
            "vectors": self.vectors.float(),
            "source": self.source.int(),
            **storable_descriptors(self.descriptors),
            "mean": mean.float(),
            "covariance": covariance.float(),
        }


def pca_baseline(transform: AudioTransform, split: SoundSplit, *, group: int, n_components: int) -> StackedPca:
    """PCA of ``group`` stacked frames over a whole split: as many numbers per second as the model has."""
    rows = (transform.heard(frames).flatten(1, 2) for frames in _frames(transform, split))
    return StackedPca.fit(rows, group=group, n_components=n_components)


def compare_with_pca(codec: SoundCodec, pca: StackedPca, split: SoundSplit) -> Comparison:
    """Residual of what is heard (log-mel) of every sound of a split, beside that of PCA at the same rate."""
    ours, linear = [], []
    for frames in _frames(codec.transform, split):
        heard = codec.transform.heard(frames)
        ours.append(residual(heard, codec.transform.heard(codec.rebuild_frames(frames))))
        linear.append(residual(heard, pca.rebuild(heard.flatten(1, 2)).reshape(heard.shape)))
    return compare(ours, linear)


def spectral_convergence(codec: SoundCodec, split: SoundSplit, *, sounds: int) -> dict[str, float]:
    """Mean spectral convergence in dB of ``resynth`` and of the transform alone, over evenly chosen sounds.

    Sounds that begin with :data:`MAX_SOUND_SECONDS` of silence have none; nothing comes back if all do.
    """
    chosen = range(0, len(split.sources), max(1, len(split.sources) // max(1, sounds)))
    ours, alone = [], []
    for index in list(chosen)[:sounds]:
        wave = _beginning(split.sound(index), codec.sample_rate)[None]
        if not wave.any():
            continue
        length = wave.shape[-1]
        frames = codec.transform(wave)
        inverted = codec.transform.invert(frames, length=length)
        rebuilt = codec.decode(codec.encode(wave), length=length)
        # Channels follow each other, so that a silent one beside a loud one has a finite score.
        ours.append(float(spectral_convergence_db(wave.flatten(), rebuilt.flatten())))
        alone.append(float(spectral_convergence_db(wave.flatten(), inverted.flatten())))
    if not ours:
        return {}
    return {"resynth_db": _mean(ours), "transform_alone_db": _mean(alone), "sounds": len(ours)}


@torch.no_grad()
def summarise_latents(codec: SoundCodec, split: SoundSplit, *, limit: int = 262_144) -> LatentSummary:
    """The encoder's posterior means, without refinement, of a split: of all of it up to ``limit`` vectors (three
    hours at 22 a second), of evenly spread runs of :data:`RUN_STEPS` beyond, so that what is kept can be played.
    """
    vectors, source, descriptors, kl = [], [], [], []
    for index in range(len(split.sources)):
        sound = split.sound(index)
        heard = describe_sound(sound, codec.sample_rate)
        for piece, frames in enumerate(codec.transform(sound[None]).split(PIECE_FRAMES, dim=-1)):
            figures = codec.model.latent_figures(frames)
            vectors.append(figures["latents"][0].T)
            source.append(torch.full((len(vectors[-1]),), index))
            begin = piece * PIECE_FRAMES * codec.transform.hop_length
            descriptors.append(per_step(heard, ratio=codec.ratio, steps=len(vectors[-1]), first=begin))
            if "kl_per_dimension" in figures:
                kl.append(figures["kl_per_dimension"][0] * len(vectors[-1]))
    everything, sources = torch.cat(vectors), torch.cat(source)
    kept = torch.arange(len(everything)) // RUN_STEPS % -(-len(everything) // limit) == 0
    per_dimension = (torch.stack(kl).sum(0) / len(everything)).tolist() if kl else []
    return LatentSummary(
        everything[kept],
        sources[kept],
        torch.cat(descriptors)[kept],
        [s.name for s in split.sources],
        per_dimension,
    )


def assess(codec: SoundCodec, prepared: SoundPrepared, summary: LatentSummary, pca: StackedPca) -> dict[str, Any]:
    """The figures of ``metrics.json``: residuals beside PCA, spectral convergence, use of the latents."""
    table: dict[str, Any] = {
        "latent_variances": [float(v) for v in summary.vectors.double().var(0, unbiased=False)],
        "kl_per_dimension_nats": summary.kl_per_dimension,
    }
    unseen: tuple[SplitName, ...] = ("validation", "test")
    for name in unseen:
        split = prepared.split(name)
        if len(split.sources):
            table[name] = asdict(compare_with_pca(codec, pca, split))
            table[name] |= {"spectral_convergence": spectral_convergence(codec, split, sounds=8)}
    return table


def _frames(transform: AudioTransform, split: SoundSplit) -> Iterator[Tensor]:
    for index in range(len(split.sources)):
        with torch.no_grad():  # closed before the yield, or it would hold in the caller as well
            frames = transform(split.sound(index)[None, :, : int(MAX_FRAME_SECONDS * transform.sample_rate)])
        yield frames


def _beginning(sound: Tensor, sample_rate: int) -> Tensor:
    return sound[:, : int(MAX_SOUND_SECONDS * sample_rate)]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / max(1, len(values))
