"""The loops study: a trained space beside PCA on unseen files, three seeds, two gains.

    TIMBRESPACE_DATA=... python benchmarks/loops.py --minutes 10 --workers 2 --out runs/study

trains ``temporal-vae`` once per (gain, seed), each in a process of its own with one thread, and writes
``study.json`` and ``study.md``. The seed also draws the split, so that the mean is over splits as well; series of
files stay together. Everything is measured on the test split, which no training and no choice of a checkpoint saw.
An interrupted study goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

GAINS, SEEDS = (1.0, 100.0), (0, 1, 2)


def train(out: Path, data: Path, gain: float, seed: int, minutes: float) -> None:
    """One training as a user would start it, unless its bundle is there already."""
    if (out / "config.json").is_file():
        return
    settings = [f"transform.gain={gain}", f"data.split_seed={seed}", "training.threads=1"]
    command = [sys.executable, "-m", "timbrespace", "train", "temporal-vae", "--data", str(data), "--out", str(out)]
    command += ["--minutes", str(minutes), "--seed", str(seed), "--force", *(f"--set={s}" for s in settings)]
    subprocess.run(command, check=True, env=os.environ | {"OMP_NUM_THREADS": "1"})


def measure(out: Path) -> dict[str, float]:
    """The figures of one bundle on its test files, in frames and after resynthesis to sound."""
    import torch

    import timbrespace
    from timbrespace.core.component import build
    from timbrespace.datasets import Dataset
    from timbrespace.metrics.reconstruction import compare, residual
    from timbrespace.metrics.spectral import spectral_convergence_db
    from timbrespace.training.assess import pca_baseline

    torch.set_num_threads(1)
    codec = timbrespace.load(out)
    plan = json.loads((out / "run" / "run.json").read_text())
    prepared = build(Dataset, plan["sections"]["data"], wired={"path": plan["data"]}).prepare()
    pca = pca_baseline(codec.transform, prepared.split("train"), group=codec.model.ratio, n_components=codec.latent_dim)
    test = prepared.split("test")
    frames_of = codec.transform
    rows: dict[str, list] = {k: [] for k in ("model", "amortised", "pca", "heard", "heard_pca", "resynth", "alone")}
    for index in range(len(test.sources)):
        wave = test.sound(index)[None]
        with torch.no_grad():
            frames = frames_of(wave)
            length, count = wave.shape[-1], frames.shape[-1]
            linear = pca.rebuild(frames.flatten(1, 2)).reshape(frames.shape)
            guess = codec.model.decode(codec.model.infer(frames, refinement=0))[..., :count]
            ours = codec.rebuild_frames(frames)
            sound, sound_pca = (frames_of.invert(f, length=length) for f in (ours, linear))
            alone = frames_of.invert(frames, length=length)
            rows["model"].append(residual(frames, ours))
            rows["amortised"].append(residual(frames, guess))
            rows["pca"].append(residual(frames, linear))
            rows["heard"].append(residual(frames, frames_of(sound)))
            rows["heard_pca"].append(residual(frames, frames_of(sound_pca)))
        rows["resynth"].append(float(spectral_convergence_db(wave, sound)))
        rows["alone"].append(float(spectral_convergence_db(wave, alone)))
    ours, guess, heard = (
        compare(rows[a], rows[b]) for a, b in (("model", "pca"), ("amortised", "pca"), ("heard", "heard_pca"))
    )
    return {
        "files": ours.sounds,
        "unexplained": ours.share,
        "unexplained_pca": ours.baseline_share,
        "ratio": ours.ratio,
        "better_on": ours.better_on,
        "ratio_encoder_alone": guess.ratio,
        "ratio_after_sound": heard.ratio,
        "better_on_after_sound": heard.better_on,
        "resynth_db": statistics.mean(rows["resynth"]),
        "transform_alone_db": statistics.mean(rows["alone"]),
        "steps": plan["total_steps"],
    }


COLUMNS = (
    ("ratio", "residual / PCA's", "{:.3f}"),
    ("better_on", "files better", "{:.0%}"),
    ("ratio_encoder_alone", "encoder alone / PCA's", "{:.3f}"),
    ("unexplained", "unexplained", "{:.4f}"),
    ("unexplained_pca", "PCA", "{:.4f}"),
    ("ratio_after_sound", "after sound / PCA's", "{:.3f}"),
    ("better_on_after_sound", "files better", "{:.0%}"),
    ("resynth_db", "resynth, dB", "{:.1f}"),
    ("transform_alone_db", "transform alone, dB", "{:.1f}"),
    ("steps", "steps", "{:,.0f}"),
)


def table(results: dict[str, dict[str, float]]) -> str:
    """Markdown: a row per training, and the mean of the seeds of each gain."""
    lines = ["| gain | seed | " + " | ".join(c[1] for c in COLUMNS) + " |", "|---" * (len(COLUMNS) + 2) + "|"]
    for gain in GAINS:
        rows = [results[name(gain, s)] for s in SEEDS if name(gain, s) in results]
        for seed, row in zip(SEEDS, rows, strict=False):
            lines.append(f"| {gain:g} | {seed} | " + " | ".join(f.format(row[k]) for k, _, f in COLUMNS) + " |")
        if rows:
            means = [f.format(statistics.mean(r[k] for r in rows)) for k, _, f in COLUMNS]
            lines.append(f"| **{gain:g}** | **mean** | " + " | ".join(f"**{m}**" for m in means) + " |")
    return "\n".join(lines) + "\n"


def name(gain: float, seed: int) -> str:
    """The folder of one training."""
    return f"gain{gain:g}-seed{seed}"


def main() -> None:
    """Train what is missing, measure everything, write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("runs/study"))
    options = parser.parse_args()
    folder = os.environ.get("TIMBRESPACE_DATA")
    if not folder:
        sys.exit("Set TIMBRESPACE_DATA to the folder that holds loops/.")
    jobs = [(gain, seed) for seed in SEEDS for gain in GAINS]
    options.out.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(options.workers) as pool:
        done = [
            pool.submit(train, options.out / name(g, s), Path(folder) / "loops", g, s, options.minutes) for g, s in jobs
        ]
        for job in done:
            job.result()
    results = {name(g, s): measure(options.out / name(g, s)) for g, s in jobs}
    (options.out / "study.json").write_text(json.dumps(results, indent=2))
    (options.out / "study.md").write_text(table(results))
    print(table(results))


if __name__ == "__main__":
    main()
