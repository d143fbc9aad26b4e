"""Latency and speed of a model or an exported file, for blocks of sound of any size: ``bench model``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from timbrespace.codecs.loading import load, load_sound
from timbrespace.codecs.onnx_session import OnnxHalf, runtime_installed
from timbrespace.codecs.onnx_stream import OnnxStream, live_decoder
from timbrespace.codecs.sound import SoundCodec
from timbrespace.codecs.steps import decoder_step
from timbrespace.codecs.torchscript.codec import TorchScriptCodec
from timbrespace.core.errors import ParameterError
from timbrespace.export.block_speed import BLOCKS, BlockSpeed, block_speeds
from timbrespace.export.onnx import onnx_decoder
from timbrespace.export.packed_step import trace_step
from timbrespace.layers.short_convolution import with_short_convolutions

HEAD = f"{'block':>7} {'mean ms':>9} {'p99 ms':>9} {'x real time':>12}"


@dataclass(frozen=True)
class EngineSpeed:
    """One way to compute a model: its latency in samples (None where it is not known) and its speeds."""

    engine: str
    latency: int | None
    speeds: Sequence[BlockSpeed]


@dataclass(frozen=True)
class ModelSpeed:
    """What was measured of a model, and what it is."""

    model: str
    sample_rate: int
    ratio: int
    engines: Sequence[EngineSpeed]

    def table(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "model": self.model,
            "sample_rate": self.sample_rate,
            "ratio": self.ratio,
            "engines": [asdict(e) | {"latency_ms": _ms(e.latency, self.sample_rate)} for e in self.engines],
        }

    def text(self) -> str:
        """As a table to read."""
        lines = [f"{self.model}: {self.sample_rate} Hz, {self.ratio} samples per latent step"]
        for e in self.engines:
            said = (
                "unknown" if e.latency is None else f"{e.latency} samples ({_ms(e.latency, self.sample_rate):.1f} ms)"
            )
            lines += [
                "",
                f"{e.engine}: latency {said}",
                f"{'block':>7} {'mean ms':>9} {'p99 ms':>9} {'x real time':>12}",
            ]
            lines += [f"{s.block:>7} {s.mean_ms:>9.3f} {s.p99_ms:>9.3f} {s.real_time:>12.1f}" for s in e.speeds]
        return "\n".join(lines)


def measure_model(path: Path, *, trust: bool = False, blocks: tuple[int, ...] = BLOCKS) -> ModelSpeed:
    """Latency and speed of a bundle's decoder (in torch, TorchScript and ONNX Runtime), of a .ts or of an .onnx file.

    A .ts runs in its confined process, so its times hold the way of the sound through a pipe; it needs ``trust``.
    """
    if path.suffix.lower() == ".onnx" and not path.is_dir():
        return _onnx(path, blocks)
    if path.suffix.lower() == ".ts" and not path.is_dir():
        return _torchscript(path, trust, blocks)
    codec = load_sound(path)
    return ModelSpeed(str(path), codec.sample_rate, codec.ratio, _of_bundle(codec, blocks))


@torch.no_grad()
def _of_bundle(codec: SoundCodec, blocks: tuple[int, ...]) -> list[EngineSpeed]:
    z = torch.zeros(1, codec.latent_dim, 1)

    def measured(engine: str, latency: int, step: Callable[[], object]) -> EngineSpeed:
        speeds = block_speeds(step, quantum=codec.ratio, sample_rate=codec.sample_rate, blocks=blocks)
        return EngineSpeed(engine, latency, speeds)

    stream = codec.torch_stream()
    found = [measured("torch, as streamed", stream.latency, lambda: stream.decode(z))]
    try:
        pure = decoder_step(codec)
    except ParameterError:  # its live inverse is no step: nothing else can compute it
        return found
    for engine, step in (
        ("TorchScript, as traced", pure),
        ("TorchScript, convolutions as products (nn~)", with_short_convolutions(pure)),
    ):
        traced, state = trace_step(step, z)
        found.append(measured(engine, pure.latency, lambda run=traced, s=state: run(z, s)))  # type: ignore[misc]
    if runtime_installed():
        half = live_decoder(codec) or OnnxHalf(onnx_decoder(codec), file="the decoder")
        live = OnnxStream(half)
        found.append(measured("ONNX Runtime", live.latency, lambda: live.decode(z)))
    return found


def _onnx(path: Path, blocks: tuple[int, ...]) -> ModelSpeed:
    half = OnnxHalf.open(path)
    x, state, f = torch.zeros(half.input_shape).numpy(), half.initial(), half.facts
    speeds = block_speeds(lambda: half.step(x, state), quantum=f.ratio, sample_rate=f.sample_rate, blocks=blocks)
    return ModelSpeed(str(path), f.sample_rate, f.ratio, [EngineSpeed(f"ONNX Runtime, {f.kind}", f.latency, speeds)])


def _torchscript(path: Path, trust: bool, blocks: tuple[int, ...]) -> ModelSpeed:
    codec = load(path, trust=trust)
    assert isinstance(codec, TorchScriptCodec)  # by the file's ending
    with codec:
        codec.runner.start()
        z = torch.zeros(1, codec.latent_dim, 1)
        speeds = block_speeds(
            lambda: codec.runner.run("decode", z), quantum=codec.ratio, sample_rate=codec.sample_rate, blocks=blocks
        )
        engine = "TorchScript in its confined process, decode; the latency is that of encode and decode"
        found = EngineSpeed(engine, codec.facts()["delay_samples"], speeds)
        return ModelSpeed(str(path), codec.sample_rate, codec.ratio, [found])


def _ms(samples: int | None, sample_rate: int) -> float | None:
    return None if samples is None else 1000.0 * samples / sample_rate
