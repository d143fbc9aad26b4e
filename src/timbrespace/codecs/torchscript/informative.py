"""How many dimensions of a model carry how much of its latents' variance, by the ``fidelity`` it stores."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

LEVELS = (0.80, 0.90, 0.95, 0.99)


def informative_counts(fidelity: Sequence[float], *, full: float | None = None) -> dict[str, Any]:
    """``informative``: the smallest k with f_k >= level, where f_k is the share of variance in the first k components.

    ``informative_by_export`` is the count that RAVE's own export takes, a position counted from zero and so one too
    few; it is then rounded up to a power of two. Both are None where the file stores no such curve (Caillon and
    Esling, RAVE, 2021, on the compactness of the latent representation).
    """
    curve = [float(f) for f in fidelity]
    rising = all(a <= b + 1e-6 for a, b in pairwise(curve))
    usable = bool(curve) and rising and curve[0] >= 0.0 and 0.98 <= curve[-1] <= 1.001
    return {
        "full_latent_dim": int(full) if full else (len(curve) or None),
        "informative": {f"{v:.2f}": _smallest(curve, v) for v in LEVELS} if usable else None,
        "informative_by_export": {f"{v:.2f}": _by_export(curve, v) for v in LEVELS} if usable else None,
    }


def _smallest(curve: list[float], level: float) -> int:
    return next((k for k, f in enumerate(curve, start=1) if f >= level - 1e-6), len(curve))


def _by_export(curve: list[float], level: float) -> int:
    return max(1, next((k for k, f in enumerate(curve) if f > level), 0))
