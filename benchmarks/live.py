"""Live inverses beside offline inversion: how near the sound comes, how late, and what a block costs; one thread.

    python benchmarks/live.py [--data DIR] [--json] [--per-group N]

``--data`` (or the variable TIMBRESPACE_DATA) names a folder that holds ``loops``, ``notes``, ``effects_dry`` and
``oneshots``; 16 loops, 16 notes and 16 others are spread evenly over them. Without it 16 seeded synthetic sounds
stand in. Each is judged by spectral convergence in dB, lower is better, on its first 131,072 samples.
Needs librosa (the ``dev`` extra).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from torch import Tensor

from timbrespace.audio.reading import read
from timbrespace.metrics.spectral import spectral_convergence_db
from timbrespace.transforms import GriffinLim, LivePhase, LogMel, Pghi, PhaseReconstruction, RtIsi, RtPghi
from timbrespace.transforms.fourier import stft
from transforms import HOP, LENGTH, N_FFT, RATE, synthetic_sounds

BLOCK = 4
"""Frames per push: one latent step of the usual model, 46 ms."""

GROUPS = {"loops": ["loops"], "notes": ["notes"], "others": ["effects_dry", "oneshots"]}
Sounds = dict[str, Tensor]

OFFLINE: dict[str, PhaseReconstruction] = {
    "offline: Pghi": Pghi(),
    "offline: Pghi, no steps": Pghi(n_iter=0),
    "offline: GriffinLim 32": GriffinLim(),
}
LIVE: dict[str, LivePhase] = {
    "RtPghi lookahead 0": RtPghi(lookahead=0),
    "RtPghi lookahead 1": RtPghi(lookahead=1),
    "RtIsi lookahead 0": RtIsi(lookahead=0),
    "RtIsi lookahead 1": RtIsi(lookahead=1),
    "RtIsi lookahead 2 (default)": RtIsi(),
    "RtIsi lookahead 3": RtIsi(lookahead=3),
    "RtIsi lookahead 2, 3 steps": RtIsi(n_iter=3),
    "RtIsi lookahead 2, 12 steps": RtIsi(n_iter=12),
}


def real_sounds(folder: Path, per_group: int) -> Sounds:
    """``per_group`` sounds of each group (sound, time) at 44.1 kHz, mono, padded with zeros."""
    return {
        group: torch.stack([wave for name in names for wave in _spread(folder / name, per_group // len(names))])
        for group, names in GROUPS.items()
    }


def _spread(folder: Path, count: int) -> list[Tensor]:
    files = sorted(f for f in folder.rglob("*") if f.suffix.lower() in {".wav", ".flac"})
    if len(files) < count:
        sys.exit(f"{folder} holds {len(files)} sounds; {count} are needed.")
    waves = []
    for i in range(count):
        wave = read(files[int((i + 0.5) * len(files) / count)], sample_rate=RATE, channels=1).wave[0, :LENGTH]
        waves.append(torch.nn.functional.pad(wave, (0, LENGTH - len(wave))))
    return waves


def _padded(wave: Tensor) -> Tensor:
    """With silence for the longest latency."""
    return torch.nn.functional.pad(wave, (0, N_FFT + 8 * HOP))


def mel_transform() -> LogMel:
    return LogMel(RATE, gain=100.0)


def offline_sound(phase: PhaseReconstruction, waves: Tensor, *, mel: bool) -> Tensor:
    if mel:
        transform = mel_transform()
        return transform.invert(transform(waves[:, None]), length=LENGTH, phase=phase)[:, 0]
    magnitude = stft(waves, n_fft=N_FFT, hop_length=HOP).abs()
    return phase.reconstruct(magnitude, n_fft=N_FFT, hop_length=HOP, length=LENGTH)


def live_sound(live: LivePhase, waves: Tensor, *, mel: bool) -> Tensor:
    if mel:
        transform = mel_transform()
        frames = transform(_padded(waves)[:, None]).transpose(0, 1)  # the sounds as channels
        stream = transform.stream(channels=len(waves), live=live)
        return stream.push(frames)[0, :, stream.latency :][:, :LENGTH]
    magnitude = stft(_padded(waves), n_fft=N_FFT, hop_length=HOP).abs()
    phases = live.start(n_fft=N_FFT, hop_length=HOP, signals=len(waves))
    return phases.push(magnitude)[:, phases.latency :][:, :LENGTH]


def quality(sounds: Sounds) -> list[dict[str, Any]]:
    """Mean spectral convergence per group of every contestant, from true magnitude and from log-mel."""
    contestants: dict[str, Callable[..., Tensor]] = {
        name: lambda waves, p=p, **how: offline_sound(p, waves, **how) for name, p in OFFLINE.items()
    } | {name: lambda waves, p=p, **how: live_sound(p, waves, **how) for name, p in LIVE.items()}
    rows = []
    for name, rebuild in contestants.items():
        row: dict[str, Any] = {"name": name}
        for source, mel in (("true", False), ("mel", True)):
            scores = {g: spectral_convergence_db(waves, rebuild(waves, mel=mel)) for g, waves in sounds.items()}
            row[source] = {g: float(s.mean()) for g, s in scores.items()}
            row[source]["mean"] = float(torch.cat(list(scores.values())).mean())
        rows.append(row)
    return rows


def cost(sounds: Sounds, *, rounds: int = 3) -> dict[str, dict[str, float]]:
    """Processor time of pushing 4 log-mel frames of one channel, contestants taking turns at every block."""
    transform = mel_transform()
    frames = torch.cat([transform(waves[len(waves) // 2][None, None]) for waves in sounds.values()], dim=-1)
    streams = {name: transform.stream(channels=1, live=live) for name, live in LIVE.items()}
    spent: dict[str, list[float]] = {name: [] for name in streams}
    for _ in range(rounds):
        for first in range(0, frames.shape[-1] - BLOCK, BLOCK):
            for name, stream in streams.items():
                begin = time.process_time()
                stream.push(frames[..., first : first + BLOCK])
                spent[name].append(time.process_time() - begin)
    return {name: _figures(streams[name].latency, seconds[5:]) for name, seconds in spent.items()}


def _figures(latency: int, seconds: list[float]) -> dict[str, float]:
    block = BLOCK * HOP / RATE
    return {
        "latency_ms": 1e3 * latency / RATE,
        "median_ms": 1e3 * statistics.median(seconds),
        "p99_ms": 1e3 * statistics.quantiles(seconds, n=100)[98],
        "times_real_time": block / statistics.median(seconds),
    }


def tail(*, frames: int = 400) -> dict[str, float]:
    """What a block of a tone that decays by 2 dB a frame, far into subnormal numbers, costs beside a steady one."""
    stream = RtIsi().start(n_fft=N_FFT, hop_length=HOP, signals=1)
    tone = torch.sin(0.1 * torch.arange(16 * HOP))
    spectrum = stft(tone, n_fft=N_FFT, hop_length=HOP).abs()[:, 8:9].double()
    decay = 10.0 ** (-torch.arange(frames, dtype=torch.float64) / 20.0 * 2.0)
    spent = {}
    for name, levels in (("steady", torch.ones_like(decay)), ("decaying", decay)):
        stream.reset()
        magnitude = (spectrum * levels).float()[None]
        seconds = []
        for first in range(0, frames, BLOCK):
            begin = time.process_time()
            stream.push(magnitude[..., first : first + BLOCK])
            seconds.append(time.process_time() - begin)
        spent[f"{name}_median_ms"] = 1e3 * statistics.median(seconds)
        spent[f"{name}_worst_ms"] = 1e3 * sorted(seconds)[-3]
    return spent


def show(results: dict[str, Any]) -> None:
    """The tables for people."""
    groups = list(results["quality"][0]["true"])
    print(f"spectral convergence in dB, {results['n_sounds']} sounds ({results['sounds']}), 44.1 kHz, 2048/512/128")
    heads = " ".join(f"{g:>8}" for g in groups)
    print(f"{'':<29} true magnitude:{'':<{len(heads) - 16}}   log-mel:")
    print(f"{'':<29} {heads}   {heads}")
    for row in results["quality"]:
        cells = ["  ".join(f"{row[source][g]:7.2f}" for g in groups) for source in ("true", "mel")]
        print(f"{row['name']:<29} {cells[0]}    {cells[1]}")
    print(f"\n{BLOCK} log-mel frames (46 ms) of one channel, processor time")
    print(f"{'':<29} {'latency':>9} {'median':>9} {'p99':>9}   times real time")
    for name, figures in results["cost"].items():
        times = f"{figures['median_ms']:6.2f} ms {figures['p99_ms']:6.2f} ms {figures['times_real_time']:8.1f}"
        print(f"{name:<29} {figures['latency_ms']:6.1f} ms {times}")
    print("\na tone that decays into nothing beside a steady one: " + ", ".join(_words(results["tail"])))


def _words(figures: dict[str, float]) -> list[str]:
    return [f"{name.removesuffix('_ms').replace('_', ' ')} {value:.2f} ms" for name, value in figures.items()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("TIMBRESPACE_DATA"))
    parser.add_argument("--per-group", type=int, default=16, help="sounds of each of the three groups (16)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    torch.set_num_threads(1)
    real = options.data is not None and Path(options.data).is_dir()
    if real:
        sounds = real_sounds(Path(options.data), options.per_group)
    else:
        sounds = {g: torch.from_numpy(np.stack(w)) for g, w in synthetic_sounds().items()}
    results = {
        "sounds": "real" if real else "synthetic: no folder of real sounds was given",
        "n_sounds": sum(map(len, sounds.values())),
        "quality": quality(sounds),
        "cost": cost(sounds),
        "tail": tail(),
    }
    print(json.dumps(results, indent=2)) if options.json else show(results)


if __name__ == "__main__":
    main()
