"""A model: a part that can be trained and that encodes and decodes frames."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor, nn

from timbrespace.core.batch import Batch
from timbrespace.core.component import Component
from timbrespace.core.shapes import Frames, Latents
from timbrespace.layers.memory import Memory
from timbrespace.models.encoding import Encoding


class Model(Component, nn.Module):
    """Frames to latents and back; see :class:`~timbrespace.core.trainable.Trainable` for the training half."""

    @property
    @abstractmethod
    def latent_dim(self) -> int:
        """Size of one latent vector of the first level."""

    @property
    @abstractmethod
    def ratio(self) -> int:
        """Frames per latent step."""

    @abstractmethod
    def encode(self, frames: Frames, *, generator: torch.Generator | None = None) -> Encoding:
        """Posterior means, or draws with a ``generator``."""

    @abstractmethod
    def infer(self, frames: Frames, *, refinement: int | None = None) -> Latents:
        """Deterministic latents as codecs use them: posterior means, sharpened by ``refinement`` steps of
        optimisation (the model's own number if not given, 0 for none).
        """

    @abstractmethod
    def decode(self, latents: Latents) -> Frames:
        """Expected frames, ``ratio`` per latent step."""

    @abstractmethod
    def sample_latents(self, n: int, *, generator: torch.Generator) -> Latents:
        """``n`` latents (n, latent, step) drawn from the prior, for frames as long as one step or one grid makes.

        Raises :class:`~timbrespace.core.errors.ParameterError` where the model has no prior.
        """

    @property
    @abstractmethod
    def lookahead(self) -> int | None:
        """Latent steps that the decoder reads ahead of the one it speaks; ``None`` where it needs the whole."""

    @abstractmethod
    def decode_next(self, latents: Latents, memory: Memory) -> Frames:
        """:meth:`decode` for latents that come in blocks, ``lookahead`` steps late.

        The first ``lookahead`` steps of frames mean nothing. Raises
        :class:`~timbrespace.core.errors.ParameterError` where ``lookahead`` is ``None``.
        """

    @abstractmethod
    def players(self) -> dict[str, list[nn.Parameter]]: ...

    @abstractmethod
    def initialise(self, batch: Batch, *, generator: torch.Generator) -> None: ...

    @abstractmethod
    def losses(self, batch: Batch, player: str, *, step: int, generator: torch.Generator) -> dict[str, Tensor]: ...

    @abstractmethod
    def after_step(self, batch: Batch, *, generator: torch.Generator) -> None: ...

    @abstractmethod
    def monitor(self, batch: Batch) -> dict[str, Tensor]: ...

    @abstractmethod
    def latent_figures(self, frames: Frames) -> dict[str, Tensor]:
        """Of what :meth:`monitor` gives, all that can be said without decoding: ``latents``, and where there are any
        ``codes`` and ``kl_per_dimension``.
        """
