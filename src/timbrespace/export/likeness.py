"""How alike two renderings of the same latents are."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from timbrespace.layers.live_step import LiveStep
from timbrespace.layers.peak_locking import PeakLocking

BAR = 1e-4
"""Of full scale: -80 dB, below the noise of any sound card's worst converter."""
LATENT_BAR = 1e-3
"""Of the largest latent, or of 1 where that is more: latents are logarithms' sums, which magnify the rounding of quiet
bins, and are heard from a hundredth of a deviation on."""
SPECTRAL_BAR = 0.02
"""Spectral convergence where phases may part: a fiftieth of the magnitudes' norm, -34 dB."""


@dataclass(frozen=True)
class Likeness:
    """``difference`` is the largest between two samples, in units of full scale (of 1, or of the largest number where
    that is greater); ``spectral`` is ``|| |A| - |B| || / || |B| ||`` of their short-time spectra, None for latents.

    ``phases`` says that phases are found by following peaks: rounding can make another bin the peak, from where on the
    same spectrum has other phases. There the spectra have to be alike, everywhere else the samples.
    """

    difference: float
    spectral: float | None = None
    phases: bool = False
    bar: float = BAR

    @property
    def passed(self) -> bool:
        return self.difference <= self.bar or (
            self.phases and self.spectral is not None and self.spectral <= SPECTRAL_BAR
        )

    def sentence(self) -> str:
        """What was found, for a sheet."""
        said = f"largest difference {self.difference:.1e} of full scale (at most {self.bar:.0e})"
        if self.phases:
            return (
                f"{said}; spectral convergence {self.spectral:.1e} (at most {SPECTRAL_BAR}), which counts where"
                " rounding makes phases part"
            )
        return said


def sound_likeness(found: Tensor, expected: Tensor, *, phases: bool) -> Likeness:
    """Of two sounds (..., time)."""
    return Likeness(_difference(found, expected), _spectral(found, expected), phases)


def latent_likeness(found: Tensor, expected: Tensor) -> Likeness:
    """Of two series of latents."""
    return Likeness(_difference(found, expected), bar=LATENT_BAR)


def follows_phases(step: LiveStep) -> bool:
    """Whether a step finds phases by a rule that rounding can turn."""
    return any(isinstance(m, PeakLocking) for m in step.modules())


def _difference(found: Tensor, expected: Tensor) -> float:
    if found.shape != expected.shape or not bool(torch.isfinite(found).all()):
        return float("inf")
    return float((found - expected).abs().max() / expected.abs().max().clamp_min(1.0))


def _spectral(found: Tensor, expected: Tensor) -> float:
    if found.shape != expected.shape:
        return float("inf")
    a, b = (_magnitudes(x) for x in (found, expected))
    return float(torch.linalg.vector_norm(a - b) / torch.linalg.vector_norm(b).clamp_min(1e-12))


def _magnitudes(wave: Tensor, size: int = 1024) -> Tensor:
    rows = torch.nn.functional.pad(wave.reshape(-1, wave.shape[-1]).double(), (0, size))
    return torch.fft.rfft(rows.unfold(1, size, size // 4) * torch.hann_window(size, dtype=torch.float64)).abs()
