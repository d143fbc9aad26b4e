"""A walk through a folder of sounds with a codec: latents and descriptors of every step of every sound."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import torch
from torch import Tensor

from timbrespace.audio.descriptors import LOUDNESS
from timbrespace.codecs.recordings import EncodedSounds, encode_folder
from timbrespace.core.codec import Codec
from timbrespace.core.errors import DataError
from timbrespace.datasets.base import Progress

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
class Survey(EncodedSounds):
    """The sounds of a folder as a codec encodes them, looked at moment by moment."""

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
    found = encode_folder(codec, data, progress=progress)
    if len(found.vectors) < 2 * codec.latent_dim:
        raise DataError(
            f"The sounds in {data} last {found.seconds:.1f} s, {len(found.vectors)} points of this space, too few to"
            f" explore its {codec.latent_dim} dimensions; give at least"
            f" {2 * codec.latent_dim * codec.ratio / codec.sample_rate:.1f} s of sound."
        )
    return Survey(found.names, found.latents, found.descriptors, found.skipped, found.seconds, found.split)


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
