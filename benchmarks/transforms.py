"""Transforms beside librosa and ``torch.stft``: speed and quality, one thread, contestants interleaved.

    python benchmarks/transforms.py [--data DIR] [--json]

``--data`` (or the variable TIMBRESPACE_DATA) names a folder that holds ``loops``, ``notes``, ``effects_dry`` and
``oneshots``; 12 sounds are spread evenly over each. Without it 16 seeded synthetic sounds stand in.
Needs librosa (the ``dev`` extra).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import librosa
import numpy as np
import soundfile
import soxr
import torch

from _timing import interleaved
from timbrespace.metrics.spectral import spectral_convergence_db
from timbrespace.transforms import LogMel, Pghi

RATE, N_FFT, HOP, N_MELS, LENGTH = 44_100, 2048, 512, 128, 131_072
GROUPS = ("loops", "notes", "effects_dry", "oneshots")
PER_GROUP = 12
Sounds = dict[str, list[np.ndarray]]


def real_sounds(folder: Path) -> Sounds:
    """12 sounds of each group at 44.1 kHz, mono, their first 131,072 samples, padded with zeros."""
    return {group: [_first_seconds(file) for file in _spread(folder / group)] for group in GROUPS}


def _spread(folder: Path) -> list[Path]:
    files = sorted(f for f in folder.rglob("*") if f.suffix.lower() in {".wav", ".flac"})
    if len(files) < PER_GROUP:
        sys.exit(f"{folder} holds {len(files)} sounds; {PER_GROUP} are needed.")
    return [files[int((i + 0.5) * len(files) / PER_GROUP)] for i in range(PER_GROUP)]


def _first_seconds(file: Path) -> np.ndarray:
    wave, rate = soundfile.read(file, dtype="float32", always_2d=True)
    mono = wave.mean(axis=1)
    if rate != RATE:
        mono = soxr.resample(mono, rate, RATE)
    mono = mono[:LENGTH]
    return np.pad(mono, (0, LENGTH - mono.size)).astype(np.float32)


def synthetic_sounds() -> Sounds:
    """Decaying and steady harmonic tones, and noise bursts: seeded, four of each of four kinds."""
    rng = np.random.default_rng(0)
    t = np.arange(LENGTH) / RATE
    sounds: Sounds = {group: [] for group in ("plucks", "steady", "bursts", "mixes")}
    for i in range(4):
        f = 110.0 * 2 ** (rng.integers(0, 24) / 12)
        orders = np.arange(1, 21)[:, None]
        partials = np.sin(2 * np.pi * f * orders * t + rng.uniform(0, 6.28, (20, 1))) / orders
        pluck = (partials * np.exp(-t * orders * 1.5)).sum(axis=0)
        steady = partials.sum(axis=0) * (1 + 0.2 * np.sin(2 * np.pi * (4 + i) * t))
        burst = rng.standard_normal(LENGTH) * np.exp(-((t * (2 + i)) % 1.0) * 12)
        for group, wave in zip(sounds, (pluck, steady, burst, pluck + 0.3 * burst), strict=True):
            sounds[group].append((0.8 * wave / np.abs(wave).max()).astype(np.float32))
    return sounds


def convergence_db(wave: np.ndarray, estimate: np.ndarray) -> float:
    return float(spectral_convergence_db(torch.from_numpy(wave), torch.from_numpy(np.ascontiguousarray(estimate))))


def forward(sounds: Sounds) -> dict[str, Any]:
    """(a) Log-mel of 16 chunks of 65,536 samples."""
    every = [wave[:65_536] for group in sounds.values() for wave in group]
    x = np.stack([every[i * len(every) // 16] for i in range(16)])
    batch = torch.from_numpy(x)
    transform = LogMel(RATE, gain=1.0)
    window, weights = torch.hann_window(N_FFT), transform.weights

    def by_torch() -> torch.Tensor:
        with torch.inference_mode():
            s = torch.stft(batch, N_FFT, HOP, window=window, return_complex=True, pad_mode="constant")
            return torch.log1p(weights @ s.abs())

    def by_librosa() -> list[np.ndarray]:
        settings = {"sr": RATE, "n_fft": N_FFT, "hop_length": HOP, "n_mels": N_MELS, "power": 1.0}
        return [np.log1p(librosa.feature.melspectrogram(y=wave, **settings)) for wave in x]

    calls = {"ours": lambda: transform(batch[:, None]), "torch.stft": by_torch, "librosa": by_librosa}
    spent = interleaved(calls, rounds=25)
    worst = float(np.abs(transform(batch[:, None])[:, 0].numpy() - np.stack(by_librosa())).max())
    return {
        **_speeds(spent, 16 * 65_536 / RATE),
        "times_librosa": spent["librosa"] / spent["ours"],
        "times_torch": spent["torch.stft"] / spent["ours"],
        "largest_difference": worst,
    }


def inversion(
    sounds: Sounds, ours: Callable[[np.ndarray], np.ndarray], peer: Callable[[np.ndarray], np.ndarray]
) -> dict[str, Any]:
    """Quality of both on every sound that can be heard, and speed on one sound of each group."""
    groups: dict[str, dict[str, float]] = {}
    better, gains = [], []
    for name, waves in sounds.items():
        pairs = [(convergence_db(w, ours(w)), convergence_db(w, peer(w))) for w in waves if w.any()]
        better += [a < b for a, b in pairs]
        gains += [b - a for a, b in pairs]
        groups[name] = {"ours_db": _mean(a for a, _ in pairs), "librosa_db": _mean(b for _, b in pairs)}
    some = [waves[len(waves) // 2] for waves in sounds.values()]
    calls = {"ours": lambda: [ours(w) for w in some], "librosa": lambda: [peer(w) for w in some]}
    spent = interleaved(calls, rounds=5, warm_up=1)
    return {
        **_speeds(spent, len(some) * LENGTH / RATE),
        "times_librosa": spent["librosa"] / spent["ours"],
        "better_by_db": statistics.mean(gains),
        "better_on": sum(better) / len(better),
        "n_sounds": len(better),
        "groups": groups,
    }


def phase(sounds: Sounds) -> dict[str, Any]:
    """(b) Sound from the true magnitude: PGHI + 10 steps beside librosa's Griffin-Lim with 60."""

    def magnitude(wave: np.ndarray) -> np.ndarray:
        return np.abs(librosa.stft(wave, n_fft=N_FFT, hop_length=HOP))

    def ours(wave: np.ndarray) -> np.ndarray:
        s = torch.from_numpy(magnitude(wave))
        return Pghi().reconstruct(s, n_fft=N_FFT, hop_length=HOP, length=LENGTH).numpy()

    def peer(wave: np.ndarray) -> np.ndarray:
        return librosa.griffinlim(magnitude(wave), n_iter=60, momentum=0.99, length=LENGTH, random_state=0)

    return inversion(sounds, ours, peer)


def chain(sounds: Sounds) -> dict[str, Any]:
    """(c) Sound from log-mel: EM 30, PGHI + 10, 16 joint steps beside librosa's NNLS + Griffin-Lim 32."""
    transform = LogMel(RATE, gain=100.0)

    def ours(wave: np.ndarray) -> np.ndarray:
        return transform.invert(transform(torch.from_numpy(wave)[None, None]), length=LENGTH)[0, 0].numpy()

    def peer(wave: np.ndarray) -> np.ndarray:
        mel = librosa.feature.melspectrogram(y=wave, sr=RATE, n_fft=N_FFT, hop_length=HOP, n_mels=N_MELS, power=1.0)
        # librosa names these steps feature.inverse.mel_to_audio; called apart to seed the phase and keep the length.
        s = librosa.feature.inverse.mel_to_stft(mel, sr=RATE, n_fft=N_FFT, power=1.0)
        return librosa.griffinlim(s, n_iter=32, hop_length=HOP, n_fft=N_FFT, length=LENGTH, random_state=0)

    return inversion(sounds, ours, peer)


def _speeds(spent: dict[str, float], seconds: float) -> dict[str, Any]:
    return {"times_real_time": {name: seconds / s for name, s in spent.items()}}


def _mean(values: Any) -> float:
    return statistics.mean(values)


def show(results: dict[str, Any]) -> None:
    """The table for people: figure, goal, kept or not."""
    a, b, c = results["forward"], results["phase"], results["chain"]
    rows = [
        ("log-mel, times librosa", a["times_librosa"], 4.0),
        ("log-mel, times torch.stft", a["times_torch"], 2.4),
        ("phase, times librosa's Griffin-Lim 60", b["times_librosa"], 5.0),
        ("phase, dB better", b["better_by_db"], 2.0),
        ("log-mel to audio, times librosa's chain", c["times_librosa"], 6.0),
        ("log-mel to audio, share of sounds better", c["better_on"], 0.85),
    ]
    print(f"{c['n_sounds']} sounds ({results['sounds']})")
    for label, figure, goal in rows:
        print(f"{label:<42} {figure:8.2f}   goal {goal:5.2f}   {'kept' if figure >= goal else 'MISSED'}")
    for job in ("phase", "chain"):
        for group, db in results[job]["groups"].items():
            print(f"{job:<8}{group:<14} ours {db['ours_db']:7.2f} dB   librosa {db['librosa_db']:7.2f} dB")
    for job, result in (("log-mel", a), ("phase", b), ("chain", c)):
        speeds = ", ".join(f"{name} {x:,.0f}" for name, x in result["times_real_time"].items())
        print(f"{job:<8}times real time: {speeds}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("TIMBRESPACE_DATA"))
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", module="librosa")
    real = options.data is not None and Path(options.data).is_dir()
    sounds = real_sounds(Path(options.data)) if real else synthetic_sounds()
    source = "real" if real else "synthetic: no folder of real sounds was given"
    results = {"sounds": source, "forward": forward(sounds), "phase": phase(sounds), "chain": chain(sounds)}
    print(json.dumps(results, indent=2)) if options.json else show(results)


if __name__ == "__main__":
    main()
