"""A trained model of pictures (or of any frames of one size): latents and back, and samples."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

from timbrespace.codecs.bundle import LATENT, WEIGHTS, Bundle
from timbrespace.core.component import build
from timbrespace.core.errors import ParameterError
from timbrespace.core.shapes import Frames, Latents
from timbrespace.latent.mixture import Mixture
from timbrespace.models.base import Model

PIECE = 1000
"""Pictures that go through a model at once."""

Source = Literal["prior", "mixture"]


class FrameCodec:
    """Frames of one size -> latents -> frames, through a model alone; a :class:`~timbrespace.core.codec.FrameModel`.

    ``size`` is (channel, feature, frame). ``latent`` holds what the training found: ``vectors`` (example, latent)
    of training examples with their ``labels``, and a Gaussian mixture fitted to them.
    """

    def __init__(self, model: Model, *, size: tuple[int, int, int], latent: dict[str, Tensor] | None = None) -> None:
        self.model = model.eval()
        self.size = size
        self.latent = latent or {}
        self.bundle: Bundle | None = None

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> FrameCodec:
        """The codec stored in a bundle."""
        with torch.device("meta"):
            model = build(Model, bundle.config["model"], where="model.")
        weights = bundle.tensors(WEIGHTS)
        model.load_state_dict({k.removeprefix("model."): v for k, v in weights.items()}, assign=True)
        channel, feature, frame = (int(n) for n in bundle.config["size"])
        codec = cls(model, size=(channel, feature, frame), latent=bundle.tensors(LATENT))
        codec.bundle = bundle
        return codec

    @property
    def latent_dim(self) -> int:
        return self.model.latent_dim

    def state(self) -> dict[str, Tensor]:
        """The weights, as the bundle stores them."""
        return {f"model.{k}": v for k, v in self.model.state_dict().items()}

    def facts(self) -> dict[str, Any]:
        """What one asks of a model first: sizes, parameters."""
        return {
            "size": list(self.size),
            "latent_dim": self.latent_dim,
            "parameters": sum(p.numel() for p in self.model.parameters()),
            "model": self.model.config(),
        }

    @torch.no_grad()
    def encode_frames(self, frames: Frames) -> Latents:
        """Latents of frames (batch, channel, feature, frame): what the decoder reads when nothing is drawn."""
        return torch.cat([self.model.infer(piece) for piece in frames.split(PIECE)])

    def decode_frames(self, latents: Latents) -> Frames:
        """Expected frames of latents (batch, latent, step); differentiable."""
        return torch.cat([self.model.decode(piece) for piece in latents.split(PIECE)])

    def rebuild_frames(self, frames: Frames) -> Frames:
        """Frames through the model and back."""
        return self.decode_frames(self.encode_frames(frames))

    def mixture(self) -> Mixture:
        """The Gaussian mixture that was fitted to the training examples' latents.

        Raises :class:`ParameterError` where there is none: for a map of latents or codes one step says too little, and
        of very many latents a bundle keeps too few vectors to fit one to.
        """
        if "mixture.weights" not in self.latent:
            raise ParameterError(
                f"This model of {self.latent_dim} latents has no mixture to sample from: none is fitted to a map of"
                " vectors, or to very many latents; sample from its prior, if it has one."
            )
        prefix = "mixture."
        return Mixture.from_tensors({k.removeprefix(prefix): v for k, v in self.latent.items() if k.startswith(prefix)})

    @torch.no_grad()
    def sample(self, n: int, *, generator: torch.Generator, source: Source = "prior") -> Frames:
        """``n`` new frames: expected values at latents drawn from the prior, or from the :meth:`mixture`."""
        if source == "mixture":
            return self.decode_frames(self.mixture().sample(n, generator=generator)[..., None].float())
        return self.decode_frames(self.model.sample_latents(n, generator=generator))
