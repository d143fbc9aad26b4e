"""The vector quantiser beside vector-quantize-pytorch: look-up, training step, start by k-means.

    python benchmarks/vq.py [--json]

One thread, contestants take turns, medians of processor time; 512 codes of 64 numbers. Every job runs with the
precision of matrix products as torch has it ("highest") and as training sets it ("medium"). Look-up: vectors to codes
and quantised vectors. Step: forward, commitment, backward, moving averages and restarts. k-means: 20,000 vectors, 10
iterations; the error is the mean squared distance to the nearest code over five seeds. Each contestant gets its vectors
in its own favourite layout. Needs vector-quantize-pytorch.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
from collections.abc import Callable
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from torch import Tensor
from vector_quantize_pytorch import VectorQuantize
from vector_quantize_pytorch.vector_quantize_pytorch import kmeans as their_kmeans

from _timing import interleaved
from timbrespace.core.seeds import torch_generator
from timbrespace.layers.codebook import nearest
from timbrespace.layers.kmeans import kmeans
from timbrespace.models.bottlenecks import VectorQuantized
from timbrespace.training.runtime import tune_process

CODES, LATENTS, STEPS = 512, 64, 50
SIZES = (1_000, 6_400, 20_000)
GOALS = {"look-up": 2.5, "k-means": 1.8}
Results = list[dict[str, Any]]


def normal_vectors(n: int, seed: int = 0) -> Tensor:
    return torch.randn(n, LATENTS, generator=torch_generator(seed, "vectors"))


def clustered_vectors(n: int, seed: int = 0) -> Tensor:
    """2,000 clusters of unequal size: what an encoder's answers look more like than noise does."""
    generator = torch_generator(seed, "clusters")
    sizes = torch.rand(2000, generator=generator).square()
    labels = torch.multinomial(sizes, n, replacement=True, generator=generator)
    centres = torch.randn(2000, LATENTS, generator=generator)
    return centres[labels] + 0.3 * torch.randn(n, LATENTS, generator=generator)


def quantisers(codebook: Tensor) -> tuple[VectorQuantized, VectorQuantize]:
    """Both with the same codes and settings; theirs without the rotation trick, which ours has not."""
    ours = VectorQuantized(latent_dim=LATENTS, codebook_size=CODES)
    theirs = VectorQuantize(LATENTS, CODES, decay=0.99, threshold_ema_dead_code=2, rotation_trick=False)
    ours.codebook.copy_(codebook)
    ours.sums.copy_(codebook / CODES)
    theirs._codebook.embed.copy_(codebook[None])
    theirs._codebook.embed_avg.copy_(codebook[None])
    return ours, theirs


def our_layout(vectors: Tensor) -> Tensor:
    """(batch, latent, step), steps innermost, as a convolution leaves it."""
    return vectors.reshape(-1, STEPS, LATENTS).transpose(1, 2).contiguous()


def look_up(n: int) -> dict[str, Callable[[], object]]:
    vectors = normal_vectors(n)
    ours, theirs = quantisers(normal_vectors(CODES, 1))
    theirs.eval()
    mine, its = our_layout(vectors), vectors.reshape(-1, STEPS, LATENTS)
    with torch.no_grad():
        agree = (ours(mine).codes == theirs(its)[1]).float().mean()
    assert agree > 0.999, "both find the same codes"
    return {"ours": torch.no_grad()(lambda: ours(mine)), "theirs": torch.no_grad()(lambda: theirs(its))}


def step(n: int) -> dict[str, Callable[[], object]]:
    vectors = normal_vectors(n)
    ours, theirs = quantisers(normal_vectors(CODES, 1))
    mine = our_layout(vectors).requires_grad_()
    its = vectors.reshape(-1, STEPS, LATENTS).clone().requires_grad_()
    generator = torch_generator(0, "step")

    def our_step() -> None:
        mine.grad = None
        level = ours(mine, generator=generator)
        commitment = ours.losses(level, None, generator=generator)["commitment"]
        (level.z.sum() + commitment).backward()
        ours.after_step(generator=generator)

    def their_step() -> None:
        its.grad = None
        quantised, _, commitment = theirs(its)
        (quantised.sum() + commitment.sum()).backward()

    return {"ours": our_step, "theirs": their_step}


def start(n: int) -> dict[str, Callable[[], object]]:
    vectors = clustered_vectors(n)
    return {
        "ours": lambda: kmeans(vectors, CODES, generator=torch_generator(0, "k-means")),
        "theirs": lambda: their_kmeans(vectors[None], CODES),
    }


def times(precision: str) -> Results:
    torch.set_float32_matmul_precision(precision)
    jobs = [(f"{name}, {n:,} vectors", n, make) for name, make in (("look-up", look_up), ("step", step)) for n in SIZES]
    jobs.append((f"k-means, {SIZES[-1]:,} vectors", SIZES[-1], start))
    rows = []
    for name, n, make in jobs:
        seconds = interleaved(make(n), rounds=5 if make is start else 11)
        row = {"job": name, "precision": precision, "seconds": seconds, "vectors_per_second": n / seconds["ours"]}
        rows.append(row | {"ratio": seconds["theirs"] / seconds["ours"], "goal": GOALS.get(name.split(",")[0])})
    return rows


def errors() -> Results:
    """Mean squared distance to the nearest code after k-means, five seeds."""

    def error(vectors: Tensor, codes: Tensor) -> float:
        return float((vectors - codes[nearest(vectors, codes)]).square().sum(dim=1).mean())

    rows = []
    for name, make in {"normal": normal_vectors, "clustered": clustered_vectors}.items():
        found: dict[str, list[float]] = {"ours": [], "theirs": []}
        for seed in range(5):
            vectors = make(SIZES[-1], seed)
            torch.manual_seed(seed)
            found["ours"].append(error(vectors, kmeans(vectors, CODES, generator=torch_generator(seed, "k-means"))))
            found["theirs"].append(error(vectors, their_kmeans(vectors[None], CODES)[0][0]))
        means = {who: statistics.mean(values) for who, values in found.items()}
        wins = sum(a < b for a, b in zip(*found.values(), strict=True))
        rows.append({"vectors": name, "error": means, "ratio": means["ours"] / means["theirs"], "better": wins})
    return rows


def show(results: dict[str, Results]) -> None:
    print(f"{'job':<26}{'precision':<11}{'ours ms':>9}{'theirs ms':>11}{'ratio':>8}{'goal':>7}{'Mvec/s':>9}")
    for row in results["times"]:
        ours, theirs = (1000 * row["seconds"][who] for who in ("ours", "theirs"))
        goal = row["goal"] or ""
        speed = row["vectors_per_second"] / 1e6
        ratio = f"{row['ratio']:.1f}"
        print(f"{row['job']:<26}{row['precision']:<11}{ours:>9.2f}{theirs:>11.2f}{ratio:>8}{goal:>7}{speed:>9.2f}")
    print(f"\n{'k-means of':<26}{'our error':>11}{'their error':>13}{'ratio':>8}{'better':>10}")
    for row in results["errors"]:
        ours, theirs = row["error"]["ours"], row["error"]["theirs"]
        print(f"{row['vectors']:<26}{ours:>11.4f}{theirs:>13.4f}{row['ratio']:>8.3f}{row['better']:>5} of 5")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    tune_process(threads=1)
    results = {"times": times("highest") + times("medium"), "errors": errors()}
    print(json.dumps(results, indent=2)) if options.json else show(results)


if __name__ == "__main__":
    main()
