"""The second idea: a codec encodes and decodes. A transform and a model make one."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from timbrespace.codecs.bundle import LATENT, WEIGHTS, Bundle
from timbrespace.codecs.given import Array, given_latents, given_wave, like
from timbrespace.codecs.long_sounds import infer_in_pieces
from timbrespace.codecs.onnx_session import OnnxHalf
from timbrespace.codecs.onnx_stream import OnnxStream, live_decoder
from timbrespace.codecs.stream import SoundStream
from timbrespace.core.codec import CodecStream
from timbrespace.core.component import build
from timbrespace.core.errors import ParameterError
from timbrespace.core.shapes import Frames, Latents
from timbrespace.models.base import Model
from timbrespace.models.networks.base import CANNOT_STREAM
from timbrespace.transforms.base import AudioTransform, LivePhase, PhaseReconstruction
from timbrespace.transforms.phased_stft import PhasedStft
from timbrespace.transforms.pieces import invert_in_pieces
from timbrespace.transforms.rtisi import RtIsi

UNKNOWN = object()
"""Of the live engine, before it was looked for."""


class SoundCodec:
    """Wave -> latents -> wave through a transform and a model.

    ``encode`` and ``decode`` take and give tensors, or NumPy arrays if given those. Encoding is deterministic: it
    gives posterior means, sharpened by the model's refinement steps if it has any. One latent step stands for
    ``ratio`` samples; a sound of ``n`` samples has ``ceil((n // hop_length + 1) / frames_per_step)`` steps.
    """

    def __init__(
        self,
        transform: AudioTransform,
        model: Model,
        *,
        latent: dict[str, Tensor] | None = None,
        channels: int = 1,
        live: LivePhase | None = None,
    ) -> None:
        self.transform = transform.eval()
        self.model = model.eval()
        self.latent = latent or {}
        self.channels = channels
        self.live = live or RtIsi()
        self.bundle: Bundle | None = None
        self._engine: object = UNKNOWN

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> SoundCodec:
        """The codec stored in a bundle."""
        transform = build(AudioTransform, bundle.config["transform"], where="transform.")
        weights = bundle.tensors(WEIGHTS)
        transform.load_state_dict(_part(weights, "transform."))
        # Built without memory, then given the stored tensors: sizes in an edited configuration allocate nothing.
        with torch.device("meta"):
            model = build(Model, bundle.config["model"], where="model.")
        model.load_state_dict(_part(weights, "model."), assign=True)
        codec = cls(
            transform,
            model,
            latent=bundle.tensors(LATENT),
            channels=int(bundle.config["channels"]),
            live=build(LivePhase, bundle.config["live"], where="live.") if "live" in bundle.config else None,
        )
        codec.bundle = bundle
        return codec

    @property
    def sample_rate(self) -> int:
        return self.transform.sample_rate

    @property
    def ratio(self) -> int:
        """Samples per latent step."""
        return self.model.ratio * self.transform.hop_length

    @property
    def latent_dim(self) -> int:
        return self.model.latent_dim

    @property
    def rate_hz(self) -> float:
        """Latent steps per second."""
        return self.sample_rate / self.ratio

    def facts(self) -> dict[str, Any]:
        """What one asks of a model first: rates, sizes, parameters."""
        return {
            "sample_rate": self.sample_rate,
            "channels": self.channels,
            "latent_dim": self.latent_dim,
            "ratio": self.ratio,
            "rate_hz": self.rate_hz,
            "parameters": sum(p.numel() for p in self.model.parameters()),
            "transform": self.transform.config(),
            "model": self.model.config(),
        }

    def state(self) -> dict[str, Tensor]:
        """The tensors of transform and model, as ``weights.safetensors`` holds them."""
        named = {f"transform.{k}": v for k, v in self.transform.state_dict().items()}
        return named | {f"model.{k}": v for k, v in self.model.state_dict().items()}

    @torch.no_grad()
    def encode(self, wave: Array) -> Array:
        """Latents (batch, latent, step) of a wave (batch, channel, time), deterministically."""
        sound = given_wave(wave, channels=self.channels)
        return like(self.encode_frames(self.transform(sound)), wave)

    @torch.no_grad()
    def decode(self, latents: Array, *, length: int | None = None, phase: PhaseReconstruction | None = None) -> Array:
        """A wave of ``length`` samples (``ratio`` per step if not given) from latents (batch, latent, step)."""
        z = given_latents(latents, latent_dim=self.latent_dim, length=length)
        samples = z.shape[2] * self.ratio if length is None else length
        return like(invert_in_pieces(self.transform, self.decode_frames(z), length=samples, phase=phase), latents)

    @torch.no_grad()
    def resynthesise(self, wave: Array, *, stored_phase: bool = False) -> Array:
        """A wave (batch, channel, time) as the model rebuilds it, of the same length.

        With ``stored_phase`` the magnitudes are the model's and the phase is the wave's own, where the transform keeps
        phases; raises :class:`ParameterError` where it does not.
        """
        sound = given_wave(wave, channels=self.channels)
        if not stored_phase:
            return like(self.decode(self.encode(sound), length=sound.shape[-1]), wave)
        if not isinstance(self.transform, PhasedStft):
            raise ParameterError(
                f"A {type(self.transform).__name__} keeps no phase; resynthesise with the predicted one, or train the"
                " recipe 'stft'."
            )
        frames = self.rebuild_frames(self.transform(sound))
        return like(self.transform.restore(frames, self.transform.phase(sound), length=sound.shape[-1]), wave)

    @property
    def lookahead(self) -> int | None:
        """Latent steps that live decoding waits for; ``None`` where the decoder needs the whole and cannot stream."""
        return self.model.lookahead

    def stream(self, *, live: LivePhase | None = None) -> CodecStream:
        """The live form of :meth:`decode`, with the live inverse the bundle names or another one.

        Where the bundle carries its decoder for ONNX Runtime, and no other inverse is asked for, that plays, several
        times faster and the same to rounding; :meth:`torch_stream` is what it was compared with. Raises
        :class:`ParameterError` where the decoder needs the whole.
        """
        if live is None and self._engine is UNKNOWN:
            self._engine = live_decoder(self)
        if live is None and isinstance(self._engine, OnnxHalf):
            return OnnxStream(self._engine)
        return self.torch_stream(live=live)

    def torch_stream(self, *, live: LivePhase | None = None) -> SoundStream:
        """:meth:`stream` computed by torch, whatever the bundle carries."""
        if self.lookahead is None:
            raise ParameterError(CANNOT_STREAM)
        frames = self.transform.stream(channels=self.channels, live=live or self.live)
        return SoundStream(self.model, frames, lookahead=self.lookahead, ratio=self.ratio, channels=self.channels)

    def encode_frames(self, frames: Frames) -> Latents:
        """Latents of normalised frames: posterior means, sharpened as the model was told to."""
        return infer_in_pieces(self.model, frames)

    def decode_frames(self, latents: Latents) -> Frames:
        """Normalised frames; differentiable."""
        return self.model.decode(latents)

    def rebuild_frames(self, frames: Frames) -> Frames:
        """Frames through the model and back, of the same length."""
        return self.decode_frames(self.encode_frames(frames))[..., : frames.shape[-1]]


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
