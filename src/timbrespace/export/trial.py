"""What exported files are tried with: latents of real sounds, and the sound they make."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from timbrespace.codecs.sound import SoundCodec
from timbrespace.core.seeds import torch_generator
from timbrespace.layers.live_step import LiveStep

STEPS = 48


@dataclass(frozen=True)
class Trial:
    """Latents (1, latent, step), what the codec's decoder makes of them as a whole, and where the latents are from."""

    latents: Tensor
    sound: Tensor
    source: str

    def going_on(self, steps: int) -> Tensor:
        """The latents, and the last one for as many steps more as a decoder is late."""
        return torch.cat([self.latents, self.latents[..., -1:].expand(-1, -1, steps)], dim=2)


@torch.no_grad()
def trial_of(codec: SoundCodec, *, steps: int = STEPS) -> Trial:
    """The first stored latents of the training sounds; where there are none, draws from a normal distribution."""
    stored = codec.latent.get("vectors")
    if stored is not None and len(stored) >= steps:
        z, source = stored[:steps].float().T[None].contiguous(), "latents of the training sounds"
    else:
        drawn = torch.randn(1, codec.latent_dim, steps, generator=torch_generator(0, "trial of an export"))
        z, source = drawn, "normal random latents (the model holds none of its sounds)"
    sound = codec.decode(z)
    assert isinstance(sound, Tensor)  # as it was given
    return Trial(z, sound, source)


@torch.no_grad()
def run_step(step: LiveStep, x: Tensor, *, quantum: int) -> Tensor:
    """The outputs of a step for consecutive blocks of ``x`` (batch, ..., time), from its initial state."""
    state = step.initial(x.shape[0])
    out = []
    for block in x.split(quantum, dim=-1):
        y, *rest = step(block, *state)
        state = tuple(rest)
        out.append(y)
    return torch.cat(out, dim=-1)
