"""What an encoder says: one level of latents per scale."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from timbrespace.core.shapes import Latents


@dataclass(frozen=True)
class Level:
    """Latents of one scale.

    ``z`` (batch, latent, step) is what the decoder reads. ``mean`` and ``log_var`` describe the posterior
    where there is one (``log_var`` is the natural logarithm of the variance), ``codes`` the codebook
    indices where there are any.
    """

    z: Latents
    mean: Latents
    log_var: Latents | None = None
    codes: Tensor | None = None


@dataclass(frozen=True)
class Encoding:
    """The levels of an encoding, finest first; most models have one."""

    levels: tuple[Level, ...]
