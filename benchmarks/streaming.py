"""What playing live costs: the same latents decoded live and as a whole, judged beside the original sound.

    python benchmarks/streaming.py MODEL [MODEL...] [--data DIR] [--sounds 48] [--json]

``--data`` (or the variable TIMBRESPACE_DATA) names a folder that holds ``loops``, ``notes``, ``effects_dry`` and
``oneshots``. The first three seconds of each sound are encoded; the latents are decoded offline (``decode``) and live
(``stream``, for every live inverse), and both are compared with the original: spectral convergence in dB (lower is
better) and distance of the model's own frames in dB. A model whose decoder needs the whole has the offline column only.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

import timbrespace
from timbrespace.audio.reading import read
from timbrespace.codecs.sound import SoundCodec
from timbrespace.core.component import catalogue
from timbrespace.metrics.spectral import spectral_convergence_db
from timbrespace.transforms import LivePhase

GROUPS = ("loops", "notes", "effects_dry", "oneshots")
SECONDS = 3.0
Figures = dict[str, list[tuple[float, float, float]]]


def sounds(folder: Path, codec: SoundCodec, count: int) -> list[torch.Tensor]:
    """Waves (1, 1, time) spread evenly over the groups that are there, level as recorded."""
    groups = [folder / g for g in GROUPS if (folder / g).is_dir()] or [folder]
    found = []
    for group in groups:
        files = sorted(f for f in group.rglob("*") if f.suffix.lower() in {".wav", ".flac"})
        share = min(len(files), count // len(groups))
        for i in range(share):
            audio = read(files[int((i + 0.5) * len(files) / share)], sample_rate=codec.sample_rate)
            wave = audio.wave.mean(0)[: int(SECONDS * codec.sample_rate)]
            if wave.abs().max() > 1e-3:
                found.append(wave[None, None])
    return found


def judge(codec: SoundCodec, original: torch.Tensor, sound: torch.Tensor) -> tuple[float, float]:
    """Spectral convergence and mean distance of the denormalised frames, both in dB."""
    frames = [codec.transform.denormalise(codec.transform(w)) for w in (original, sound)]
    distance = 8.686 * float((frames[0] - frames[1]).abs().mean())
    return float(spectral_convergence_db(original.flatten(), sound.flatten())), distance


def streamed(codec: SoundCodec, latents: torch.Tensor, length: int, live: LivePhase) -> torch.Tensor:
    """The live sound with its latency taken off."""
    stream = codec.stream(live=live)
    extra = -(-stream.latency // codec.ratio)
    padded = torch.cat([latents, latents[..., -1:].expand(-1, -1, extra)], dim=2)
    return stream.decode(padded)[..., stream.latency : stream.latency + length]


@torch.no_grad()
def measure(codec: SoundCodec, waves: list[torch.Tensor]) -> Figures:
    figures: Figures = {}

    def note(name: str, original: torch.Tensor, make: Any) -> None:
        started = time.process_time()
        sound = make()
        seconds = time.process_time() - started
        speed = original.shape[-1] / codec.sample_rate / seconds
        figures.setdefault(name, []).append((*judge(codec, original, sound), speed))

    for wave in waves:
        z, length = codec.encode(wave), wave.shape[-1]
        note("offline", wave, lambda z=z, n=length: codec.decode(z, length=n))
        if codec.lookahead is not None:
            for name, kind in sorted(catalogue(LivePhase).items()):
                note(name, wave, lambda z=z, n=length, kind=kind: streamed(codec, z, n, kind()))
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("TIMBRESPACE_DATA", "data")))
    parser.add_argument("--sounds", type=int, default=48)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    table = []
    for model in options.models:
        codec = timbrespace.load(model)
        for name, rows in measure(codec, sounds(options.data, codec, options.sounds)).items():
            convergence, distance, speed = (statistics.fmean(column) for column in zip(*rows, strict=True))
            latency = 0 if name == "offline" else codec.stream(live=catalogue(LivePhase)[name]()).latency
            table.append(
                {
                    "model": model, "decoding": name, "sounds": len(rows), "lookahead_steps": codec.lookahead,
                    "latency_ms": round(1000 * latency / codec.sample_rate, 1),
                    "convergence_db": round(convergence, 2), "frames_db": round(distance, 3),
                    "times_real_time": round(speed, 1),
                }
            )  # fmt: skip
    if options.json:
        print(json.dumps(table))
        return
    print("| model | decoding | latency, ms | spectral convergence, dB | frames, dB | x real time |")
    print("|---|---|---|---|---|---|")
    for r in table:
        print(
            f"| {r['model']} (look-ahead {r['lookahead_steps']}) | {r['decoding']} | {r['latency_ms']} |"
            f" {r['convergence_db']} | {r['frames_db']} | {r['times_real_time']} |"
        )


if __name__ == "__main__":
    main()
