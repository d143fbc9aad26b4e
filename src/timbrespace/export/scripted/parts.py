"""Parts of an nn~ model, written for TorchScript: plain tensors, state in buffers."""

# TorchScript reads annotations of attributes as they are: no "from __future__ import annotations" in this module.
import torch
from torch import Tensor, nn

KNEE = 0.9
"""Full scale 1: below it sound is not changed, above it is bent so that it never reaches further than 1."""
LOUDEST = 16.0
"""Input beyond +24 dBFS is an accident; it is held there."""


class StepLoop(nn.Module):
    """A traced step for blocks of any number of quanta: ``forward(x)`` (batch, channel, n * quantum).

    The step is for one sound; those of a batch follow one another. Its state is a buffer, made anew when the batch
    changes; a state that is no longer finite begins anew.
    """

    state: Tensor
    initial: Tensor

    def __init__(self, step: torch.jit.ScriptModule, initial: Tensor, *, quantum: int) -> None:
        super().__init__()
        self.step = step
        self.quantum = quantum
        self.register_buffer("initial", initial)
        self.register_buffer("state", initial.clone())

    def forward(self, x: Tensor) -> Tensor:
        if self.state.size(0) != x.size(0):
            self.state = self.initial.repeat(x.size(0), 1)
        sounds: list[Tensor] = []
        states: list[Tensor] = []
        for b in range(x.size(0)):
            state = self.state[b : b + 1]
            out: list[Tensor] = []
            for i in range(x.size(2) // self.quantum):
                y, state = self.step(x[b : b + 1, :, i * self.quantum : (i + 1) * self.quantum], state)
                if not bool(torch.isfinite(state).all()):
                    state = self.initial
                out.append(y)
            sounds.append(torch.cat(out, 2))
            states.append(state)
        self.state = torch.cat(states, 0)
        return torch.cat(sounds, 0)

    @torch.jit.export
    def fresh(self, x: Tensor) -> Tensor:
        """The same from the beginning, without touching what is being played."""
        kept = self.state
        self.state = self.initial.repeat(x.size(0), 1)
        y = self.forward(x)
        self.state = kept
        return y


class LatentInput(nn.Module):
    """What comes in as latents: finite, not further out than ``reach`` deviations or units, then bent and shaken.

    ``z' = z * scale + bias + temperature * deviation * e`` with e from a stored table of normal numbers, read row by
    row: the same every time. Sounds of a batch read it at different places.
    """

    mean: Tensor
    deviations: Tensor
    noise: Tensor
    position: Tensor

    def __init__(self, mean: Tensor, deviations: Tensor, noise: Tensor, *, reach: float) -> None:
        super().__init__()
        self.reach = reach
        self.register_buffer("mean", mean[:, None])
        self.register_buffer("deviations", deviations[:, None])
        self.register_buffer("noise", noise)  # (latent, row)
        self.register_buffer("position", torch.zeros(1, dtype=torch.int64))

    def forward(self, z: Tensor, scale: Tensor, bias: Tensor, temperature: float) -> Tensor:
        bent = self.held(z) * scale[:, None] + bias[:, None]
        if temperature > 0.0:
            rows = self.noise.size(1)
            apart = torch.arange(z.size(0), device=z.device)[:, None] * (rows // 7 + 1)
            at = (self.position + torch.arange(z.size(2), device=z.device)[None] + apart) % rows
            drawn = self.noise[:, at].transpose(0, 1)  # (batch, latent, step)
            bent = bent + temperature * self.deviations * drawn
        self.position = (self.position + z.size(2)) % self.noise.size(1)
        return self.held(bent)

    @torch.jit.export
    def held(self, z: Tensor) -> Tensor:
        """Finite, and within ``reach`` deviations (or units) of the mean; what is no number is the mean."""
        known = torch.where(torch.isfinite(z), z, self.mean.expand_as(z))
        furthest = self.reach * torch.clamp(self.deviations, min=1.0)
        return torch.minimum(torch.maximum(known, self.mean - furthest), self.mean + furthest)


class Output(nn.Module):
    """Gain, then nothing but finite numbers in [-1, 1]: a knee that leaves sound below it as it is."""

    def __init__(self, knee: float = KNEE) -> None:
        super().__init__()
        self.knee = knee

    def forward(self, wave: Tensor, gain_db: float) -> Tensor:
        x = torch.nan_to_num(wave, nan=0.0, posinf=0.0, neginf=0.0) * 10.0 ** (gain_db / 20.0)
        loud = x.abs()
        bent = self.knee + (1.0 - self.knee) * torch.tanh((loud - self.knee) / (1.0 - self.knee))
        return torch.where(loud > self.knee, torch.sign(x) * bent, x)


class SoundInput(nn.Module):
    """What comes in as sound: finite, and not beyond ``loudest``."""

    def __init__(self, loudest: float = LOUDEST) -> None:
        super().__init__()
        self.loudest = loudest

    def forward(self, wave: Tensor) -> Tensor:
        known = torch.nan_to_num(wave, nan=0.0, posinf=0.0, neginf=0.0)
        return known.clamp(-self.loudest, self.loudest)


class MapBothWays(nn.Module):
    """The model's map, both ways, for signals (batch, number, step)."""

    def __init__(self, forth: torch.jit.ScriptModule, back: torch.jit.ScriptModule) -> None:
        super().__init__()
        self.forth, self.back = forth, back

    def forward(self, z: Tensor) -> Tensor:
        return self.forth(z.transpose(1, 2)).transpose(1, 2)

    @torch.jit.export
    def latents(self, places: Tensor) -> Tensor:
        """Latents (batch, latent, step) of places (batch, 2, step)."""
        return self.back(places.transpose(1, 2)).transpose(1, 2)
