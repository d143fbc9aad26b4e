"""Sound files as a codec takes them, and a folder of them as latents."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from timbrespace.audio.descriptors import describe_sound, per_step
from timbrespace.audio.reading import read
from timbrespace.codecs.space import posterior_means
from timbrespace.core.codec import Codec
from timbrespace.core.errors import BundleError, DataError
from timbrespace.core.shapes import Wave
from timbrespace.datasets.base import Progress
from timbrespace.datasets.folder import SoundFolder


@dataclass(frozen=True)
class EncodedSounds:
    """``vectors`` (n, latent) of all steps of all sounds, ``source`` (n,) the sound of each, and what is heard there:
    ``descriptors`` (n, descriptor).
    """

    names: tuple[str, ...]
    vectors: Tensor
    source: Tensor
    descriptors: Tensor


def read_for(codec: Codec, audio: str | Path) -> Wave:
    """A sound file as the codec takes it: (1, channel, time) at its rate."""
    recording = read(audio, sample_rate=codec.sample_rate, channels=codec.channels)
    if recording.wave.shape[-1] == 0:
        raise DataError(f"{audio} is empty: it holds no samples; give a file with sound in it.")
    return recording.wave[None]


@torch.no_grad()
def encode_folder(codec: Codec, data: str | Path, *, progress: Progress | None = None) -> EncodedSounds:
    """The latents of every sound of a folder, as its encoder alone says.

    Raises :class:`DataError` if there is no usable sound, :class:`BundleError` if the model's answer is not finite.
    """
    folder = SoundFolder(
        path=str(data), sample_rate=codec.sample_rate, channels=codec.channels, validation=0.0, test=0.0
    )
    split = folder.prepare(progress=progress).split("train")
    vectors, heard = [], []
    for index, source in enumerate(split.sources):
        wave = split.sound(index)
        vectors.append(posterior_means(codec, wave))
        heard.append(per_step(describe_sound(wave, codec.sample_rate), ratio=codec.ratio, steps=len(vectors[-1])))
        if not bool(vectors[-1].isfinite().all()):
            raise BundleError(
                f"This model's latents of {source.name} are not all finite; the model is damaged, train it again."
            )
    sources = [torch.full((len(z),), i) for i, z in enumerate(vectors)]
    return EncodedSounds(tuple(s.name for s in split.sources), torch.cat(vectors), torch.cat(sources), torch.cat(heard))
