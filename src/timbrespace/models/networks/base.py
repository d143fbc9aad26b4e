"""A network maps frames to statistics of a posterior, and latents to parameters of a likelihood."""

from __future__ import annotations

from abc import abstractmethod

from jaxtyping import Float
from torch import Tensor, nn

from timbrespace.core.component import Component
from timbrespace.core.errors import ParameterError
from timbrespace.core.shapes import Frames, Latents, Statistics
from timbrespace.layers.memory import Memory

CANNOT_STREAM = (
    "This model's decoder reads as much ahead as back and cannot play live;"
    " train one with --set model.network.lookahead=1."
)
"""What is said where a decoder without a ``lookahead`` is asked to decode while latents arrive."""

Parameters = Float[Tensor, "batch parameter feature frame"]


class Network(Component, nn.Module):
    """Encoder and decoder.

    Shapes follow from the parts around it: ``n_features`` and ``n_channels`` of the frames, ``n_statistics``
    that the bottleneck asks for, ``latent_dim``, and ``n_parameters`` that the likelihood needs for each
    feature. The first ``latent_dim`` statistics locate the latent vector. ``lookahead`` is the number of latent
    steps that the decoder reads ahead of the one it speaks, ``None`` where it needs the whole.

    ``encoder_lookahead`` is the same for an encoder that can encode while frames arrive, in steps; ``encoder_reach``
    how many steps before and after its own one vector needs to see, where that is known of another encoder. The
    sound of a ``phase_free`` network has phases of its own: it is to be compared with others by its spectra.

    A network for inputs of one size (pictures) has ``ratio`` 0 and knows their ``n_frames`` (else 0); ``grid`` then
    are the axes of its latent vectors: () for a single one, (7, 7) for a map of them, whose cells in row-major order
    are the steps.
    """

    lookahead: int | None
    encoder_lookahead: int | None = None
    encoder_reach: tuple[int, int] | None = None
    phase_free: bool = False
    grid: tuple[int, ...]
    n_channels: int
    n_features: int
    n_frames: int

    @property
    @abstractmethod
    def ratio(self) -> int:
        """Frames per latent step; 0 when the input has one size and becomes the cells of ``grid``."""

    @abstractmethod
    def encode(self, frames: Frames) -> Statistics:
        """Statistics (batch, n_statistics, step) with ``ceil(frames / ratio)`` steps, or as many as the grid has."""

    @abstractmethod
    def decode(self, latents: Latents) -> Parameters:
        """Likelihood parameters (batch, n_channels * n_parameters, feature, frame), ``ratio`` frames per step."""

    @abstractmethod
    def decode_next(self, latents: Latents, memory: Memory) -> Parameters:
        """The same for latents that come in blocks, ``lookahead`` steps late.

        ``memory`` holds what the blocks before left behind. All blocks in a row give the frames of the whole,
        behind ``lookahead`` steps that mean nothing. Raises :class:`~timbrespace.core.errors.ParameterError` where
        ``lookahead`` is ``None``.
        """

    def encode_next(self, frames: Frames, memory: Memory) -> Statistics:
        """:meth:`encode` for frames that come in blocks of whole steps, ``encoder_lookahead`` steps late.

        Raises :class:`~timbrespace.core.errors.ParameterError` where ``encoder_lookahead`` is ``None``.
        """
        raise ParameterError(f"The encoder of {type(self).__name__} reads ahead and cannot encode live.")

    @abstractmethod
    def initialise(self, frames: Frames) -> None:
        """Set what is best set from training data before the first step; may do nothing."""


def check_size(network: Network, frames: Frames) -> None:
    """Raise :class:`~timbrespace.core.errors.ParameterError` for frames of another size than a network is for."""
    shape = (network.n_channels, network.n_features, network.n_frames)
    if frames.shape[1:] != shape:
        raise ParameterError(
            f"{type(network).__name__} was made for pictures of {_spell(shape)} (channels x height x width),"
            f" not {_spell(tuple(frames.shape[1:]))}; give it pictures of that size."
        )


def _spell(shape: tuple[int, ...]) -> str:
    return " x ".join(str(s) for s in shape)
