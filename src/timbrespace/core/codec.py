"""What a trained model can do, as protocols: tools ask for a capability, never for a class."""

from __future__ import annotations

from typing import Protocol, TypeVar, runtime_checkable

from torch import Tensor

from timbrespace.core.errors import BundleError
from timbrespace.core.shapes import Frames, Latents, Wave


@runtime_checkable
class Codec(Protocol):
    """Wave to latents and back, at a fixed number of samples per latent step.

    ``ratio`` is that number, ``latent_dim`` the size of one latent vector. ``encode`` is
    deterministic: posterior means, or points refined from them, never draws.
    """

    @property
    def sample_rate(self) -> int: ...
    @property
    def channels(self) -> int: ...
    @property
    def ratio(self) -> int: ...
    @property
    def latent_dim(self) -> int: ...
    def encode(self, wave: Wave) -> Latents: ...
    def decode(self, latents: Latents, *, length: int | None = None) -> Wave: ...


@runtime_checkable
class CodecStream(Protocol):
    """Latents in, sound out, in blocks; any cut into blocks gives the same samples.

    ``decode`` turns the next latents (1, latent, step) into the next (1, channel, ratio * step) samples. Sample n
    stands for sample n - ``latency`` of the whole decoded at once; before it come zeros.
    """

    @property
    def latency(self) -> int: ...
    def decode(self, latents: Latents) -> Wave: ...
    def reset(self) -> None: ...


@runtime_checkable
class LiveCodec(Codec, Protocol):
    """A codec that can also decode while its latents arrive; ``stream`` raises where this one cannot."""

    def stream(self) -> CodecStream: ...


@runtime_checkable
class FrameModel(Protocol):
    """Latents to features, differentiably: what geodesics and pictures need."""

    @property
    def latent_dim(self) -> int: ...
    def encode_frames(self, frames: Frames) -> Latents: ...
    def decode_frames(self, latents: Latents) -> Frames: ...


@runtime_checkable
class CodeCodec(Protocol):
    """Wave to integer codes (batch, *grid) and back."""

    @property
    def sample_rate(self) -> int: ...
    def encode_codes(self, wave: Wave) -> list[Tensor]: ...
    def decode_codes(self, codes: list[Tensor], *, length: int | None = None) -> Wave: ...


@runtime_checkable
class WaveProcessor(Protocol):
    """Dry sound in, wet sound out, with knobs by name."""

    @property
    def sample_rate(self) -> int: ...
    def process(self, wave: Wave, **knobs: float) -> Wave: ...


@runtime_checkable
class ParameterMatcher(Protocol):
    """Finds the knob settings that explain a wet sound; one value per example and knob."""

    @property
    def sample_rate(self) -> int: ...
    def match(self, wave: Wave) -> dict[str, Tensor]: ...


def rate_hz(codec: Codec) -> float:
    """Latent steps per second: ``sample_rate / ratio``."""
    return codec.sample_rate / codec.ratio


P = TypeVar("P")

_ABILITY = {
    "Codec": "turn sound into latents and back",
    "LiveCodec": "decode latents while they arrive",
    "FrameModel": "decode latents into features",
    "CodeCodec": "turn sound into codes and back",
    "WaveProcessor": "process sound",
    "ParameterMatcher": "recover effect parameters",
}


def require(model: object, capability: type[P], *, purpose: str) -> P:
    """``model`` itself if it has ``capability``, else one sentence that says what is missing for ``purpose``."""
    if isinstance(model, capability):
        return model
    raise BundleError(
        f"{purpose} needs a model that can {_ABILITY[capability.__name__]};"
        f" this {type(model).__name__} cannot. Choose another model."
    )
