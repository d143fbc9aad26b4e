"""What a scripted model does not say of itself, found by trying: randomness, state, delay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from timbrespace.codecs.torchscript.delay import Delay, find_delay
from timbrespace.codecs.torchscript.draws import NORMAL
from timbrespace.codecs.torchscript.runner import Runner
from timbrespace.core.seeds import torch_generator

Encoding = Literal["as it is", "mean", "seeded draw"]
SETTLE_SECONDS = 2.0
PROBE_STEPS = 16
DRAWN = 16
"""Draws that the quiet encoding must be the mean of."""


@dataclass(frozen=True)
class Calibration:
    """How to use one model.

    ``encoding``: as it is (it draws nothing), mean (its normal draws are left at their mean, which was compared
    with the mean of sixteen draws), or seeded draw (neither holds; the same seed before every sound).
    ``cuttable``: pieces one after the other give what the whole gives. ``delay``: by how much its sound is late.
    """

    encoding: Encoding
    encode_draws: tuple[str, ...]
    decode_draws: tuple[str, ...]
    cuttable: bool
    delay: Delay

    @property
    def quiet(self) -> bool:
        return self.encoding == "mean"


def calibrate(runner: Runner) -> Calibration:
    """Settle the model in silence, then try it."""
    encode_draws, decode_draws = settle(runner)
    encoding = _encoding(runner, encode_draws)
    quiet = encoding == "mean"
    cuttable = _cuttable(runner)
    delay = find_delay(runner, quiet=quiet, cuttable=cuttable)
    return Calibration(encoding, encode_draws, decode_draws, cuttable, delay)


def settle(runner: Runner) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Let the model hear silence and keep the state it is then in; which random operations it used.

    Exported files hold in their caches what the export was tried with; nobody's sound should begin with that.
    """
    at = runner.interface
    steps = -(-round(SETTLE_SECONDS * at.sample_rate) // at.ratio)
    runner.start()
    runner.draws.clear()
    latents = runner.run("encode", torch.zeros(1, at.channels_in, steps * at.ratio), watch=True)
    encode_draws = tuple(sorted(runner.draws))
    runner.draws.clear()
    runner.run("decode", latents, watch=True)
    runner.process.ask({"do": "keep"})
    return encode_draws, tuple(sorted(runner.draws))


def probe(runner: Runner, steps: int) -> Tensor:
    """Noise (1, channel, time) to try a model with."""
    at = runner.interface
    noise = torch.randn(1, at.channels_in, steps * at.ratio, generator=torch_generator(0, "probe"))
    return 0.1 * noise


def _encoding(runner: Runner, draws: tuple[str, ...]) -> Encoding:
    sound = probe(runner, PROBE_STEPS)
    if not draws:
        return "as it is"
    if not set(draws) <= NORMAL:
        return "seeded draw"
    quiet = runner.encode(sound, quiet=True)
    drawn = torch.stack([runner.encode(sound, quiet=False, seed=s) for s in range(DRAWN)])
    error = 6.0 * drawn.std(0) / DRAWN**0.5 + 1e-4
    near = (drawn.mean(0) - quiet).abs() <= error
    return "mean" if float(near.float().mean()) > 0.99 else "seeded draw"


def _cuttable(runner: Runner) -> bool:
    """Whether two halves one after the other give what the whole gives, normal draws left out."""
    sound = probe(runner, PROBE_STEPS)
    half = PROBE_STEPS // 2
    for method, values, unit in (
        ("encode", sound, runner.interface.ratio),
        ("decode", runner.encode(sound, quiet=True, cuttable=False), 1),
    ):
        runner.start()
        whole = runner.run(method, values, quiet=True)
        runner.start()
        parts = [runner.run(method, part, quiet=True) for part in values.split(half * unit, -1)]
        if not _alike(whole, torch.cat(parts, -1)):
            return False
    return True


def _alike(a: Tensor, b: Tensor) -> bool:
    return float((a - b).abs().max()) <= 1e-3 * float(a.abs().max()) + 1e-6
