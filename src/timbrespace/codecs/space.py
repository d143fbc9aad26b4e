"""The latent space of a codec that knows its training sounds."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from timbrespace.audio.descriptors import NAMES
from timbrespace.codecs.long_sounds import PIECE_STEPS
from timbrespace.codecs.sound import SoundCodec
from timbrespace.core.codec import Codec
from timbrespace.core.errors import BundleError
from timbrespace.core.shapes import Sound
from timbrespace.latent.space import LatentSpace


def space_of(codec: SoundCodec) -> LatentSpace:
    """The space of the training sounds whose latents the bundle holds.

    Axes are signed and named by the descriptors stored with them; a bundle without has unnamed axes. They are ordered
    by what is heard, with the metric stored there; in a bundle without, by the variance of the latents.
    """
    require_latents(codec)
    return LatentSpace.fit(
        codec.latent["vectors"],
        descriptors=stored_descriptors(codec.latent),
        source=codec.latent.get("source"),
        metric=codec.latent.get("metric"),
    )


def require_latents(codec: SoundCodec) -> None:
    """Raise :class:`BundleError` where the latents of the training sounds are not stored with the model."""
    if "vectors" not in codec.latent:
        raise BundleError(
            "This model does not hold the latents of its training sounds, so its axes are unknown;"
            " train it again, or explore it with sounds of your own."
        )


def stored_descriptors(latent: dict[str, Tensor]) -> Tensor | None:
    """Descriptors (vector, descriptor) of the training sounds, NaN where undefined; None if there are none.

    A bundle holds finite numbers only, so undefined ones are stored as zero beside a mask.
    """
    values, known = latent.get("descriptors"), latent.get("described")
    shape = (len(latent.get("vectors", ())), len(NAMES))
    if values is None or known is None or values.shape != shape or known.shape != shape:
        return None
    return torch.where(known.bool(), values.float(), torch.nan)


def storable_descriptors(descriptors: Tensor) -> dict[str, Tensor]:
    """The two tensors that :func:`stored_descriptors` reads."""
    known = descriptors.isfinite()
    return {"descriptors": torch.where(known, descriptors, 0.0).float(), "described": known}


@torch.no_grad()
def posterior_means(codec: Codec, wave: Sound) -> Float[Tensor, "step latent"]:
    """The latents of one sound as its encoder alone says: what a space is described by.

    Our own models would sharpen them by optimisation in ``encode``, twenty times slower; the encoder's own answers
    are also what a bundle stores. Other codecs are asked for ``encode``, deterministic means by contract.
    """
    if not isinstance(codec, SoundCodec):
        return codec.encode(wave[None])[0].T
    parts = codec.transform(wave[None]).split(PIECE_STEPS * codec.model.ratio, dim=-1)
    return torch.cat([codec.model.infer(part, refinement=0)[0].T for part in parts])
