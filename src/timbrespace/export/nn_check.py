"""An nn~ file read back: its protocol, its sound against the model's, its latency and speed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from timbrespace.codecs.looping import centred_line, closed
from timbrespace.codecs.mapping import map_of
from timbrespace.codecs.sound import SoundCodec
from timbrespace.codecs.steps import decoder_step, encoder_step
from timbrespace.core.errors import ExportError
from timbrespace.export.block_speed import block_speeds
from timbrespace.export.delay import measured_delay
from timbrespace.export.likeness import SPECTRAL_BAR, latent_likeness, sound_likeness, steps_alike
from timbrespace.export.nn_method import Method
from timbrespace.export.packed_step import PackedStep, quiet_torchscript
from timbrespace.export.scripted.parts import Output
from timbrespace.export.sheet import MEANS_ONLY, Part
from timbrespace.export.trial import Trial, run_step
from timbrespace.layers.live_step import LiveStep

REGISTERED = 8192
"""Samples of the block with which nn~ tries every method, for one sound and for four."""
CUTS = (1, 2, 4, 1, 8, 16)
"""Latent steps of the blocks in which a sound is cut to see that cuts are not heard."""


def opened(path: Path) -> Any:
    """The module in a file that was just written."""
    with quiet_torchscript():
        return torch.jit.load(str(path), map_location="cpu")


@torch.no_grad()
def check_protocol(path: Path, methods: Sequence[Method]) -> None:
    """Raise :class:`ExportError` where the file does not say or do what nn~ asks of it."""
    module = opened(path)
    if list(module.get_methods()) != [m.name for m in methods]:
        raise ExportError(f"The exported file lists the methods {module.get_methods()}; nothing was kept.")
    for method in methods:
        channels, ratio_in, out, ratio_out = getattr(module, f"{method.name}_params").tolist()
        labels = [getattr(module, f"{method.name}_{side}_labels") for side in ("input", "output")]
        if [len(names) for names in labels] != [channels, out]:
            raise ExportError(f"The exported {method.name} has {labels} as labels; nothing was kept.")
        for batch in (1, 4):
            y = getattr(module, method.name)(torch.zeros(batch, channels, REGISTERED // ratio_in))
            if tuple(y.shape) != (batch, out, REGISTERED // ratio_out) or not bool(torch.isfinite(y).all()):
                raise ExportError(f"The exported {method.name} gives {tuple(y.shape)} for {batch}; nothing was kept.")
    for name in module.get_attributes():
        values = list(getattr(module, f"get_{name}")())
        if len(values) != len(getattr(module, f"{name}_params")) or getattr(module, f"set_{name}")(*values) != 0:
            raise ExportError(f"The exported attribute {name} is not taken back as it was given; nothing was kept.")


def examine(path: Path, codec: SoundCodec, methods: Sequence[Method], trial: Trial, *, speed: bool) -> list[Part]:
    """One part for each method."""
    found = {
        "encode": _encode, "decode": _decode, "forward": _forward, "table": _table, "map2latent": _to_latent,
        "latent2map": _to_map,
    }  # fmt: skip
    return [found[m.name](path, codec, m, trial, speed) for m in methods]


def _steps_alike(path: Path, step: LiveStep, trial: Trial) -> float | None:
    """Of the exported decoder, put into the states of the model's own."""
    loop, packed = opened(path).decoder, PackedStep(step)

    def run(z: Tensor, state: tuple[Tensor, ...]) -> Tensor:
        loop.state = packed.pack(state)
        sound: Tensor = loop(z)
        return sound

    return steps_alike(step, trial.latents, run)


@torch.no_grad()
def _decode(path: Path, codec: SoundCodec, method: Method, trial: Trial, speed: bool) -> Part:
    step = decoder_step(codec)
    more = -(-step.latency // codec.ratio)
    z = trial.going_on(more)
    live = opened(path).decode(z)
    expected = Output()(run_step(step, z, quantum=1), 0.0)
    delay = measured_delay(
        live[0], Output()(trial.sound, 0.0)[0], most=more * codec.ratio, unit=codec.transform.hop_length
    )
    module = opened(path)
    latents = trial.latents[..., :1]
    return Part(
        method.name,
        _interface(method),
        sound_likeness(live, expected, steps=_steps_alike(path, step, trial)),
        step.latency,
        delay,
        block_speeds(lambda: module.decode(latents), quantum=codec.ratio, sample_rate=codec.sample_rate)
        if speed
        else (),
        (_cut_note(opened(path).decode, live, z, 1), _stream_note(codec, trial, live)),
    )


@torch.no_grad()
def _encode(path: Path, codec: SoundCodec, method: Method, trial: Trial, speed: bool) -> Part:
    step = encoder_step(codec)
    late = step.latency // codec.ratio
    steps = trial.latents.shape[2]
    wave = torch.nn.functional.pad(trial.sound, (0, late * codec.ratio))
    live = opened(path).encode(wave)
    whole = codec.model.infer(codec.transform(wave), refinement=0)[..., :steps]
    delay = measured_delay(live[0], whole[0], most=late, unit=1)
    module, block = opened(path), wave[..., : codec.ratio]
    return Part(
        method.name,
        _interface(method),
        latent_likeness(live, run_step(step, wave, quantum=codec.ratio)),
        step.latency,
        type(delay)(delay.samples * codec.ratio, delay.exact, delay.tolerance * codec.ratio),
        block_speeds(lambda: module.encode(block), quantum=codec.ratio, sample_rate=codec.sample_rate) if speed else (),
        (
            _cut_note(opened(path).encode, live, wave, codec.ratio),
            MEANS_ONLY,
        ),
    )


@torch.no_grad()
def _forward(path: Path, codec: SoundCodec, method: Method, trial: Trial, speed: bool) -> Part:
    """Against the exported halves one after the other; its latency is the sum of theirs."""
    encoder, decoder = encoder_step(codec), decoder_step(codec)
    live = opened(path).forward(trial.sound)
    z = run_step(encoder, trial.sound, quantum=codec.ratio)
    expected = Output()(run_step(decoder, z, quantum=1), 0.0)
    module, block = opened(path), trial.sound[..., : codec.ratio]
    return Part(
        method.name,
        _interface(method),
        sound_likeness(live, expected, steps=_steps_alike(path, decoder, trial)),
        encoder.latency + decoder.latency,
        None,
        block_speeds(lambda: module.forward(block), quantum=codec.ratio, sample_rate=codec.sample_rate)
        if speed
        else (),
        (_cut_note(opened(path).forward, live, trial.sound, codec.ratio),),
    )


@torch.no_grad()
def _to_latent(path: Path, codec: SoundCodec, method: Method, trial: Trial, speed: bool) -> Part:
    made = map_of(codec)
    assert made is not None  # without a map there is no such method
    places = made.to_map(trial.latents.transpose(1, 2))
    return Part(
        method.name,
        _interface(method),
        latent_likeness(opened(path).map2latent(places.transpose(1, 2)), made.from_map(places).transpose(1, 2)),
    )


@torch.no_grad()
def _to_map(path: Path, codec: SoundCodec, method: Method, trial: Trial, speed: bool) -> Part:
    made = map_of(codec)
    assert made is not None
    expected = made.to_map(trial.latents.transpose(1, 2)).transpose(1, 2)
    return Part(method.name, _interface(method), latent_likeness(opened(path).latent2map(trial.latents), expected))


@torch.no_grad()
def _table(path: Path, codec: SoundCodec, method: Method, trial: Trial, speed: bool) -> Part:
    """The table itself against the model's; its playback as a whole and in blocks, and how fast."""
    module = opened(path)
    signals = torch.zeros(1, 2, 16_384)
    signals[:, 0] = torch.linspace(10.0, 400.0, signals.shape[2])
    signals[:, 1] = torch.linspace(0.0, 3000.0, signals.shape[2])
    whole, other = module.table(signals), opened(path)
    cut = torch.cat([other.table(part) for part in signals.split((1000, 24, 360, 15_000), 2)], 2)
    if not torch.equal(whole, cut):
        raise ExportError("The exported table gives other samples when it is played in blocks; nothing was kept.")
    step = decoder_step(codec)
    block, rate = signals[..., :256].contiguous(), codec.sample_rate
    return Part(
        method.name,
        _interface(method),
        sound_likeness(
            module.player.table, _expected_table(module, step, codec), steps=_steps_alike(path, step, trial)
        ),
        speeds=block_speeds(lambda: module.table(block), quantum=256, sample_rate=rate) if speed else (),
        notes=(
            f"The table is compared ({module.player.table.shape[1]} samples); played in blocks it gives the same"
            " samples, bit for bit. Speeds are of blocks of 256, several for a larger one.",
        ),
    )


def _expected_table(module: Any, step: LiveStep, codec: SoundCodec) -> Tensor:
    """The line that the file states, decoded by the step and closed as the sound table instrument does."""
    points = centred_line(*(np.asarray(v) for v in (module.centre, module.end_point)), steps=module.table_steps)
    more = np.repeat(points[-1:], -(-step.latency // codec.ratio), axis=0)
    z = torch.from_numpy(np.concatenate([points, more])).float().T[None]
    sound = run_step(step, z, quantum=1)[0, :, step.latency :][:, : codec.ratio * len(points)]
    return torch.from_numpy(closed(sound.numpy(), crossfade=module.crossfade))


def _cut_note(method: Callable[[Tensor], Tensor], whole: Tensor, x: Tensor, unit: int) -> str:
    """Raises :class:`ExportError` where a cut is heard."""
    sizes: list[int] = []
    while sum(sizes) < x.shape[-1] // unit:
        sizes.append(min(CUTS[len(sizes) % len(CUTS)], x.shape[-1] // unit - sum(sizes)))
    cut = torch.cat([method(part) for part in x.split([unit * s for s in sizes], dim=-1)], dim=-1)
    if not torch.equal(cut, whole):
        raise ExportError("The exported model gives other samples when its input is cut into blocks; nothing was kept.")
    return f"Cut into {len(sizes)} blocks of 1 to 16 steps, the output is the same, bit for bit."


def _stream_note(codec: SoundCodec, trial: Trial, live: Tensor) -> str:
    """Against the stream that the project's own instruments play, which may find phases by another rule."""
    played = Output()(codec.stream().decode(trial.latents), 0.0)
    same = sound_likeness(live[..., : played.shape[-1]], played)
    assert same.spectral is not None  # of sounds it is known
    other = not same.passed and same.spectral > SPECTRAL_BAR
    return (
        f"Against the stream that instruments play here: largest difference {same.difference:.1e}, spectral convergence"
        f" {same.spectral:.1e}" + ("; its phases are others." if other else ".")
    )


def _interface(method: Method) -> str:
    channels, ratio_in, out, ratio_out = method.params
    return f"{channels} in (one number every {ratio_in} samples), {out} out (every {ratio_out})."
