"""The trainer beside a bare loop, and the memory of a training on half an hour of sound.

    TIMBRESPACE_DATA=... python benchmarks/training.py [--json]

Overhead: the same model, batch and optimiser; a bare loop does losses, backward, clipping and the optimiser's step; the
trainer does all it does (moving average, guards, seeds, listeners, journal). Goal: at most 1.3 times the time per step.
Memory: `timbrespace train` on the loops of the data folder (29 minutes), else on as much noise; peak resident memory of
the child process. Goal: under 2 GiB.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

from _timing import interleaved
from timbrespace.core.batch import Batch
from timbrespace.core.component import build
from timbrespace.core.seeds import torch_generator
from timbrespace.models import Model
from timbrespace.training.checkpoints import Checkpoints
from timbrespace.training.journal import Journal
from timbrespace.training.options import Training
from timbrespace.training.recipe import read_recipe
from timbrespace.training.runtime import tune_process
from timbrespace.training.state import State
from timbrespace.training.trainer import Trainer

STEPS = 4
"""Steps per turn of a contestant."""


class SameBatch:
    """One batch in memory, so that only the loop differs."""

    steps_per_epoch = 100.0

    def __init__(self) -> None:
        self.x = torch.randn(16, 1, 128, 64, generator=torch_generator(0, "batch"))

    def batch(self, step: int) -> Batch:
        return Batch.of(self.x)

    def sample(self, n_examples: int) -> Batch:
        return Batch.of(self.x)


def model() -> Model:
    table = read_recipe("temporal-vae").sections["model"]
    return build(Model, table, wired={"n_features": 128, "n_channels": 1, "beta": 0.01})


def bare_loop() -> Any:
    """The shortest loop that trains: what one would write by hand."""
    network, data = model(), SameBatch()
    parameters = network.players()["model"]
    optimiser = torch.optim.AdamW(parameters, 1e-3, betas=(0.9, 0.98), weight_decay=0.01, fused=True)
    generator = torch.Generator().manual_seed(0)

    def turn() -> None:
        for _ in range(STEPS):
            batch = data.batch(0)
            terms = network.losses(batch, "model", step=0, generator=generator)
            loss = (terms["reconstruction"] + 0.01 * terms["kl"]) / batch.x[0].numel()
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimiser.step()

    return turn


def trainer_loop(folder: Path) -> Any:
    """The same through the trainer, with its journal; without the checkpoints it writes once a minute."""
    options = build(Training, read_recipe("temporal-vae").sections["training"])
    state = State(model(), None, options)
    journal = Journal(folder, resumed_step=0, portrait=None, total_steps=10**6, evaluations=1)
    trainer = Trainer(
        state,
        options,
        SameBatch(),
        Checkpoints(folder / "checkpoints"),
        total_steps=10**6,
        seed=0,
        evaluations=1,
        listener=journal,
    )

    def turn() -> None:
        for _ in range(STEPS):
            report = trainer.step()
            state.counters.step += 1
            journal.on_step(report, 0.0)

    return turn


def overhead() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        seconds = interleaved({"bare loop": bare_loop(), "trainer": trainer_loop(Path(folder))}, rounds=15)
    return {name: 1000 * s / STEPS for name, s in seconds.items()}


def memory_gib() -> tuple[float, str]:
    """Peak resident memory of a training, and on what."""
    data = Path(os.environ.get("TIMBRESPACE_DATA", "nowhere")) / "loops"
    with tempfile.TemporaryDirectory() as folder:
        what = "29 minutes of real loops"
        if not data.is_dir():
            what, data = "30 minutes of noise", _noise(Path(folder) / "noise")
        command = [sys.executable, "-m", "timbrespace", "train", "temporal-vae", "--data", str(data)]
        command += ["--out", str(Path(folder) / "model"), "--set=training.steps=100"]
        subprocess.run(command, check=True, capture_output=True)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20, what


def _noise(folder: Path) -> Path:
    import timbrespace

    folder.mkdir()
    for i in range(30):
        wave = 0.1 * torch.randn(1, 60 * 44_100, generator=torch_generator(0, "noise", i))
        timbrespace.write(folder / f"{chr(97 + i % 26) * (1 + i // 26)}.wav", wave, 44_100)
    return folder


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    tune_process(threads=1)
    times = overhead()
    gib, what = memory_gib()
    ratio = times["trainer"] / times["bare loop"]
    if options.json:
        print(json.dumps({"milliseconds_per_step": times, "overhead": ratio, "memory_gib": gib, "memory_on": what}))
        return
    print("| job | figure | goal |\n|---|---|---|")
    print(f"| bare loop, ms per step | {times['bare loop']:.1f} | |")
    print(f"| trainer, ms per step | {times['trainer']:.1f} | |")
    print(f"| trainer / bare loop | {ratio:.2f} | <= 1.3 |")
    print(f"| peak memory of a training on {what}, GiB | {gib:.2f} | < 2 |")


if __name__ == "__main__":
    main()
