"""A walk through a folder of sounds with a codec: latents and descriptors of every step of every sound."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import torch
from torch import Tensor

from timbrespace.audio.descriptors import LOUDNESS, describe_sound, per_step
from timbrespace.codecs.space import posterior_means
from timbrespace.core.codec import Codec
from timbrespace.core.errors import BundleError, DataError
from timbrespace.datasets.base import Progress, SoundSplit
from timbrespace.datasets.folder import SoundFolder

MOMENT_SECONDS = 1.5
"""A moment of sound: long enough to be recognised, short enough to be one place in the space."""
QUIET_DB = -55.0
"""Quieter moments are not chosen to be heard."""
MOST_GROUPS = 7
FIT_LIMIT = 65_536
"""Latent steps that statistics are made of; longer data are thinned evenly."""


@dataclass(frozen=True)
class Moments:
    """Stretches of equal length of all sounds: ``source`` and first ``step`` (moment,), mean ``position``
    (moment, latent) and pooled ``descriptors`` (moment, descriptor).
    """

    steps: int
    source: Tensor
    step: Tensor
    position: Tensor
    descriptors: Tensor

    @property
    def audible(self) -> Tensor:
        """Numbers of the moments loud enough to be listened to; of all, if none is."""
        loud = (self.descriptors[:, LOUDNESS] > QUIET_DB).nonzero().flatten()
        return loud if len(loud) else torch.arange(len(self.source))


@dataclass(frozen=True)
class Survey:
    """Per sound: its name, its latents (step, latent) and descriptors (step, descriptor); and what was skipped."""

    names: list[str]
    latents: list[Tensor]
    descriptors: list[Tensor]
    skipped: list[str]
    seconds: float
    split: SoundSplit

    @cached_property
    def vectors(self) -> Tensor:
        """The latents of all steps, one after the other."""
        return torch.cat(self.latents)

    @cached_property
    def heard(self) -> Tensor:
        """The descriptors of all steps."""
        return torch.cat(self.descriptors)

    @cached_property
    def source(self) -> Tensor:
        """The sound that each step is of."""
        return torch.cat([torch.full((len(z),), i) for i, z in enumerate(self.latents)])

    @property
    def stride(self) -> int:
        """Every how many steps enter the statistics."""
        return max(1, -(-len(self.vectors) // FIT_LIMIT))

    def moments(self, steps: int) -> Moments:
        """Every sound cut into moments of ``steps`` latent steps, or of the longest sound's if all are shorter."""
        steps = min(steps, max(len(z) for z in self.latents))
        at = [(i, s) for i, z in enumerate(self.latents) for s in range(0, len(z) - steps + 1, steps)]
        place = torch.stack([self.latents[i][s : s + steps].mean(0) for i, s in at])
        heard = torch.stack([_pooled(self.descriptors[i][s : s + steps]) for i, s in at])
        source, step = torch.tensor(at).T
        return Moments(steps, source, step, place, heard)

    def trajectory(self, moments: Moments, number: int) -> Tensor:
        """The latents (step, latent) of one moment."""
        first = int(moments.step[number])
        return self.latents[int(moments.source[number])][first : first + moments.steps]

    def excerpt(self, moments: Moments, number: int, *, ratio: int) -> Tensor:
        """The recording (channel, time) of one moment."""
        first = int(moments.step[number]) * ratio
        return self.split.sound(int(moments.source[number]))[:, first : first + moments.steps * ratio]


def survey(codec: Codec, data: str | Path, *, progress: Progress | None = None) -> Survey:
    """Encode and describe every sound of a folder.

    Raises :class:`DataError` if there is no usable sound, or too little, and :class:`BundleError` if the model's
    answer is not finite.
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
            progress(index, len(names), "encoding the sounds")
        wave = split.sound(index)
        samples += wave.shape[-1]
        z = posterior_means(codec, wave)
        if not bool(torch.isfinite(z).all()):
            raise BundleError(
                f"This model's latents of {name} are not all finite; the model is damaged, train it again."
            )
        latents.append(z)
        heard = describe_sound(wave, codec.sample_rate)
        descriptors.append(per_step(heard, ratio=codec.ratio, steps=len(z)))
    if progress is not None:
        progress(len(names), len(names), "encoding the sounds")
    if sum(len(z) for z in latents) < 2 * codec.latent_dim:
        raise DataError(
            f"The sounds in {data} last {samples / codec.sample_rate:.1f} s, {sum(len(z) for z in latents)} points of"
            f" this space, too few to explore its {codec.latent_dim} dimensions; give at least"
            f" {2 * codec.latent_dim * codec.ratio / codec.sample_rate:.1f} s of sound."
        )
    skipped = prepared.summary()["skipped"]
    return Survey(names, latents, descriptors, skipped, samples / codec.sample_rate, split)


def _reading(progress: Progress) -> Progress:
    """Tells the stage in place of each file's name."""
    return lambda done, total, name: progress(done, total, "reading the sounds")


def groups_of(names: list[str]) -> list[str]:
    """The kind of each sound, at most eight of them: its top folder, or where all share one, its name's first word."""
    parts = [PurePosixPath(n).parts for n in names]
    kinds = [p[0] if len(p) > 1 else "." for p in parts]
    if len(set(kinds)) < 2:
        kinds = [_first_word(p[-1]) for p in parts]
    common = {kind for kind, _ in Counter(kinds).most_common(MOST_GROUPS)}
    return [k if k in common else "other" for k in kinds]


def sizes(found: Survey) -> dict[str, Any]:
    """What was looked at, for the report's numbers."""
    return {
        "sounds": len(found.names),
        "seconds": round(found.seconds, 3),
        "steps": len(found.vectors),
        "skipped": found.skipped,
    }


def _first_word(name: str) -> str:
    stem = PurePosixPath(name).stem
    letters = "".join(c if c.isalpha() else " " for c in stem).split()
    return letters[0].lower() if letters else stem


def _pooled(rows: Tensor) -> Tensor:
    pooled = rows.nanmean(dim=0)
    pooled[LOUDNESS] = 10 * (10 ** (rows[:, LOUDNESS].double() / 10)).mean().log10()
    return pooled
