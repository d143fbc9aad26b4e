"""What a codec is given, checked, and given back as it came: tensors or NumPy arrays."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from timbrespace.core.errors import ParameterError

Array = TypeVar("Array", Tensor, np.ndarray)
MAX_PEAK = 1e4
"""+80 dBFS, as for files that are learned from: what lies above is no sound, and overflows in the spectrum."""


def given_wave(wave: Any, *, channels: int) -> Tensor:
    """A wave (batch, channel, time) as single-precision tensor; raises :class:`ParameterError` for what is none."""
    sound = _finite(wave, what="A wave has axes (batch, channel, time)")
    if sound.shape[1] != channels:
        raise ParameterError(f"This model takes {channels} channel(s), and the wave has {sound.shape[1]}.")
    if sound.shape[2] == 0:
        raise ParameterError("The wave is empty; give at least one sample.")
    peak = float(sound.abs().max())
    if peak > MAX_PEAK:
        raise ParameterError(f"The wave's peak is {peak:.3g}, where full scale is 1; scale it down.")
    return sound


def given_latents(latents: Any, *, latent_dim: int, length: int | None) -> Tensor:
    """Latents (batch, latent, step) to be decoded to ``length`` samples; raises :class:`ParameterError`."""
    z = _finite(latents, what="Latents have axes (batch, latent, step)")
    if z.shape[1] != latent_dim:
        raise ParameterError(f"This model has {latent_dim} latents, and {z.shape[1]} were given.")
    if z.shape[2] == 0 or (length is not None and length < 1):
        raise ParameterError("There is nothing to decode: give at least one latent step and a length above zero.")
    return z


def like(result: Tensor, given: Array) -> Array:
    """The result as an array where an array was given."""
    return result.numpy() if isinstance(given, np.ndarray) else result


def _finite(values: Any, *, what: str) -> Tensor:
    tensor = torch.as_tensor(values, dtype=torch.float32)
    if tensor.ndim != 3:
        raise ParameterError(f"{what}, not shape {tuple(tensor.shape)}.")
    if not bool(torch.isfinite(tensor).all()):
        raise ParameterError(f"{what}, all finite; these hold NaN or infinite values.")
    return tensor
