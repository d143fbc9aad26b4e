"""Principal components of stacked frames: the linear codec every model is measured against."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from timbrespace.core.errors import DataError


def stack_frames(rows: Float[Tensor, "batch row frame"], group: int) -> Float[Tensor, "batch stacked step"]:
    """Groups of ``group`` successive frames as one tall vector each, (row, frame in group) row-major.

    The last frame is repeated to fill the last group.
    """
    batch, height, frames = rows.shape
    rows = F.pad(rows, (0, -frames % group), mode="replicate")
    steps = rows.shape[-1] // group
    return rows.reshape(batch, height, steps, group).transpose(2, 3).reshape(batch, height * group, steps)


def unstack_frames(stacked: Float[Tensor, "batch stacked step"], group: int) -> Float[Tensor, "batch row frame"]:
    """The inverse of :func:`stack_frames`, padding included."""
    batch, tall, steps = stacked.shape
    return stacked.reshape(batch, tall // group, group, steps).transpose(2, 3).reshape(batch, tall // group, -1)


@dataclass(frozen=True)
class StackedPca:
    """PCA of ``group`` stacked frames: ``latent = components (stacked - mean)``.

    ``components`` is (latent, stacked) with orthonormal rows, ``variances`` the variance along each, in
    decreasing order, ``mean`` (stacked). The sign of each component is fixed so that its largest entry is
    positive. (Pearson 1901.)
    """

    group: int
    mean: Tensor
    components: Tensor
    variances: Tensor

    @classmethod
    def fit(cls, rows: Iterable[Tensor] | Tensor, *, group: int, n_components: int) -> StackedPca:
        """Principal components of frames (batch, row, frame), or of several such tensors.

        Works on the covariance in double precision, one tensor at a time: memory does not grow with the data.
        Raises :class:`DataError` when there are fewer groups of frames than components.
        """
        tensors = [rows] if isinstance(rows, Tensor) else rows
        count, total, square = 0, torch.zeros(()), torch.zeros(())
        for tensor in tensors:
            vectors = stack_frames(tensor, group).transpose(1, 2).flatten(0, 1).double()
            count += vectors.shape[0]
            total = total + vectors.sum(0)
            square = square + vectors.T @ vectors
        if count <= n_components:
            raise DataError(
                f"PCA with {n_components} components needs more than {n_components} groups of {group} frames,"
                f" not {count}; give more sound or ask for fewer latents."
            )
        if n_components > total.shape[0]:
            raise DataError(
                f"{group} frames of {total.shape[0] // group} rows have {total.shape[0]} principal components, not"
                f" {n_components}; ask for fewer latents."
            )
        mean = total / count
        variances, vectors = torch.linalg.eigh(square / count - torch.outer(mean, mean))
        components = vectors.flip(1)[:, :n_components].T
        peak = components.gather(1, components.abs().argmax(1, keepdim=True))
        components = components * peak.sign()
        return cls(group, mean.float(), components.float(), variances.flip(0)[:n_components].clamp_min(0).float())

    def encode(self, rows: Float[Tensor, "batch row frame"]) -> Float[Tensor, "batch latent step"]:
        """Coordinates along the components, one vector per group of frames."""
        return torch.einsum("kd,bdt->bkt", self.components, stack_frames(rows, self.group) - self.mean[:, None])

    def decode(self, latents: Float[Tensor, "batch latent step"]) -> Float[Tensor, "batch row frame"]:
        """The frames at given coordinates."""
        stacked = torch.einsum("kd,bkt->bdt", self.components, latents) + self.mean[:, None]
        return unstack_frames(stacked, self.group)

    def rebuild(self, rows: Float[Tensor, "batch row frame"]) -> Float[Tensor, "batch row frame"]:
        """Frames through the codec and back, of the same length."""
        return self.decode(self.encode(rows))[..., : rows.shape[-1]]
