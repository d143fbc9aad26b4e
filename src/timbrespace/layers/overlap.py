"""Overlap-add of frames as tensor operations, whole or step by step."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def overlap_add(
    frames: Float[Tensor, "batch sample frame"], *, hop_length: int, before: int = 0
) -> Float[Tensor, "batch time"]:
    """The sum of all frames (batch, sample, frame), each ``hop_length`` samples after the one before.

    ``before`` zeros come first; the result has ``before + hop_length * (frames - 1) + sample`` samples.
    """
    n_samples, n_frames = frames.shape[1:]
    total = hop_length * (n_frames - 1) + n_samples
    summed = F.fold(frames, (1, total), (1, n_samples), stride=(1, hop_length)).reshape(frames.shape[0], total)
    return F.pad(summed, (before, 0))


def cut_frames(
    wave: Float[Tensor, "batch time"], *, length: int, hop_length: int
) -> Float[Tensor, "batch sample frame"]:
    """Frames (batch, sample, frame) of ``length`` samples, the first from the first sample on, as many as fit."""
    return wave.unfold(1, length, hop_length).transpose(1, 2)


def window_power(window: Tensor, hop_length: int) -> Tensor:
    """The sum of all shifts of ``window`` squared by whole hops, one period of it (hop_length)."""
    rows = F.pad(window, (0, -window.numel() % hop_length)).reshape(-1, hop_length)
    return torch.as_tensor(rows.square().sum(0))
