"""Sound files as a codec takes them, and a folder of them as latents."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from timbrespace.audio.descriptors import describe_sound, per_step
from timbrespace.audio.reading import read
from timbrespace.codecs.space import posterior_means
from timbrespace.core.codec import Codec
from timbrespace.core.errors import BundleError, DataError
from timbrespace.core.shapes import Wave
from timbrespace.datasets.base import Progress, SoundSplit
from timbrespace.datasets.folder import SoundFolder

ENCODING = "encoding the sounds"


@dataclass(frozen=True)
class EncodedSounds:
    """Per sound its name, its latents (step, latent) and what is heard at each step, descriptors (step, descriptor);
    which files were left out, how many seconds all sounds last, and the sounds themselves.
    """

    names: list[str]
    latents: list[Tensor]
    descriptors: list[Tensor]
    skipped: list[str]
    seconds: float
    split: SoundSplit

    @cached_property
    def vectors(self) -> Tensor:
        """The latents (n, latent) of all steps, one sound after the other."""
        return torch.cat(self.latents)

    @cached_property
    def heard(self) -> Tensor:
        """The descriptors (n, descriptor) of all steps."""
        return torch.cat(self.descriptors)

    @cached_property
    def source(self) -> Tensor:
        """The number (n,) of the sound that each step is of."""
        return torch.cat([torch.full((len(z),), i) for i, z in enumerate(self.latents)])


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
    prepared = folder.prepare(progress=None if progress is None else _reading(progress))
    split = prepared.split("train")
    names = [s.name for s in split.sources]
    latents, descriptors, samples = [], [], 0
    for index, name in enumerate(names):
        if progress is not None:
            progress(index, len(names), ENCODING)
        wave = split.sound(index)
        samples += wave.shape[-1]
        latents.append(posterior_means(codec, wave))
        heard = describe_sound(wave, codec.sample_rate)
        descriptors.append(per_step(heard, ratio=codec.ratio, steps=len(latents[-1])))
        if not bool(latents[-1].isfinite().all()):
            raise BundleError(
                f"This model's latents of {name} are not all finite; the model is damaged, train it again."
            )
    if progress is not None:
        progress(len(names), len(names), ENCODING)
    skipped = prepared.summary()["skipped"]
    return EncodedSounds(names, latents, descriptors, skipped, samples / codec.sample_rate, split)


def _reading(progress: Progress) -> Progress:
    """Tells the stage in place of each file's name."""
    return lambda done, total, name: progress(done, total, "reading the sounds")
