"""Trainings killed at random moments: does the folder load, and does the resumed one end identically.

    python benchmarks/kills.py [--kills 20] [--seed 0] [--json]

Each trial starts ``timbrespace train`` on a few generated sounds, with a checkpoint after every step, kills the
process at a random moment between its start and its end, checks what is on the disk, and lets ``timbrespace
resume`` (or, if nothing had been saved yet, ``train`` again) finish. The weights must have the hash of an
uninterrupted training's. Exit code 1 if any trial fails.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import sys
import tempfile
import time
import warnings
from dataclasses import asdict, dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

TINY = (
    "data.sample_rate=22050",
    "data.chunk_length=8192",
    "data.crop_length=6144",
    "data.company=0",
    "transform.n_fft=512",
    "transform.hop_length=128",
    "transform.n_mels=24",
    "transform.em_steps=4",
    "transform.joint_steps=2",
    "model.network.width=16",
    "model.network.depth=1",
    "model.bottleneck.latent_dim=4",
    "model.refinement=2",
    "training.batch_size=4",
    "training.threads=1",
    "training.precision=32-true",
    "training.evaluations=1",
    "training.live_engine=false",
)
"""Settings of the temporal-vae recipe that train in a second."""

_PRELOAD = ["timbrespace.cli", "timbrespace.training.run", "lightning_fabric", "torch.utils.tensorboard.summary"]


@dataclass(frozen=True)
class Trial:
    """One kill: when (s after the start), what had been saved, and whether all was well afterwards."""

    moment: float
    found: str
    loads: bool
    finishes: bool
    identical: bool
    strays: int

    @property
    def passed(self) -> bool:
        return self.loads and self.finishes and self.identical and not self.strays


def write_sounds(folder: Path) -> Path:
    """Fourteen generated hits and notes, 14 s together, as WAV files."""
    from timbrespace.audio.writing import write
    from timbrespace.datasets.synthetic import hits, notes

    folder.mkdir(parents=True, exist_ok=True)
    for sound in [*hits(8, seed=0, sample_rate=22_050), *notes(6, seed=0, sample_rate=22_050)]:
        write(folder / f"{sound.name}.wav", sound.wave, sound.sample_rate)
    return folder


def train_tokens(sounds: Path, out: Path, *settings: str, seed: int = 0) -> list[str]:
    """The command line of a tiny training."""
    tokens = ["train", "temporal-vae", "--data", str(sounds), "--out", str(out), "--seed", str(seed)]
    for setting in (*TINY, *settings):
        tokens += ["--set", setting]
    return tokens


def start(tokens: list[str], log: Path) -> BaseProcess:
    """``timbrespace`` with these tokens in a process of its own, forked from one that has imported everything."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOAD)
    process = context.Process(target=_run, args=(tokens, str(log), os.environ.get("TIMBRESPACE_CACHE")))
    process.start()
    return process


def finish(process: BaseProcess, *, seconds: float = 120.0) -> int | None:
    """The exit code of a process, which is killed if it takes longer than ``seconds``."""
    process.join(seconds)
    if process.exitcode is None:
        process.kill()
        process.join()
    return process.exitcode


def weights_hash(model: Path) -> str:
    """Stands for all tensors of a bundle."""
    files = json.loads((model / "config.json").read_text(encoding="utf-8"))["files"]
    return " ".join(files[name] for name in sorted(files))


def kill_once(folder: Path, sounds: Path, *settings: str, moment: float, expected: str) -> Trial:
    """Train into ``folder``, kill after ``moment`` seconds, look, finish, compare with the hash ``expected``."""
    log = folder.with_suffix(".log")
    process = start(train_tokens(sounds, folder, *settings), log)
    time.sleep(moment)
    process.kill()
    process.join()
    found, loads = _look(folder)
    begun = (folder / "run" / "run.json").is_file()
    again = ["resume", str(folder)] if begun else train_tokens(sounds, folder, *settings)
    finishes = finish(start(again, log)) == 0
    identical = finishes and weights_hash(folder) == expected
    strays = sum(".partial-" in path.name for path in folder.rglob("*"))
    return Trial(round(moment, 3), found, loads, finishes, identical, strays)


def _run(tokens: list[str], log: str, cache: str | None) -> None:
    from timbrespace.__main__ import main

    file = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)
    if cache is not None:
        os.environ["TIMBRESPACE_CACHE"] = cache
    sys.exit(main(tokens))


def _look(folder: Path) -> tuple[str, bool]:
    """What a killed training left, in words, and whether that is whole."""
    import timbrespace
    from timbrespace.training.checkpoints import Checkpoints

    if (folder / "config.json").is_file():
        timbrespace.load(folder)
        return "a model", True
    if not (folder / "run" / "run.json").is_file():
        return "nothing yet", True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a damaged newest checkpoint would be passed over with a warning
            entry, _ = Checkpoints(folder / "run" / "checkpoints").latest()
    except Exception as error:  # whatever it is, the trial has failed
        return f"{type(error).__name__}: {error}", False
    return f"step {entry.step}", True


def measure(kills: int, *, seed: int, steps: int = 40) -> list[Trial]:
    """``kills`` trials at moments drawn from ``seed``."""
    settings = (f"training.steps={steps}", "training.checkpoint_minutes=0")
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        os.environ["TIMBRESPACE_CACHE"] = str(root / "cache")
        sounds = write_sounds(root / "sounds")
        for name in ("warm-up", "whole"):  # the second one is timed, with all caches warm
            begin = time.monotonic()
            if finish(start(train_tokens(sounds, root / name, *settings), root / "whole.log")) != 0:
                raise RuntimeError((root / "whole.log").read_text())
            duration = time.monotonic() - begin
        expected = weights_hash(root / "whole")
        draw = random.Random(seed)
        moments = [draw.uniform(0.0, duration) for _ in range(kills)]
        return [
            kill_once(root / f"killed-{i}", sounds, *settings, moment=moment, expected=expected)
            for i, moment in enumerate(moments)
        ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    trials = measure(options.kills, seed=options.seed)
    if options.json:
        print(json.dumps([asdict(t) | {"passed": t.passed} for t in trials]))
    else:
        print("killed after   found          loads  finishes  identical  strays")
        for t in trials:
            print(
                f"{t.moment:10.3f} s   {t.found:<13}  {t.loads!s:<5}  {t.finishes!s:<8}  {t.identical!s:<9}  {t.strays}"
            )
        print(f"{sum(t.passed for t in trials)} of {len(trials)} passed")
    return 0 if all(t.passed for t in trials) else 1


if __name__ == "__main__":
    sys.exit(main())
