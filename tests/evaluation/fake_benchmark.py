"""A made-up benchmark folder: shapes, names and files as a real one's, numbers and images from a seeded generator."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from timbrespace.evaluation.benchmark.cells import EXAMPLES, FAILED, PICTURES, RESULT, make_cells
from timbrespace.evaluation.benchmark.columns import MEASURES
from timbrespace.evaluation.benchmark.design import Families, Grid
from timbrespace.evaluation.benchmark.expectations import Claim, put_on_record
from timbrespace.evaluation.benchmark.results import write_design
from timbrespace.evaluation.benchmark.variants import Variant

KINDS = ("VAE", "WAE-MMD", "WAE-GAN", "FactorVAE", "VQ-VAE", "AE")
WEIGHTS = (0.25, 1.0, 2.0, 4.0)
TWO_LATENTS = ("vae-1", "wae-mmd-1")
LEVELS = {"nll": 92, "elbo": 99, "reconstruction": 75, "kl": 24, "mse": 0.012, "mmd_prior": 0.004, "sharpness": 0.8}
WITHOUT_PRIOR = ("nll", "elbo", "kl", "mmd_prior", "frechet_prior", "sample_entropy")
WORDS = "It should do what its parts promise: match the prior, and blur a little less."
CLAIMS = (
    Claim("mmd_prior", "wae-mmd-1", "vae-1", "lower", "The penalty asks for nothing else.", 0.98),
    Claim("nll", "vae-4", "vae-0.25", "higher", "Much weight on the prior leaves little for the image."),
    Claim("mse", "wae-gan-1", "wae-gan-2", "same", "The critic does not look at images.", 1.3),
)


def variants() -> list[Variant]:
    """Six kinds by four weights; two of them have two latents."""
    found = []
    for i, (kind, weight) in enumerate(itertools.product(KINDS, WEIGHTS)):
        name = f"{kind.lower()}-{weight:g}"
        factors = {"regulariser": kind.lower(), "weight": f"{weight:g}"}
        title = f"{kind}, weight {weight:g}, {latents(name)} latents"
        found.append(Variant(name, title, {}, factors, WORDS if i % 2 == 0 else ""))
    return found


def latents(name: str) -> int:
    """Of the variant of that name."""
    return 2 if name in TWO_LATENTS else 20


def design(made: Sequence[Variant], *, seeds: int = 3, claims: Sequence[Claim] = CLAIMS) -> Grid:
    """A grid of variants that were never meant to be trained."""
    axes = {
        axis: tuple(dict.fromkeys(v.factors[axis] for v in made if axis in v.factors))
        for axis in ("regulariser", "weight")
    }
    families = Families("regulariser", ("vae", "wae-mmd"))
    known = {v.name for v in made}
    kept = tuple(c for c in claims if {c.variant, c.against} <= known)
    return Grid("images.toml", "Auto-encoders on images", seeds, tuple(MEASURES), tuple(made), axes, kept, families)


def make(
    out: Path, grid: Grid, *, data: Sequence[str] = ("mnist", "fashion"), side: int = 28, drawn: bool = True
) -> None:
    """Fill ``out`` with finished trainings of all variants of a design."""
    sources = {name: name for name in data}
    out.mkdir(parents=True, exist_ok=True)
    write_design(out, grid, sources, grid.seeds)
    put_on_record(out, grid.expectations, grid.texts(), finished_cells=0)
    real = {name: _shapes(np.random.default_rng(d), 400, side, squares=d == 1) for d, name in enumerate(data)}
    for cell in make_cells(grid, sources, seeds=grid.seeds):
        variant = grid.variant(cell.variant)
        v = list(grid.variants).index(variant)
        rng = np.random.default_rng([list(data).index(cell.data), v, cell.seed])
        cell.begin(out)
        folder = cell.folder(out)
        told = result(rng, variant, cell.data, cell.seed)
        (folder / RESULT).write_text(json.dumps(told))
        nll = told["measures"]["nll"]
        if nll is not None:
            noise = np.random.default_rng(v).standard_normal(100)
            save_file({"nll": (nll + 20 * (noise - noise.mean())).astype(np.float32)}, folder / EXAMPLES)
        if drawn:
            plain = variant.factors["regulariser"] == "ae"
            latent = latents(variant.name)
            save_file(arrays(rng, real[cell.data], latent=latent, plain=plain), folder / PICTURES)


def fail(out: Path, key: str, reason: str) -> None:
    """Turn a finished training into one that failed."""
    folder = out / "cells" / key
    (folder / RESULT).unlink()
    (folder / FAILED).write_text(json.dumps({"error": reason}))


def result(rng: np.random.Generator, variant: Variant, data: str, seed: int) -> dict[str, Any]:
    """The numbers of one training: better with the weight, the more so for some kinds."""
    kind = next(k for k in KINDS if k.lower() == variant.factors["regulariser"])
    weight = [f"{w:g}" for w in WEIGHTS].index(variant.factors["weight"])
    place = len(WEIGHTS) * KINDS.index(kind) + weight
    quality = 1.2 - (0.08 if kind.startswith("WAE") else 0.03) * weight + 0.05 * np.sin(2.0 * place)
    noise = np.exp(0.008 * rng.standard_normal(len(MEASURES)))
    measures: dict[str, float | None] = {
        m: float(LEVELS.get(m, 1.0) * quality * noise[i]) for i, m in enumerate(MEASURES)
    }
    measures["active_units"] = float(rng.integers(8, 20))
    measures["frechet_prior"] = 1e3 * float(measures["mmd_prior"] or 0) * float(np.exp(0.1 * rng.standard_normal()))
    if kind != "VQ-VAE":
        measures["perplexity"] = measures["code_usage"] = None
    if kind == "AE":
        measures.update(dict.fromkeys(WITHOUT_PRIOR, None))
    steps = np.linspace(0, 6000, 41)
    curve = {
        "step": steps.tolist(),
        "seconds": (steps / 100).tolist(),
        "elbo": [round(float(x), 3) for x in 100 * quality + 150 * np.exp(-steps / 500) + rng.standard_normal(41)],
        "mse": [None if i == 3 else float(x) for i, x in enumerate(0.012 * quality + 0.05 * np.exp(-steps / 400))],
    }
    cost = {
        "seconds": 61.2 + float(rng.random()), "cpu_seconds": 60.1, "joules": 601.0 + 10 * float(rng.random()),
        "energy": "605 J (unvalidated)", "steps": 6000, "parameters": 1_250_000 + place, "threads": 1,
        "precision": "float32",
    }  # fmt: skip
    kl = np.sort(rng.gamma(1.0, 1.2, 20))[::-1] * (np.arange(20) < 13) if kind not in ("AE", "VQ-VAE") else np.zeros(0)
    return {"variant": variant.name, "data": data, "seed": seed, "measures": measures, "curve": curve, "cost": cost,
            "kl_per_dimension": kl.tolist()}  # fmt: skip


def arrays(rng: np.random.Generator, real: np.ndarray, *, latent: int, plain: bool) -> dict[str, np.ndarray]:
    """The pictures of one training; a ``plain`` one has no prior."""
    blur = real[rng.permutation(len(real))]
    codes = rng.standard_normal((600, latent)).astype(np.float32)
    labels = rng.integers(0, 10, 600)
    codes[:, : min(latent, 6)] += 2.0 * np.random.default_rng(5).standard_normal((10, 6))[labels, : min(latent, 6)]

    def ways(rows: int, columns: int) -> np.ndarray:
        ends = blur[rng.integers(0, len(blur), (2, rows))].astype(float)
        share = np.linspace(0, 1, columns)[None, :, None, None]
        return np.ascontiguousarray(((1 - share) * ends[0][:, None] + share * ends[1][:, None]).astype(np.uint8))

    found = {
        "originals": real[:16].copy(), "reconstructions": np.minimum(real[:16], 235).astype(np.uint8),
        "mixture_samples": blur[:64].copy(), "traversals": ways(min(latent, 8), 9), "interpolations": ways(4, 9),
        "spherical_interpolations": ways(4, 9), "latents_train": codes[:400].copy(), "latents_test": codes[400:].copy(),
        "labels_train": labels[:400].copy(), "labels_test": labels[400:].copy(),
    }  # fmt: skip
    if not plain:
        found["prior_samples"] = blur[64:128].copy()
        if latent == 2:
            found["manifold"] = ways(15, 15)
    return found


def _shapes(rng: np.random.Generator, n: int, side: int, *, squares: bool) -> np.ndarray:
    """Soft rings, or grained boxes."""
    y, x = np.indices((side, side)) / side - 0.5
    images = []
    for _ in range(n):
        a, b, r, w = 0.1 * rng.standard_normal(), 0.1 * rng.standard_normal(), rng.uniform(0.12, 0.32), 0.05
        if squares:
            inside = (np.abs(x - a) < r) & (np.abs(y - b) < 1.3 * r)
            images.append(inside * (110 + 60 * rng.random() + 40 * rng.random((side, side))))
        else:
            images.append(255 * np.exp(-(((np.hypot(x - a, (y - b) * rng.uniform(0.7, 1.4)) - r) / w) ** 2)))
    return np.clip(np.stack(images), 0, 255).astype(np.uint8)
