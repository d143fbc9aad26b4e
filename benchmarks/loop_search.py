"""The search over architectures of the loops recipe: equal CPU time, unseen files, seeds for the finalists.

    TIMBRESPACE_DATA=... python benchmarks/loop_search.py pace --out runs/search
    TIMBRESPACE_DATA=... python benchmarks/loop_search.py search --minutes 1 --workers 2 --out runs/search
    TIMBRESPACE_DATA=... python benchmarks/loop_search.py finals --minutes 3 --variants base deep --out runs/search

``pace`` measures the CPU time of a step of every variant; run it on a machine that does nothing else, since two busy
hyperthreads take twice as long each. A cell then is one training of as many steps as fit into the minutes at that
pace, with one thread, in a process of its own: all variants get the same processor time, whatever else the machine
does meanwhile. ``search`` trains every variant once (seed 0, gain 100, the harder one), ``finals`` the named ones
with three seeds and the gains asked for. The seed also draws the split. Variants are chosen by the validation files;
the test files are measured beside them. An interrupted search goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

GAINS, SEEDS = (1.0, 100.0), (0, 1, 2)
EVALUATIONS = 3
SHARE_FOR_STEPS = 0.93
"""The rest of the CPU time goes into evaluations and checkpoints."""
PRECISION = "bf16-mixed"
PACE = "pace.json"

NET, DATA = "model.network.", "data."
SAME_NUMBERS = "the same numbers per second"
VARIANTS: dict[str, tuple[str, list[str]]] = {
    "base": ("the recipe: 256 wide, 3 blocks, kernel 7, expansion 3, 2 refining convolutions, looks ahead by 1", []),
    "symmetric": ("sees the whole future (cannot stream)", [f"{NET}lookahead=none"]),
    "causal": ("looks ahead by 0", [f"{NET}lookahead=0"]),
    "ahead-2": ("looks ahead by 2", [f"{NET}lookahead=2"]),
    "no-pca": ("random start, no linear start from PCA", [f"{NET}pca_start=false"]),
    "no-refine": ("no convolutions at frame rate", [f"{NET}refinement=0"]),
    "refine-4": ("4 refining convolutions", [f"{NET}refinement=4"]),
    "narrow": ("128 wide", [f"{NET}width=128"]),
    "wide": ("384 wide", [f"{NET}width=384"]),
    "narrow-quick": ("128 wide, learning rate 2e-3", [f"{NET}width=128", "training.learning_rate=2e-3"]),
    "narrow-company": ("128 wide, 60 % generated sounds", [f"{NET}width=128", f"{DATA}company=0.6"]),
    "narrow-both": (
        "128 wide, learning rate 2e-3, 60 % generated sounds",
        [f"{NET}width=128", "training.learning_rate=2e-3", f"{DATA}company=0.6"],
    ),
    "shallow": ("1 block", [f"{NET}depth=1"]),
    "deep": ("6 blocks", [f"{NET}depth=6"]),
    "kernel-3": ("kernel 3", [f"{NET}kernel_size=3"]),
    "kernel-15": ("kernel 15", [f"{NET}kernel_size=15"]),
    "light": ("192 wide, 2 blocks, kernel 3", [f"{NET}width=192", f"{NET}depth=2", f"{NET}kernel_size=3"]),
    "expansion-1": ("expansion 1", [f"{NET}expansion=1"]),
    "every-frame": (
        f"one vector of 4 latents per frame, {SAME_NUMBERS}",
        [f"{NET}frames_per_step=1", "model.bottleneck.latent_dim=4"],
    ),
    "every-2": (
        f"8 latents every 2 frames, {SAME_NUMBERS}",
        [f"{NET}frames_per_step=2", "model.bottleneck.latent_dim=8"],
    ),
    "every-8": (
        f"32 latents every 8 frames, {SAME_NUMBERS}",
        [f"{NET}frames_per_step=8", "model.bottleneck.latent_dim=32"],
    ),
    "company-6": ("60 % generated sounds in each batch", [f"{DATA}company=0.6"]),
}


def settings_of(variant: str, gain: float, seed: int) -> list[str]:
    """The overrides of one cell."""
    fixed = [
        f"transform.gain={gain}",
        f"data.split_seed={seed}",
        "training.threads=1",
        f"training.precision={PRECISION}",
    ]
    return [*VARIANTS[variant][1], *fixed, f"training.evaluations={EVALUATIONS}"]


def train(out: Path, data: Path, variant: str, *, gain: float, seed: int, steps: int) -> dict[str, float]:
    """One training of so many steps, measured on validation and test files."""
    import torch

    import timbrespace
    from timbrespace.core.component import build
    from timbrespace.datasets import Dataset
    from timbrespace.training.assess import pca_baseline

    torch.set_num_threads(1)
    settings = [*settings_of(variant, gain, seed), f"training.steps={steps}"]
    codec = timbrespace.train("temporal-vae", data, out=out, seed=seed, settings=settings, force=True)
    plan = json.loads((out / "run" / "run.json").read_text())
    prepared = build(Dataset, plan["sections"]["data"], wired={"path": plan["data"]}).prepare()
    pca = pca_baseline(codec.transform, prepared.split("train"), group=codec.model.ratio, n_components=codec.latent_dim)
    with torch.no_grad():
        found = {name: against_pca(codec, pca, prepared.split(name)) for name in ("validation", "test")}
    return {
        **{f"{split}_{key}": value for split, row in found.items() for key, value in row.items()},
        "steps": steps,
        "parameters": sum(p.numel() for p in codec.model.parameters()),
    }


def seconds_per_step(data: Path, variant: str) -> float:
    """CPU seconds of one training step of a variant, data included."""
    from timbrespace.training.budget import fastest_pace
    from timbrespace.training.plan import make_plan
    from timbrespace.training.run import build_workshop
    from timbrespace.training.runtime import tune_process

    tune_process(threads=1)
    settings = settings_of(variant, 100.0, 0)
    plan = make_plan(
        "temporal-vae", data, settings=settings, minutes=None, epochs=None, seed=0, device="cpu", threads=1
    )
    workshop = build_workshop(Path("unused"), plan, progress=None)
    workshop.fit()
    rate = workshop.training.learning_rate
    clock = time.process_time
    pace = fastest_pace(
        workshop.model, workshop.examples().batch, learning_rate=rate, threads=[1], precisions=[PRECISION], clock=clock
    )
    return pace.seconds_per_step


def against_pca(codec, pca, split) -> dict[str, float]:
    """Residuals of a split's files beside PCA's at the same rate, with refinement and without."""
    from timbrespace.metrics.reconstruction import compare, residual

    ours, guess, linear = [], [], []
    for index in range(len(split.sources)):
        frames = codec.transform(split.sound(index)[None])
        count = frames.shape[-1]
        linear.append(residual(frames, pca.rebuild(frames.flatten(1, 2)).reshape(frames.shape)))
        ours.append(residual(frames, codec.rebuild_frames(frames)))
        guess.append(residual(frames, codec.model.decode(codec.model.infer(frames, refinement=0))[..., :count]))
    refined, alone = compare(ours, linear), compare(guess, linear)
    return {"ratio": refined.ratio, "better_on": refined.better_on, "ratio_encoder_alone": alone.ratio}


def cell(options: argparse.Namespace, variant: str, gain: float, seed: int) -> dict[str, float]:
    """The figures of one cell, trained in a process of its own unless that was done before."""
    name = f"{variant}-gain{gain:g}-seed{seed}-min{options.minutes:g}"
    result = options.out / f"{name}.json"
    if not result.is_file():
        command = [sys.executable, __file__, "cell", "--variants", variant, "--gain", str(gain), "--seed", str(seed)]
        command += ["--minutes", str(options.minutes), "--out", str(options.out)]
        log = options.out / f"{name}.log"
        with log.open("w") as told:
            done = subprocess.run(
                command, stdout=told, stderr=subprocess.STDOUT, env=os.environ | {"OMP_NUM_THREADS": "1"}
            )
        if done.returncode:
            sys.exit(f"{name} failed; its output is in {log}.")
    return json.loads(result.read_text())


def run_cell(options: argparse.Namespace, data: Path) -> None:
    """In the process of a cell: train, measure, write the result last."""
    (variant,) = options.variants
    name = f"{variant}-gain{options.gain:g}-seed{options.seed}-min{options.minutes:g}"
    pace = json.loads((options.out / PACE).read_text())[variant]
    steps = int(60 * options.minutes * SHARE_FOR_STEPS / pace)
    figures = train(options.out / name, data, variant, gain=options.gain, seed=options.seed, steps=steps)
    figures |= {"seconds_per_step": pace}
    partial = options.out / f"{name}.partial"
    partial.write_text(json.dumps(figures, indent=2))
    partial.rename(options.out / f"{name}.json")


COLUMNS = (
    ("validation_ratio", "validation / PCA's", "{:.3f}"),
    ("test_ratio", "test / PCA's", "{:.3f}"),
    ("test_ratio_encoder_alone", "encoder alone", "{:.3f}"),
    ("test_better_on", "files better", "{:.0%}"),
    ("parameters", "parameters", "{:,.0f}"),
    ("steps", "steps", "{:,.0f}"),
    ("seconds_per_step", "CPU s a step", "{:.3f}"),
)


def search_table(results: dict[str, dict[str, float]]) -> str:
    """Markdown: a row per variant, best on the validation files first."""
    lines = [
        "| variant | what differs | " + " | ".join(c[1] for c in COLUMNS) + " |",
        "|---" * (len(COLUMNS) + 2) + "|",
    ]
    for name, row in sorted(results.items(), key=lambda item: item[1]["validation_ratio"]):
        cells = " | ".join(form.format(row[key]) for key, _, form in COLUMNS)
        lines.append(f"| {name} | {VARIANTS[name][0]} | {cells} |")
    return "\n".join(lines) + "\n"


def finals_table(results: dict[tuple[str, float, int], dict[str, float]]) -> str:
    """Markdown: per variant and gain the mean over seeds, its spread, and the single seeds."""
    lines = [
        "| variant | gain | test / PCA's, mean (sd) | seeds | encoder alone | files better | steps |",
        "|---" * 7 + "|",
    ]
    for variant, gain in dict.fromkeys((v, g) for v, g, _ in results):
        rows = [row for (v, g, _), row in results.items() if (v, g) == (variant, gain)]
        ratios = [r["test_ratio"] for r in rows]
        spread = statistics.stdev(ratios) if len(ratios) > 1 else float("nan")
        mean = {key: statistics.mean(r[key] for r in rows) for key in rows[0]}
        lines.append(
            f"| {variant} | {gain:g} | {statistics.mean(ratios):.3f} ({spread:.3f}) |"
            f" {', '.join(f'{r:.3f}' for r in ratios)} | {mean['test_ratio_encoder_alone']:.3f} |"
            f" {mean['test_better_on']:.0%} | {mean['steps']:,.0f} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Train what is missing, then write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", choices=("pace", "search", "finals", "cell"))
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--gain", type=float, default=100.0, help="of a cell")
    parser.add_argument("--gains", type=float, nargs="+", default=GAINS, help="of the finals")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/search"))
    options = parser.parse_args()
    folder = os.environ.get("TIMBRESPACE_DATA")
    if not folder:
        sys.exit("Set TIMBRESPACE_DATA to the folder that holds loops/.")
    options.out.mkdir(parents=True, exist_ok=True)
    if options.stage == "pace":
        paces = {v: seconds_per_step(Path(folder) / "loops", v) for v in options.variants}
        (options.out / PACE).write_text(json.dumps(paces, indent=2))
        print(json.dumps(paces, indent=2))
        return
    if options.stage == "cell":
        run_cell(options, Path(folder) / "loops")
        return
    final = options.stage == "finals"
    jobs = [
        (variant, gain, seed)
        for seed in (SEEDS if final else (0,))
        for gain in (options.gains if final else (100.0,))
        for variant in options.variants
    ]
    with ThreadPoolExecutor(options.workers) as pool:
        results = dict(zip(jobs, pool.map(lambda job: cell(options, *job), jobs), strict=True))
    table = finals_table(results) if final else search_table({v: row for (v, _, _), row in results.items()})
    (options.out / f"{options.stage}-{options.minutes:g}.md").write_text(table)
    print(table)


if __name__ == "__main__":
    main()
