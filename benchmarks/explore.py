"""How long ``explore`` takes, and how fast the descriptors are beside librosa.

    TIMBRESPACE_DATA=... python benchmarks/explore.py MODEL [--minutes 30] [--no-report]

times the seven descriptors of a minute of sound in turn with librosa's, explores the folder ``loops`` as it is, then
copies of its sounds that last ``--minutes`` together, each cold (sounds are decoded from their files) and warm (they
lie in the cache), with one thread.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from benchmarks._timing import interleaved


def lengthened(source: Path, target: Path, minutes: float) -> float:
    """Copies of the sounds in ``source``, over and over, each time a little quieter; returns their minutes."""
    from timbrespace.audio import describe, read, write

    files, done, turn = sorted(source.rglob("*.flac")), 0.0, 0
    while done < 60 * minutes:
        for file in files:
            recording = read(file)
            write(target / f"{turn}-{file.parent.name}-{file.name}", 0.9**turn * recording.wave, recording.sample_rate)
            done += describe(file).seconds
            if done >= 60 * minutes:
                break
        turn += 1
    return done / 60


def report_time(model: Path, data: Path, name: str) -> None:
    """Wall and processor seconds of two explorations in a row."""
    from timbrespace.evaluation.explore import explore

    with tempfile.TemporaryDirectory() as folder:
        os.environ["TIMBRESPACE_CACHE"] = folder
        for state in ("cold", "warm"):
            wall, cpu = time.perf_counter(), time.process_time()
            found = explore(model, data, Path(folder) / f"{state}.html")
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            size = (Path(folder) / f"{state}.html").stat().st_size / 1e6
            print(
                f"explore, {name} ({found['data']['seconds'] / 60:.1f} min of sound), {state}: {wall:.1f} s,"
                f" {cpu:.1f} s of processor, report {size:.1f} MB"
            )


def descriptor_speed(seconds: float = 60.0) -> None:
    """Seconds of sound per second of processor, ours and librosa's."""
    import librosa
    import numpy as np
    import torch

    from timbrespace.audio.descriptors import describe_sound
    from timbrespace.audio.pitch import track_pitch

    rate = 44_100
    t = np.arange(round(seconds * rate)) / rate
    y = (0.2 * np.sign(np.sin(2 * np.pi * 220 * t)) + 0.02 * np.random.default_rng(0).standard_normal(t.size)).astype(
        "f"
    )
    wave = torch.from_numpy(y)[None]

    def spectral() -> None:
        spectrum = np.abs(librosa.stft(y))
        librosa.feature.rms(y=y)
        librosa.feature.spectral_centroid(S=spectrum, sr=rate)
        librosa.feature.spectral_bandwidth(S=spectrum, sr=rate)
        librosa.feature.spectral_contrast(S=spectrum, sr=rate)
        librosa.feature.spectral_flatness(S=spectrum)
        librosa.feature.spectral_rolloff(S=spectrum, sr=rate)

    def pitch() -> None:
        librosa.yin(y, sr=rate, fmin=30, fmax=4_000, frame_length=4_096, hop_length=512)

    spent = interleaved(
        {
            "ours, all seven": lambda: describe_sound(wave, rate),
            "ours, f0 alone": lambda: track_pitch(y, rate),
            "librosa, six without f0 (one spectrum shared)": spectral,
            "librosa, yin": pitch,
        },
        rounds=3,
        warm_up=1,
    )
    for name, each in spent.items():
        print(f"descriptors, {name}: {seconds / each:,.0f} x real time")


def main() -> None:
    """Run both parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--no-report", action="store_true")
    options = parser.parse_args()
    folder = os.environ.get("TIMBRESPACE_DATA")
    if not folder:
        sys.exit("Set TIMBRESPACE_DATA to the folder that holds loops/.")
    from timbrespace.training.runtime import tune_process

    tune_process(threads=1)
    descriptor_speed()
    if options.no_report:
        return
    loops = Path(folder) / "loops"
    report_time(options.model, loops, "loops")
    with tempfile.TemporaryDirectory() as made:
        lengthened(loops, Path(made), options.minutes)
        report_time(options.model, Path(made), f"{options.minutes:g} minutes")


if __name__ == "__main__":
    main()
