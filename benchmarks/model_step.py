"""One latent step of streaming decoders: ONNX Runtime beside TorchScript and torch, one thread each.

    python benchmarks/model_step.py [MODEL ...] [--json]

Without models: two decoders of a million parameters with random weights (blocks of 64 and of 512 samples). Each
contestant decodes one step at a time; they take turns, and medians of processor time are told, with median and 99th
percentile of a clock on the wall for ONNX Runtime, which other programs on the machine make longer. "as traced" is the
network as it is; "as products" has its convolutions as matrix products, which is what exports for nn~ hold.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from benchmarks._timing import interleaved

from timbrespace.codecs.loading import load_sound
from timbrespace.codecs.onnx_session import OnnxHalf
from timbrespace.codecs.onnx_stream import OnnxStream
from timbrespace.codecs.sound import SoundCodec
from timbrespace.codecs.steps import decoder_step
from timbrespace.export.onnx import onnx_decoder
from timbrespace.export.packed_step import trace_step
from timbrespace.layers.short_convolution import with_short_convolutions
from timbrespace.models.autoencoder import AutoEncoder
from timbrespace.models.bottlenecks.gaussian import Gaussian
from timbrespace.models.likelihoods.gaussian import Gaussian as GaussianLikelihood
from timbrespace.models.networks.temporal_conv import TemporalConv
from timbrespace.models.priors.normal import Normal
from timbrespace.training.runtime import tune_process
from timbrespace.transforms.grains import Grains

REPEATED = 10
"""Steps per turn: the clock of processor time is coarse."""


@dataclass(frozen=True)
class Row:
    """Milliseconds of one latent step, by contestant; ``wall_ms`` of ONNX Runtime."""

    model: str
    parameters: int
    samples: int
    milliseconds: dict[str, float]
    wall_ms: tuple[float, float]
    times_torchscript: float
    times_products: float


def million(hop: int) -> SoundCodec:
    """Overlapping grains, one every ``hop`` samples, from a causal decoder of a million parameters."""
    torch.manual_seed(0)
    transform = Grains(44_100, length=2 * hop, hop_length=hop)
    network = TemporalConv(
        n_features=2 * hop, n_channels=1, n_statistics=32, latent_dim=16, n_parameters=1, frames_per_step=1,
        width=272 if hop < 256 else 208, depth=2, refinement=0, lookahead=0, pca_start=False,
    )  # fmt: skip
    model = AutoEncoder(
        network=network,
        bottleneck=Gaussian(latent_dim=16),
        likelihood=GaussianLikelihood(),
        prior=Normal(latent_dim=16),
    )
    return SoundCodec(transform, model.requires_grad_(requires_grad=False))


def measured(name: str, codec: SoundCodec) -> Row:
    """One row of the table."""
    z = torch.randn(1, codec.latent_dim, 1)
    step = decoder_step(codec)
    plain, blank = trace_step(step, z)
    products, _ = trace_step(with_short_convolutions(step), z)
    live = OnnxStream(OnnxHalf(onnx_decoder(codec), file=name))
    eager = codec.torch_stream()
    contestants: dict[str, Callable[[], object]] = {
        "ONNX Runtime": lambda: live.decode(z),
        "TorchScript as traced": lambda: plain(z, blank),
        "TorchScript as products": lambda: products(z, blank),
        "torch": lambda: eager.decode(z),
    }
    with torch.no_grad():
        spent = interleaved(
            {k: lambda call=call: [call() for _ in range(REPEATED)] for k, call in contestants.items()},  # type: ignore[misc]
            rounds=41,
            warm_up=8,
        )
    ms = {k: 1000 * s / REPEATED for k, s in spent.items()}
    return Row(
        name,
        sum(p.numel() for n, p in codec.model.named_parameters() if "decoder" in n or "refine" in n),
        codec.ratio,
        ms,
        _on_the_wall(contestants["ONNX Runtime"]),
        ms["TorchScript as traced"] / ms["ONNX Runtime"],
        ms["TorchScript as products"] / ms["ONNX Runtime"],
    )


def _on_the_wall(call: Callable[[], object], n: int = 2000) -> tuple[float, float]:
    """Median and 99th percentile, in milliseconds."""
    spent = []
    for _ in range(n):
        begin = time.perf_counter()
        call()
        spent.append(1000 * (time.perf_counter() - begin))
    return float(np.median(spent)), float(np.percentile(spent, 99))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", type=Path)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    tune_process(threads=1)
    codecs = {m.name: load_sound(m) for m in given.models}
    codecs = codecs or {"million, 64 samples": million(64), "million, 512 samples": million(512)}
    rows = [measured(name, codec) for name, codec in codecs.items()]
    if given.json:
        print(json.dumps([asdict(r) for r in rows]))
        return
    for r in rows:
        print(f"{r.model}: {r.parameters:,} parameters, {r.samples} samples a step")
        for engine, ms in r.milliseconds.items():
            print(f"  {engine:<26} {ms:.3f} ms")
        print(
            f"  ONNX Runtime on the wall: {r.wall_ms[0]:.3f} ms, 99 of 100 within {r.wall_ms[1]:.3f} ms;"
            f" {r.times_torchscript:.1f} times TorchScript as"
        )
        print(f"  traced, {r.times_products:.1f} times TorchScript as products")


if __name__ == "__main__":
    main()
