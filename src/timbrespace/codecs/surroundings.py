"""The surroundings of a codec's paths: its space, the sounds in it, and the recordings a path leads between."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from timbrespace.codecs.recordings import EncodedSounds, encode_folder, read_for
from timbrespace.codecs.sound import SoundCodec
from timbrespace.codecs.space import space_of, stored_descriptors
from timbrespace.core.codec import Codec
from timbrespace.core.errors import BundleError
from timbrespace.datasets.base import Progress
from timbrespace.latent.space import LatentSpace
from timbrespace.latent.surroundings import Surroundings

FIT_LIMIT = 65_536
"""Latent steps that a space is fitted to; more are thinned evenly."""


def surroundings_of(
    codec: Codec,
    *,
    data: str | Path | None = None,
    start: str | Path | None = None,
    end: str | Path | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Surroundings:
    """What paths of a codec go by: the latents of its training sounds, or of the folder ``data``.

    A bundle keeps its own axes whatever the data; of a model that stores no latents the folder's are fitted.
    ``start`` and ``end`` are recordings, encoded by the codec. Raises :class:`BundleError` for a model without
    stored latents and without ``data``.
    """
    stored = codec.latent if isinstance(codec, SoundCodec) else {}
    if data is None and "vectors" not in stored:
        raise BundleError(
            "This model does not hold the latents of its training sounds, so there is nothing to find a way by; give a"
            " folder of sounds with --data."
        )
    ends = {"start": _trajectory(codec, start), "end": _trajectory(codec, end)}
    if data is not None:
        return _of_folder(codec, encode_folder(codec, data, progress=progress), ends, seed=seed)
    assert isinstance(codec, SoundCodec)  # it has stored latents
    vectors = stored["vectors"]
    source = stored.get("source", torch.zeros(len(vectors))).long()
    named = codec.bundle.config.get("sounds", ()) if codec.bundle is not None else ()
    return Surroundings(
        space_of(codec),
        vectors,
        source,
        descriptors=stored_descriptors(stored),
        names=tuple(str(n) for n in named),
        **ends,
    )


def _of_folder(codec: Codec, found: EncodedSounds, ends: dict[str, Tensor | None], *, seed: int) -> Surroundings:
    """With the axes of the model, or those of the folder's sounds where it has none of its own."""
    if isinstance(codec, SoundCodec) and "vectors" in codec.latent:
        space = space_of(codec)
    else:
        some = slice(None, None, -(-len(found.vectors) // FIT_LIMIT))
        space = LatentSpace.fit(
            found.vectors[some], descriptors=found.heard[some], source=found.source[some], seed=seed
        )
    return Surroundings(space, found.vectors, found.source, descriptors=found.heard, names=tuple(found.names), **ends)


def _trajectory(codec: Codec, audio: str | Path | None) -> Tensor | None:
    """Latents (step, latent) of a recording."""
    return None if audio is None else codec.encode(read_for(codec, audio))[0].T.contiguous()
