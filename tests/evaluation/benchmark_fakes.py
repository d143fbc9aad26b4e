"""A benchmark without trainings: cells whose results follow from their settings, and cells that go wrong."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from timbrespace.core.errors import Interrupted, ParameterError, TrainingError
from timbrespace.core.files import write_json
from timbrespace.core.seeds import numpy_generator
from timbrespace.evaluation.benchmark.cells import EXAMPLES, RESULT, Cell
from timbrespace.evaluation.benchmark.design import Grid
from timbrespace.evaluation.benchmark.grid import read_grid

N_EXAMPLES = 40
BASE = """
title = "A & B"
[base]
recipe = "image-vae"
data.validation = 4
[base.model.network]
hidden = [8]
"""
AXES = """
[[axis]]
name = "family"
[[axis.level]]
name = "vae"
[[axis.level]]
name = "ae"
title = "Auto_encoder"
expectation = "Rebuilds better."
settings.model.bottleneck.kind = "Deterministic"
settings.training.weights.kl.end = 0.0
[[axis]]
name = "latents"
level = [
  { name = "4", settings.model.bottleneck.latent_dim = 4 },
  { name = "8", settings.model.bottleneck.latent_dim = 8 },
]
[families]
axis = "family"
levels = ["vae", "ae"]
"""


def grid_file(folder: Path, text: str = "", base: str = BASE + AXES) -> Path:
    """A grid file, by default of four variants."""
    path = folder / "grid.toml"
    path.write_text(base + text, encoding="utf-8")
    return path


def grid(folder: Path, text: str = "", base: str = BASE + AXES) -> Grid:
    return read_grid(grid_file(folder, text, base))


def write_result(cell: Cell, folder: Path, measures: dict[str, float | None], examples: Any = None) -> None:
    if examples is not None:
        save_file(examples, folder / EXAMPLES)
    write_json(
        folder / RESULT,
        {
            "variant": cell.variant,
            "data": cell.data,
            "seed": cell.seed,
            "measures": measures,
            "curve": {"step": [], "seconds": []},
            "cost": {"seconds": 1.0, "cpu_seconds": 1.0, "joules": None, "parameters": 1000, "steps": 3},
        },
    )


def quick(cell: Cell, folder: Path) -> None:
    """NLL falls with latents by 2 in a VAE and by 6 in an auto-encoder; noise is small and shared within a seed."""
    latents = cell.recipe.sections["model"]["bottleneck"]["latent_dim"]
    plain = cell.recipe.sections["model"]["bottleneck"]["kind"] == "Deterministic"
    shared = numpy_generator(cell.seed, "shared").standard_normal()
    own = numpy_generator(cell.seed, "own", cell.variant).standard_normal()
    of_images = numpy_generator(0, "examples").standard_normal(N_EXAMPLES)
    nll = 100.0 - (6 if plain else 2) * (latents > 4) + 3 * plain + shared + 0.02 * own
    examples = {"nll": (nll + of_images - of_images.mean()).astype(np.float32)}
    measures = {"nll": nll, "mmd_prior": 0.01 * (1 + 4 * plain + 0.01 * own), "frechet_prior": 5.0 + nll / 10}
    write_result(cell, folder, {**measures, "perplexity": None}, examples)


def noted(cell: Cell, folder: Path) -> None:
    """As ``quick``, and every call leaves a line in the benchmark's folder."""
    with (folder.parents[3] / "calls.log").open("a") as log:
        log.write(f"{cell.key} {os.getpid()} {os.environ.get('OMP_NUM_THREADS')}\n")
    quick(cell, folder)


def dies_once(cell: Cell, folder: Path) -> None:
    """The worker is killed at its first attempt at one cell, always at another; a third has a mistake in it."""
    if cell.variant == "vae-4":
        if not (folder / "tried").exists():
            (folder / "tried").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        quick(cell, folder)
    if cell.variant == "vae-8":
        os.kill(os.getpid(), signal.SIGKILL)
    if cell.variant == "ae-4":
        with (folder / "attempts").open("a") as log:
            log.write("x")
        raise ParameterError("The latents are of the wrong kind.")
    if cell.variant == "ae-8":
        print("a word to the log")
        raise TrainingError("The loss is not a number.")


def saves_when_asked(cell: Cell, folder: Path) -> None:
    """Works until it is asked to stop, then saves; works again where something is saved."""
    if (folder / "saved").exists():
        quick(cell, folder)
        return
    (folder / "working").touch()
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        (folder / "saved").touch()
        raise Interrupted("Stopped and saved.") from None


def forgets(cell: Cell, folder: Path) -> None:
    """Ends without a result."""
    with (folder / "attempts").open("a") as log:
        log.write("x")


def slow(cell: Cell, folder: Path) -> None:
    """Takes long enough to be killed at: the second seed a minute."""
    (folder / f"working-{os.getpid()}").touch()
    time.sleep(60 * cell.seed)
    quick(cell, folder)
