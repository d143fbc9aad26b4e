"""A model as nn~ plays it: methods, attributes and labels of its protocol around the codec's traced steps."""

# TorchScript reads annotations of attributes as they are: no "from __future__ import annotations" in this module.
import torch
from torch import Tensor, nn

from timbrespace.export.scripted.parts import LatentInput, MapBothWays, Output, SoundInput, StepLoop
from timbrespace.export.scripted.table import TablePlayer

LOUDEST_DB = 24.0
LONGEST_TABLE = 1024
"""Latent steps."""


class NnModel(nn.Module):
    """What :func:`~timbrespace.export.nn_tilde.export_nn` scripts.

    ``decode`` takes latents, ``encode`` gives them, ``forward`` is both; ``table`` plays a table of the sound along
    the line from ``mean - end_point`` to ``mean + end_point`` in ``table_steps`` latent steps; ``map2latent`` and
    ``latent2map`` go between the space and its map. Every setter answers 0, or -1 for a value that it refuses, which
    changes nothing.
    """

    scale: Tensor
    bias: Tensor
    end_point: Tensor
    centre: Tensor

    def __init__(
        self,
        *,
        encoder: StepLoop,
        decoder: StepLoop,
        latents: LatentInput,
        places: MapBothWays,
        player: TablePlayer,
        methods: list[str],
        centre: Tensor,
        end_point: Tensor,
        sample_rate: int,
        ratio: int,
        latency: int,
        crossfade: int,
        table_steps: int,
    ) -> None:
        super().__init__()
        self.encoder, self.decoder, self.latents, self.places, self.player = encoder, decoder, latents, places, player
        self.input, self.output = SoundInput(), Output()
        self.sample_rate, self.host_rate, self.ratio, self.latency = sample_rate, sample_rate, ratio, latency
        self.methods = methods
        self.gain, self.temperature = 0.0, 0.0
        self.crossfade, self.table_steps, self.longest = crossfade, table_steps, LONGEST_TABLE
        self.loudest = LOUDEST_DB
        self.outdated = True
        self.register_buffer("centre", centre)
        self.register_buffer("scale", torch.ones_like(centre))
        self.register_buffer("bias", torch.zeros_like(centre))
        self.register_buffer("end_point", end_point)

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        return self.latents.held(self.encoder(self.input(x)))

    @torch.jit.export
    def decode(self, x: Tensor) -> Tensor:
        z = self.latents(x, self.scale, self.bias, self.temperature)
        return self.output(self.decoder(z), self.gain)

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))

    @torch.jit.export
    def table(self, x: Tensor) -> Tensor:
        if self.outdated:
            self.player.table = self.make_table()
            self.outdated = False
        return self.output(self.player(x, self.crossfade, float(self.host_rate)), self.gain)

    @torch.jit.export
    def map2latent(self, x: Tensor) -> Tensor:
        known = torch.nan_to_num(x, nan=0.0, posinf=0.0, neginf=0.0).clamp(-100.0, 100.0)
        return self.latents.held(self.places.latents(known))

    @torch.jit.export
    def latent2map(self, x: Tensor) -> Tensor:
        return self.places(self.latents.held(x))

    @torch.jit.export
    def make_table(self) -> Tensor:
        """The sound (channel, sample) along the line, its end faded into its beginning."""
        steps = self.table_steps
        share = torch.linspace(-1.0, 1.0, steps, dtype=torch.float64, device=self.centre.device)
        points = (self.centre.double()[:, None] + self.end_point.double()[:, None] * share[None]).float()
        late = (self.latency + self.ratio - 1) // self.ratio
        more = points[:, -1:].expand(-1, late)
        sound = self.decoder.fresh(self.latents.held(torch.cat([points, more], 1)[None]))[0]
        sound = sound[:, self.latency : self.latency + steps * self.ratio]
        return self.looped(torch.nan_to_num(sound, nan=0.0, posinf=0.0, neginf=0.0))

    @torch.jit.export
    def looped(self, sound: Tensor) -> Tensor:
        """Without its last samples, which fade into the first: raised cosine, the two gains add up to 1."""
        n = min(max(self.crossfade, 0), sound.size(1) // 2)
        if n == 0:
            return sound
        rise = torch.sin(1.5707963267948966 * (torch.arange(n, device=sound.device) + 1).double() / (n + 1)).square()
        kept = sound.size(1) - n
        begin = rise * sound[:, :n].double() + (1.0 - rise) * sound[:, kept:].double()
        return torch.cat([begin.to(sound.dtype), sound[:, n:kept]], 1)

    @torch.jit.export
    def get_methods(self) -> list[str]:
        return self.methods

    @torch.jit.export
    def get_attributes(self) -> list[str]:
        return ["gain", "temperature", "scale", "bias", "crossfade", "end_point", "table_steps"]

    @torch.jit.export
    def get_sample_rate(self) -> int:
        return self.sample_rate

    @torch.jit.export
    def set_sample_rate(self, rate: int) -> int:
        """The host's rate: what a frequency in Hz is measured by. The model's sound stays at its own."""
        if rate < 1:
            return -1
        self.host_rate = rate
        return 0

    @torch.jit.export
    def get_gain(self) -> tuple[float]:
        return (self.gain,)

    @torch.jit.export
    def set_gain(self, decibel: float) -> int:
        if not decibel <= self.loudest:  # neither is NaN
            return -1
        self.gain = max(decibel, -200.0)
        return 0

    @torch.jit.export
    def get_temperature(self) -> tuple[float]:
        return (self.temperature,)

    @torch.jit.export
    def set_temperature(self, deviations: float) -> int:
        if not 0.0 <= deviations <= 10.0:
            return -1
        self.temperature = deviations
        return 0

    @torch.jit.export
    def get_crossfade(self) -> tuple[int]:
        return (self.crossfade,)

    @torch.jit.export
    def set_crossfade(self, samples: int) -> int:
        if samples < 0 or samples > 1000000:
            return -1
        self.crossfade = samples
        self.outdated = True
        return 0

    @torch.jit.export
    def get_table_steps(self) -> tuple[int]:
        return (self.table_steps,)

    @torch.jit.export
    def set_table_steps(self, steps: int) -> int:
        if steps < 1 or steps > self.longest:
            return -1
        self.table_steps = steps
        self.outdated = True
        return 0

    @torch.jit.export
    def set_vector(self, name: str, values: list[float]) -> int:
        """One of the attributes with a number for every latent."""
        given = torch.tensor(values)
        if not bool(torch.isfinite(given).all()) or bool((given.abs() > 1e6).any()):
            return -1
        if name == "scale":
            self.scale = given
        elif name == "bias":
            self.bias = given
        else:
            self.end_point = given
            self.outdated = True
        return 0

    @torch.jit.export
    def get_vector(self, name: str) -> list[float]:
        values = self.end_point
        if name == "scale":
            values = self.scale
        elif name == "bias":
            values = self.bias
        numbers: list[float] = values.double().tolist()
        return numbers
