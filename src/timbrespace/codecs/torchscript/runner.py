"""Whole sounds through a scripted model: in pieces that carry its state, or whole where a cut would be heard."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from timbrespace.codecs.torchscript.process import ConfinedProcess
from timbrespace.codecs.torchscript.protocol import ProtocolError, packed, unpacked
from timbrespace.core.errors import BundleError

PIECE_SAMPLES = 2**17
WHOLE_SECONDS = 60.0
CONTEXT_SECONDS = 4.0


SPARE_BYTES = 2**20
"""By how much an answer may be too long and still be told as one of a wrong shape."""
LEAST_RATE, MOST_RATE = 1_000, 768_000
MOST_CHANNELS, MOST_LATENTS, MOST_RATIO = 64, 4096, 1 << 20
"""Beyond these, what the file states would make this process allocate what the model's own limits forbid it."""


@dataclass(frozen=True)
class Interface:
    """Channels and samples per latent step, as ``encode_params`` and ``decode_params`` say."""

    channels_in: int
    latent_dim: int
    ratio: int
    channels_out: int
    sample_rate: int

    @classmethod
    def of(cls, name: str, params: dict[str, list[int]], sample_rate: int) -> Interface:
        """Raises :class:`BundleError` where encode and decode do not fit together."""
        channels, ratio_in, latents, ratio = params["encode"]
        latents_back, ratio_back, channels_out, ratio_out = params["decode"]
        if (ratio_in, ratio_out) != (1, 1) or (latents, ratio) != (latents_back, ratio_back):
            raise BundleError(
                f"{name} cannot be used: its encode {params['encode']} and decode {params['decode']} do not lead from"
                " sound to latents and back."
            )
        usual = (
            LEAST_RATE <= sample_rate <= MOST_RATE
            and max(channels, channels_out) <= MOST_CHANNELS
            and latents <= MOST_LATENTS
            and ratio <= MOST_RATIO
        )
        if not usual:
            raise BundleError(
                f"{name} cannot be used: it states {sample_rate:,} Hz, {channels} and {channels_out} channels,"
                f" {latents} latents and {ratio:,} samples per latent step, and no model of sound has such numbers."
            )
        return cls(channels, latents, ratio, channels_out, sample_rate)


class Runner:
    """Encodes and decodes one sound from the model's first state; what it gives is checked for shape and number."""

    def __init__(self, process: ConfinedProcess, interface: Interface, *, seed: int) -> None:
        self.process, self.interface, self.seed = process, interface, seed
        self.draws: set[str] = set()

    def encode(self, wave: Tensor, *, quiet: bool, cuttable: bool = True, seed: int | None = None) -> Tensor:
        """Latents (1, latent, step) of (1, channel, time), a multiple of the ratio."""
        return self._through("encode", wave, quiet=quiet, cuttable=cuttable, seed=seed)

    def decode(self, latents: Tensor, *, quiet: bool = False, cuttable: bool = True) -> Tensor:
        """Sound (1, channel, time) of (1, latent, step)."""
        return self._through("decode", latents, quiet=quiet, cuttable=cuttable)

    def start(self, seed: int | None = None) -> None:
        """The model's first state, and its random numbers from their beginning."""
        self.process.ask({"do": "start", "seed": self.seed if seed is None else seed})

    def _through(self, method: str, values: Tensor, *, quiet: bool, cuttable: bool, seed: int | None = None) -> Tensor:
        unit = self.interface.ratio if method == "encode" else 1
        steps = values.shape[-1] // unit
        self.start(seed)
        if cuttable:
            size = max(1, PIECE_SAMPLES // self.interface.ratio)
            return torch.cat([self.run(method, part, quiet=quiet) for part in values.split(size * unit, -1)], -1)
        rate_hz = self.interface.sample_rate / self.interface.ratio
        whole, context = max(1, round(WHOLE_SECONDS * rate_hz)), max(1, round(CONTEXT_SECONDS * rate_hz))
        if steps <= whole:
            return self.run(method, values, quiet=quiet)
        return self._overlapping(method, values, unit, whole, context, quiet=quiet, seed=seed)

    def _overlapping(
        self, method: str, values: Tensor, unit: int, whole: int, context: int, *, quiet: bool, seed: int | None
    ) -> Tensor:
        """Pieces that see ``context`` steps to either side, which are left out of the result."""
        steps, parts = values.shape[-1] // unit, []
        for first in range(0, steps, whole):
            begin, end = max(0, first - context), min(steps, first + whole + context)
            self.start(seed)
            seen = self.run(method, values[..., begin * unit : end * unit], quiet=quiet)
            grain = seen.shape[-1] // (end - begin)
            parts.append(seen[..., (first - begin) * grain : (min(first + whole, steps) - begin) * grain])
        return torch.cat(parts, -1)

    def run(self, method: str, values: Tensor, *, quiet: bool = False, watch: bool = False) -> Tensor:
        """One call of the model; with ``watch`` its random operations are added to ``draws``.

        Raises :class:`BundleError` where the shape is not what the file says, or the numbers are not finite.
        """
        given = {"do": "run", "method": method, "shape": list(values.shape), "watch": watch, "quiet": quiet}
        expected = self._expected(method, values)
        answer, content = self.process.ask(given, packed(values), most=4 * math.prod(expected) + SPARE_BYTES)
        try:
            result = unpacked(answer.get("shape"), content)
        except ProtocolError as error:
            self.process.close()
            raise BundleError(f"{self.process.name} was stopped, for its process answered {error}.") from None
        self.draws |= {str(d) for d in answer.get("draws", [])}
        if tuple(result.shape) != expected:
            raise BundleError(
                f"{self.process.name} cannot be used: its {method} gives shape {tuple(result.shape)} for"
                f" {tuple(values.shape)}, where it says {expected}."
            )
        if not bool(torch.isfinite(result).all()):
            raise BundleError(
                f"{self.process.name} cannot be used: its {method} gives NaN or infinite values; the model is damaged,"
                " or this sound or these latents are far from what it knows."
            )
        return result

    def _expected(self, method: str, values: Tensor) -> tuple[int, int, int]:
        batch, _, length = values.shape
        if method == "encode":
            return batch, self.interface.latent_dim, length // self.interface.ratio
        return batch, self.interface.channels_out, length * self.interface.ratio
