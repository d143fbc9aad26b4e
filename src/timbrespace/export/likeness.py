"""How alike two renderings of the same latents are."""

from __future__ import annotations

import copy
from collections.abc import Callable
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
"""Spectral convergence of sounds that are one but for a few phases: a fiftieth of the magnitudes' norm, -34 dB."""
STEP_BAR, STEPS_BAR = 1e-3, 0.75
"""Where phases may part: the share of steps that has to be alike from the same state, and how alike (-60 dB)."""


@dataclass(frozen=True)
class Likeness:
    """``difference`` is the largest between two samples, in units of full scale (of 1, or of the largest number where
    that is greater); ``spectral`` is ``|| |A| - |B| || / || |B| ||`` of their short-time spectra, None for latents.

    ``steps`` is stated where phases are found by following peaks (:func:`steps_alike`): rounding can make another bin
    the peak, and from there on the same spectrum has other phases. Such a model passes with the same spectra, or, where
    noise makes the phases part at once, step by step, each from the state that the model had before it.
    """

    difference: float
    spectral: float | None = None
    steps: float | None = None
    bar: float = BAR

    @property
    def passed(self) -> bool:
        if self.steps is None or self.spectral is None:
            return self.difference <= self.bar
        return self.difference <= self.bar or self.spectral <= SPECTRAL_BAR or self.steps >= STEPS_BAR

    def sentence(self) -> str:
        """What was found, for a sheet."""
        said = f"largest difference {self.difference:.1e} of full scale (at most {self.bar:.0e})"
        if self.steps is None:
            return said
        return (
            f"{said}; phases follow peaks, where rounding can choose another, so that one of two counts: spectral"
            f" convergence {self.spectral:.1e} (at most {SPECTRAL_BAR}), or steps that are alike to {STEP_BAR:.0e} from"
            f" the same state, {self.steps:.0%} (at least {STEPS_BAR:.0%})"
        )


def sound_likeness(found: Tensor, expected: Tensor, *, steps: float | None = None) -> Likeness:
    """Of two sounds (..., time)."""
    return Likeness(_difference(found, expected), _spectral(found, expected), steps)


@torch.no_grad()
def steps_alike(step: LiveStep, latents: Tensor, run: Callable[[Tensor, tuple[Tensor, ...]], Tensor]) -> float | None:
    """The share of steps whose sound is alike, each run from the state that ``step`` has before it.

    ``run(latents, state)`` is the other rendering of one step. Alike is what differs by no more than ``STEP_BAR``, or
    than ``step`` itself differs in double precision: where bins are equally loud, rounding alone says which is a peak.
    None where no phases are followed: there whole sounds are compared.
    """
    if not any(isinstance(m, PeakLocking) for m in step.modules()):
        return None
    precise, state, good = copy.deepcopy(step).double(), step.initial(), 0
    for z in latents.split(1, dim=2):
        found = run(z, state)
        own = precise(z.double(), *(t.double() if t.is_floating_point() else t for t in state))[0]
        expected, *after = step(z, *state)
        good += _difference(found, expected) <= max(STEP_BAR, _difference(own.float(), expected))
        state = tuple(after)
    return good / latents.shape[2]


def latent_likeness(found: Tensor, expected: Tensor) -> Likeness:
    """Of two series of latents."""
    return Likeness(_difference(found, expected), bar=LATENT_BAR)


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
