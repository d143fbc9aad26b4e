"""What is heard along a path, step by step."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from timbrespace.audio.descriptors import describe_sound, on_scale, per_step
from timbrespace.audio.output_stage import finish
from timbrespace.core.codec import Codec, rate_hz
from timbrespace.core.shapes import Sound
from timbrespace.latent.paths import Path
from timbrespace.latent.surroundings import Surroundings


@dataclass(frozen=True)
class Heard:
    """A path, its ``sound`` as the model decodes it, and the ``curves`` (step, descriptor) of that sound."""

    path: Path
    sound: Sound
    curves: Float[Tensor, "step descriptor"]

    @property
    def seconds(self) -> Float[Tensor, " step"]:
        """The time at which each step begins."""
        return torch.arange(len(self.path.points)) / self.path.rate_hz


@torch.no_grad()
def hear(codec: Codec, path: Path) -> Heard:
    """Decode a path, and describe the sound at each of its steps, after the output stage: what a file would hold."""
    path = path.resample(rate_hz(codec))
    sound = finish(codec.decode(path.latents())[0], codec.sample_rate)
    curves = per_step(describe_sound(sound, codec.sample_rate), ratio=codec.ratio, steps=len(path.points))
    return Heard(path, sound, curves)


def scattered(surroundings: Surroundings, steps: int, *, rate_hz: float, generator: torch.Generator) -> Path:
    """A noise path: each point drawn on its own, with equal chance, from the latents of the sounds."""
    drawn = torch.randint(len(surroundings.vectors), (steps,), generator=generator)
    return Path(surroundings.vectors[drawn], rate_hz)


def in_deviations(curves: Tensor, reference: Tensor) -> Tensor:
    """Curves (step, descriptor) on each descriptor's scale, in standard deviations of a reference (n, descriptor).

    Descriptors that do not vary there, or are known for less than half of the reference, become NaN.
    """
    known = on_scale(reference).double()
    deviation = (known - known.nanmean(0)).square().nanmean(0).sqrt()
    usable = (known.isfinite().double().mean(0) >= 0.5) & (deviation > 1e-6)
    return torch.where(usable, on_scale(curves).double() / deviation, torch.nan).float()
