"""The map that lives in a bundle."""

from __future__ import annotations

from typing import Final

from torch import Tensor

from timbrespace.codecs.sound import SoundCodec
from timbrespace.core.codec import Codec
from timbrespace.latent.distilled_map import DistilledMap
from timbrespace.latent.distilling import distil

PREFIX: Final = "map."
"""Of the names of its tensors in ``latent.safetensors``."""
ENOUGH = 1000
"""Latent vectors of the training sounds from which a map is made: three quarters of a minute at 22 a second."""


def map_of(codec: Codec) -> DistilledMap | None:
    """The map that was stored with a model; None where there is none (older bundles, little sound, other codecs).

    Raises :class:`BundleError` where its tensors do not fit together, or not to the model.
    """
    stored = codec.latent if isinstance(codec, SoundCodec) else {}
    tensors = {name.removeprefix(PREFIX): t for name, t in stored.items() if name.startswith(PREFIX)}
    return DistilledMap.from_tensors(tensors) if tensors else None


def make_map(latent: dict[str, Tensor], *, seed: int = 0) -> DistilledMap | None:
    """The map of the latents that a bundle holds, in the metric of what is heard; None for too few, or all alike."""
    vectors = latent["vectors"]
    if len(vectors) < ENOUGH or not bool((vectors != vectors[0]).any()):
        return None
    return distil(vectors, source=latent.get("source"), metric=latent.get("metric"), seed=seed)


def map_tensors(made: DistilledMap) -> dict[str, Tensor]:
    """A map's tensors under the names that a bundle holds."""
    return {PREFIX + name: tensor for name, tensor in made.tensors().items()}
