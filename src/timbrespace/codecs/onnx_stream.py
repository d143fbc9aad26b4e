"""The live engine of ONNX Runtime: a bundle's exported decoder as a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from timbrespace.codecs.onnx_session import OnnxHalf, runtime_installed
from timbrespace.core.errors import BundleError, ParameterError
from timbrespace.core.files import sha256
from timbrespace.core.shapes import Wave

if TYPE_CHECKING:
    from timbrespace.codecs.sound import SoundCodec

DECODER = "exports/decoder.onnx"
"""Of the live decoder inside a bundle, whose hash ``config.json`` notes."""


class OnnxStream:
    """Latents in, sound out (a :class:`~timbrespace.core.codec.CodecStream`), one step at a time whatever the blocks.

    The decoder may be shared; the state is this stream's own. One stream serves one thread.
    """

    def __init__(self, decoder: OnnxHalf) -> None:
        if decoder.facts.kind != "decoder":
            raise ParameterError(f"A stream needs a decoder, and this is an ONNX file of kind {decoder.facts.kind!r}.")
        self._decoder = decoder
        self._player = decoder.player()

    @property
    def latency(self) -> int:
        """Samples by which the sound trails the latents."""
        return self._decoder.facts.latency

    def reset(self) -> None:
        """Forget everything: what follows is what a fresh stream would give."""
        self._player.reset()

    def decode(self, latents: Tensor) -> Wave:
        """The next (1, channel, ``ratio`` * step) samples from the next latents (1, latent, step), which may be none.

        Raises :class:`ParameterError` for another shape and for values that are not finite.
        """
        facts = self._decoder.facts
        if latents.ndim != 3 or latents.shape[:2] != (1, facts.latent_dim):
            raise ParameterError(
                f"A stream takes latents of shape (1, {facts.latent_dim}, step), not {tuple(latents.shape)}."
            )
        steps = latents.detach().numpy()  # torch's own operations would take as long as a small decoder
        if not np.isfinite(steps).all():
            raise ParameterError("A stream takes finite latents; these hold NaN or infinite values.")
        sounds = [
            self._player.step(np.ascontiguousarray(steps[..., i : i + 1], np.float32)) for i in range(steps.shape[2])
        ]
        if len(sounds) == 1:
            return torch.from_numpy(sounds[0])
        return torch.from_numpy(np.concatenate([np.zeros((1, facts.channels, 0), np.float32), *sounds], axis=2))


def live_decoder(codec: SoundCodec) -> OnnxHalf | None:
    """The decoder that a codec's bundle holds for ONNX Runtime; None where it has none or the runtime is absent.

    Raises :class:`BundleError` where the file is not the one that was noted, or not of this model.
    """
    bundle = codec.bundle
    if bundle is None or DECODER not in bundle.config["files"] or not runtime_installed():
        return None
    path = bundle.folder / DECODER
    if not path.is_file() or sha256(path) != bundle.config["files"][DECODER]:
        raise BundleError(f"{path} is absent or damaged: its SHA-256 is not the one noted; restore it or train again.")
    decoder = OnnxHalf.open(path)
    f = decoder.facts
    said = (f.kind, f.sample_rate, f.channels, f.latent_dim, f.ratio)
    if said != ("decoder", codec.sample_rate, codec.channels, codec.latent_dim, codec.ratio):
        raise BundleError(f"{path} is not of this model; restore it or train again.")
    return decoder
