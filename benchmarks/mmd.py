"""MMD beside pythae's and a plain formula: forward and backward, one thread, contestants interleaved.

    python benchmarks/mmd.py [--json]

Inverse multiquadratic kernel with 7 scales, 16 latents, gradient for the codes only, as in training. Before they are
timed, the gradients of all are compared with that of the formula in double precision. Goals: at least 20 times as fast
as pythae at 128 points, 30 times at 512. pythae takes part where it is installed (with the same torch, numpy, scipy,
numba, pydantic and jaxtyping, and `src` on PYTHONPATH); the formula in tensor operations always does.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from torch import Tensor

from _timing import interleaved
from timbrespace.core.seeds import torch_generator
from timbrespace.metrics.divergence import mmd
from timbrespace.metrics.kernels import InverseMultiquadratic

LATENTS, GOALS = 16, {128: 20.0, 512: 30.0}
CALLS = 10
"""Calls per turn of a contestant, as in a training: the first after the other's turn finds a cold cache."""
Discrepancy = Callable[[Tensor, Tensor], Tensor]


def formula(x: Tensor, y: Tensor) -> Tensor:
    """The U-statistic in tensor operations and autograd: one distance matrix each, a pass for each scale."""
    kernel = InverseMultiquadratic()

    def total(a: Tensor, b: Tensor) -> Tensor:
        u = torch.cdist(a, b).square() / (2 * LATENTS)
        return sum((s / (s + u) for s in kernel.scales), torch.zeros_like(u)).sum()

    def within(a: Tensor) -> Tensor:
        return (total(a, a) - len(kernel.scales) * len(a)) / (len(a) * (len(a) - 1))

    return within(x) + within(y) - 2 * total(x, y) / (len(x) * len(y))


def pythae_mmd() -> Discrepancy | None:
    """pythae's, out of the loss of its model; None where it is not installed."""
    try:
        from pythae.models import WAE_MMD, WAE_MMD_Config
    except ImportError:
        return None
    model = WAE_MMD(WAE_MMD_Config(input_dim=(1,), latent_dim=LATENTS, kernel_choice="imq"))

    def discrepancy(x: Tensor, y: Tensor) -> Tensor:
        nothing = torch.zeros(len(x), 1)
        return model.loss_function(nothing, nothing, x, y)[2]

    return discrepancy


def compare(n: int, *, rounds: int) -> dict[str, Any]:
    """Gradient errors relative to the formula in double precision, and milliseconds of each contestant."""
    g = torch_generator(0, "mmd", n)
    x, y = 1.2 * torch.randn(n, LATENTS, generator=g) + 0.1, torch.randn(n, LATENTS, generator=g)
    kernel = InverseMultiquadratic()
    contestants: dict[str, Discrepancy] = {"ours": lambda a, b: mmd(a, b, kernel), "formula": formula}
    if (theirs := pythae_mmd()) is not None:
        contestants["pythae"] = theirs
    exact = gradient(formula, x.double(), y.double())
    errors = {name: float((gradient(c, x, y) - exact).norm() / exact.norm()) for name, c in contestants.items()}
    calls = {name: lambda c=c: [gradient(c, x, y) for _ in range(CALLS)] for name, c in contestants.items()}
    spent = interleaved(calls, rounds=rounds, warm_up=1)
    return {name: {"ms": 1e3 * spent[name] / CALLS, "gradient_error": errors[name]} for name in contestants}


def gradient(discrepancy: Discrepancy, x: Tensor, y: Tensor) -> Tensor:
    x = x.clone().requires_grad_()
    discrepancy(x, y).backward()
    assert x.grad is not None
    return x.grad


def show(results: dict[int, dict[str, Any]]) -> None:
    print(f"{'points':>6}  {'contestant':<10}  {'ms':>8}  {'times ours':>10}  {'gradient error':>14}")
    for n, found in results.items():
        for name, figures in found.items():
            ratio = figures["ms"] / found["ours"]["ms"]
            goal = f"  (goal: {GOALS[n]:.0f})" if name == "pythae" else ""
            print(f"{n:>6}  {name:<10}  {figures['ms']:8.3f}  {ratio:10.1f}  {figures['gradient_error']:14.1e}{goal}")
    if not any("pythae" in found for found in results.values()):
        print("pythae is not installed here and took no part.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    torch.set_num_threads(1)
    results = {n: compare(n, rounds=options.rounds) for n in GOALS}
    print(json.dumps(results, indent=2)) if options.json else show(results)


if __name__ == "__main__":
    main()
