"""By how much a model's sound is late: caches of streaming convolutions delay what they give."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from timbrespace.codecs.torchscript.runner import Runner
from timbrespace.core.seeds import torch_generator

TEST_SECONDS = 5.0
MOST_SECONDS = 2.0
HOP = 64
WAVE_PEAK = 0.3
"""Correlation of waves above which the delay is one of samples."""
LEVEL_PEAK = 0.6
"""Correlation of levels above which the delay is one of levels, to a hop."""


@dataclass(frozen=True)
class Delay:
    """``samples`` from a sound to its resynthesis, ``steps`` of them before the latents; None where it is not heard.

    ``by`` is what was correlated, and ``correlation`` how well it agreed.
    """

    samples: int | None
    steps: int
    by: str
    correlation: float

    def behind(self, ratio: int) -> int:
        """Samples by which the decoder alone is late."""
        return (self.samples or 0) - self.steps * ratio


NOT_HEARD = "nothing agreed"


def find_delay(runner: Runner, *, quiet: bool, cuttable: bool) -> Delay:
    """Measure it with noise that comes and goes, and again with other noise; it counts if both agree.

    Total delay: the lag of the greatest correlation of waves, or where phases are not kept, of levels. Share of the
    encoder: the lag, in steps, of the greatest correlation between the sound's level and how far its latents are
    from those of silence.
    """
    found = [_measured(runner, n, quiet=quiet, cuttable=cuttable) for n in (0, 1)]
    (first, first_step), (second, second_step) = found
    apart = abs((first.samples or 0) - (second.samples or 0))
    agreed = first.samples is not None and second.samples is not None and first.by == second.by
    if not agreed or apart > (0 if first.by == "waves" else 4 * HOP):
        return Delay(None, 0, NOT_HEARD, min(first.correlation, second.correlation))
    samples = first.samples or 0
    if first.by == "levels" and samples < runner.interface.ratio:
        samples = 0  # levels of held latents lie behind by less than a step
    steps = first_step if first_step == second_step else 0
    steps = min(steps, samples // runner.interface.ratio)
    return Delay(samples, steps, first.by, min(first.correlation, second.correlation))


def _measured(runner: Runner, number: int, *, quiet: bool, cuttable: bool) -> tuple[Delay, int]:
    at = runner.interface
    sound = bursts(at.sample_rate, at.ratio, number)
    latents = runner.encode(sound.expand(1, at.channels_in, -1).contiguous(), quiet=quiet, cuttable=cuttable)
    heard = runner.decode(latents, cuttable=cuttable)[0].mean(0)
    most = round(MOST_SECONDS * at.sample_rate)
    lag, peak = correlate(sound, heard, most=most, either_sign=True)
    by = "waves"
    if peak < WAVE_PEAK:
        level = [x.unfold(0, HOP, HOP).square().mean(-1).sqrt() for x in (sound, heard)]
        lag, peak = correlate(level[0], level[1], most=most // HOP)
        lag, by = lag * HOP, "levels"
    known = peak >= (WAVE_PEAK if by == "waves" else LEVEL_PEAK)
    return Delay(lag if known else None, 0, by, peak), _steps_late(sound, latents[0], at.ratio, most // at.ratio)


def _steps_late(sound: Tensor, latents: Float[Tensor, "latent step"], ratio: int, most: int) -> int:
    """Steps by which latents follow their sound, 0 where they do not follow its level."""
    level = sound.unfold(0, ratio, ratio).square().mean(-1).sqrt()
    silent = latents[:, level.argsort(stable=True)[: max(1, len(level) // 4)]].median(-1, keepdim=True).values
    lag, peak = correlate(level, (latents - silent).norm(dim=0), most=max(1, most))
    return lag if peak >= LEVEL_PEAK else 0


def bursts(sample_rate: int, ratio: int, number: int) -> Float[Tensor, " time"]:
    """Noise that comes and goes, each time for 0.1 to 0.5 s and for two latent steps or more."""
    generator = torch_generator(number, "delay")
    length = -(-round(TEST_SECONDS * sample_rate) // ratio) * ratio
    least = max(0.1, 2 * ratio / sample_rate)
    pieces, sounding = [torch.zeros(round(0.5 * sample_rate))], True
    while sum(len(p) for p in pieces) < length:
        size = round(float(torch.rand(1, generator=generator) * 0.4 + least) * sample_rate)
        noise = _pink(size, generator)
        pieces.append(0.2 * noise * torch.hann_window(size, periodic=False) if sounding else torch.zeros(size))
        sounding = not sounding
    return torch.cat(pieces)[:length]


def _pink(size: int, generator: torch.Generator) -> Float[Tensor, " time"]:
    """Noise with equal power in every octave, as sounds that models know have it, of deviation one."""
    spectrum = torch.fft.rfft(torch.randn(size, generator=generator))
    spectrum /= torch.arange(len(spectrum)).clamp(min=1).sqrt()
    noise = torch.fft.irfft(spectrum, size)
    return noise / noise.std()


def correlate(a: Tensor, b: Tensor, *, most: int, either_sign: bool = False) -> tuple[int, float]:
    """The lag 0..``most`` by which ``b`` follows ``a`` best, and their correlation there.

    With ``either_sign`` an inverted copy counts as one.
    """
    size = 2 * max(len(a), len(b))
    a, b = a - a.mean(), b - b.mean()
    product = torch.fft.irfft(torch.fft.rfft(a, size).conj() * torch.fft.rfft(b, size), size)
    scale = float(a.norm() * b.norm())
    if scale < 1e-9:
        return 0, 0.0
    product = (product.abs() if either_sign else product)[: most + 1]
    lag = int(product.argmax())
    return lag, float(product[lag]) / scale
