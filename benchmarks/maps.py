"""Maps beside umap-learn's, openTSNE's and scikit-learn's: seconds, trustworthiness and continuity.

    python benchmarks/maps.py [--points 10000] [--rounds 3] [--slow] [--model BUNDLE] [--json]

Twelve curved groups of 10,000 points in 128 dimensions (sheets bent by sines, with noise), and the latents stored in a
trained model where `--model` names one. Processor seconds of one thread, contestants in turn in one process, after a
first call that compiles; the first call in a fresh process is timed apart. Goals: our UMAP in 3 s with a
trustworthiness within 0.002 of umap-learn's default, the principal plane in 10 ms. `--slow` adds t-SNE (openTSNE
through our part and with its defaults) and scikit-learn's, which take minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import numpy as np
import torch
from torch import Tensor

from _timing import interleaved
from timbrespace.core.seeds import numpy_generator
from timbrespace.latent.maps import Pca, Tsne, Umap
from timbrespace.latent.maps.faithfulness import faithfulness

GROUPS, LATENTS = 12, 128
GOAL_SECONDS, GOAL_TRUST, GOAL_PLANE_MS = 3.0, 0.002, 10.0
FIRST = (
    "import time; b = time.process_time(); import torch; torch.set_num_threads(1); a = time.process_time();"
    "from timbrespace.latent.maps import Umap; Umap(epochs=1).embed(torch.randn(50, 8)); print(time.process_time() - a)"
)
"""A process that draws one small map: what importing and loading (or compiling) costs."""


def curved(n: int) -> Tensor:
    """Groups that are two-dimensional sheets, each bent its own way through all dimensions, with a little noise."""
    g = numpy_generator(0, "curved groups")
    parts = []
    for size in np.bincount(g.integers(GROUPS, size=n), minlength=GROUPS):
        u = g.uniform(-1, 1, (size, 2))
        bent = np.concatenate([u, np.sin(2 * u), np.cos(3 * u), u[:, :1] * u[:, 1:]], axis=1)
        sheet = bent @ g.normal(size=(bent.shape[1], LATENTS)) / np.sqrt(bent.shape[1])
        parts.append(sheet + g.normal(size=LATENTS) + 0.05 * g.normal(size=(size, LATENTS)))
    return torch.from_numpy(np.concatenate(parts)[g.permutation(n)].astype(np.float32))


def of_model(folder: Path) -> Tensor:
    """Latents stored in a trained model, thinned to 10,000, in its space's coordinates."""
    from timbrespace.codecs.loading import load_sound
    from timbrespace.codecs.space import space_of

    codec = load_sound(folder)
    vectors = codec.latent["vectors"]
    return space_of(codec).project(vectors[:: -(-len(vectors) // 10_000)])


def contestants(data: Tensor, *, slow: bool) -> dict[str, Callable[[], Tensor]]:
    array = data.numpy()
    known: dict[str, Callable[[], Tensor]] = {
        "Pca": lambda: Pca().embed(data),
        "Umap": lambda: Umap().embed(data, seed=0),
        "Umap, 500 epochs": lambda: Umap(epochs=500).embed(data, seed=0),
    }
    try:
        import umap

        known["umap-learn"] = lambda: _plane(umap.UMAP(random_state=0).fit_transform(array))
    except ImportError:
        print("umap-learn is not installed here and takes no part.", file=sys.stderr)
    if slow:
        from openTSNE import TSNE
        from sklearn.manifold import TSNE as SLOW_TSNE

        known["Tsne"] = lambda: Tsne().embed(data, seed=0)
        known["openTSNE"] = lambda: _plane(TSNE(random_state=0, n_jobs=1).fit(array))
        known["scikit-learn t-SNE"] = lambda: _plane(SLOW_TSNE(random_state=0, n_jobs=1).fit_transform(array))
    return known


def compare(data: Tensor, *, rounds: int, slow: bool) -> dict[str, Any]:
    """Seconds, trustworthiness and continuity of each contestant."""
    calls = contestants(data, slow=slow)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        maps = {name: call() for name, call in calls.items()}  # compiles
        spent = interleaved(calls, rounds=rounds, warm_up=0)
    table = {}
    for name, plane in maps.items():
        found = faithfulness(data, plane, queries=2000)
        table[name] = {"seconds": spent[name], **found._asdict()}
    return table


def first_call() -> float:
    """Processor seconds of the first map in a fresh process, compiled code being on disk."""
    done = subprocess.run([sys.executable, "-c", FIRST], capture_output=True, text=True, check=True)
    return float(done.stdout)


def show(title: str, table: dict[str, Any]) -> None:
    print(f"\n{title}\n{'map':<20}{'seconds':>10}{'trustworthiness':>18}{'continuity':>13}")
    for name, row in table.items():
        print(f"{name:<20}{row['seconds']:>10.3f}{row['trustworthiness']:>18.4f}{row['continuity']:>13.4f}")
    if "umap-learn" in table and title.startswith("curved"):
        behind = table["umap-learn"]["trustworthiness"] - table["Umap"]["trustworthiness"]
        print(
            f"Umap: {table['Umap']['seconds']:.2f} s (goal {GOAL_SECONDS:g}), {behind:+.4f} less trustworthy than",
            end=" ",
        )
        print(
            f"umap-learn's (goal {GOAL_TRUST:g}); Pca: {1e3 * table['Pca']['seconds']:.1f} ms (goal {GOAL_PLANE_MS:g})"
        )


def _plane(places: Any) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(np.asarray(places), dtype=np.float32))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--slow", action="store_true", help="t-SNE as well, minutes")
    parser.add_argument("--model", type=Path, help="a trained model whose latents are mapped too")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    torch.set_num_threads(1)
    first_call()
    results = {"first call": {"seconds": first_call()}}
    data = {f"curved groups, {options.points} x {LATENTS}": curved(options.points)}
    if options.model:
        vectors = of_model(options.model)
        data[f"{options.model.name}, {len(vectors)} x {vectors.shape[1]}"] = vectors
    for title, vectors in data.items():
        results[title] = compare(vectors, rounds=options.rounds, slow=options.slow)
        if not options.json:
            show(title, results[title])
    if options.json:
        print(json.dumps(results, indent=2))
    else:
        print(f"\nFirst map in a fresh process: {results['first call']['seconds']:.2f} s on top.")


if __name__ == "__main__":
    main()
