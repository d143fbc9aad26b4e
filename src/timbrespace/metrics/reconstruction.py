"""How much of the frames a model rebuilds, and how that compares with PCA."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from timbrespace.core.shapes import Frames


@dataclass(frozen=True)
class Residual:
    """Squared error and energy of the frames of one sound, summed over all cells.

    Frames have their band means removed, so ``energy`` is the variance about them times the number of cells
    and ``1 - squared_error / energy`` the explained variance.
    """

    squared_error: float
    energy: float
    absolute_error: float
    cells: int

    @property
    def share(self) -> float:
        """The unexplained share, 0 for a perfect copy."""
        return self.squared_error / max(self.energy, 1e-12)


def residual(frames: Frames, rebuilt: Frames) -> Residual:
    """The residual of ``rebuilt`` against ``frames``, both normalised."""
    difference = rebuilt - frames
    return Residual(
        float(difference.double().square().sum()),
        float(frames.double().square().sum()),
        float(difference.double().abs().sum()),
        frames.numel(),
    )


def total_share(parts: Sequence[Residual]) -> float:
    """The unexplained share over all sounds together."""
    return sum(r.squared_error for r in parts) / max(sum(r.energy for r in parts), 1e-12)


@dataclass(frozen=True)
class Comparison:
    """A model beside a baseline on the same sounds.

    ``ratio`` is total squared error over that of the baseline; ``better_on`` the share of sounds on which the
    model's is the smaller one.
    """

    share: float
    baseline_share: float
    ratio: float
    better_on: float
    sounds: int


def compare(model: Sequence[Residual], baseline: Sequence[Residual]) -> Comparison:
    """Residuals of a model and a baseline, sound by sound."""
    pairs = list(zip(model, baseline, strict=True))
    better = sum(m.squared_error < b.squared_error for m, b in pairs)
    total, other = sum(m.squared_error for m, _ in pairs), sum(b.squared_error for _, b in pairs)
    return Comparison(
        share=total_share(model),
        baseline_share=total_share(baseline),
        ratio=total / max(other, 1e-12),
        better_on=better / max(1, len(pairs)),
        sounds=len(pairs),
    )


def variance_per_dimension(latents: Tensor) -> list[float]:
    """Variance of each latent over (batch, step) of ``latents`` (batch, latent, step)."""
    return [float(v) for v in latents.transpose(0, 1).flatten(1).double().var(dim=1, unbiased=False)]
