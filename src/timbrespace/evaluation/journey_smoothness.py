"""How smooth paths are, in the latents and to the ear, beside what chance gives."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from timbrespace.audio.descriptors import F0
from timbrespace.core.codec import Codec, rate_hz
from timbrespace.core.component import catalogue
from timbrespace.core.errors import ParameterError
from timbrespace.core.seeds import numpy_generator, torch_generator
from timbrespace.datasets.base import Progress
from timbrespace.evaluation.journey_listening import Heard, hear, in_deviations, scattered
from timbrespace.latent.routes.base import Route
from timbrespace.latent.surroundings import Surroundings
from timbrespace.metrics.smoothness import LEAST_POINTS, shuffled_scores, smoothness

LEAST_PATHS = 12
DRAWS = 10_000
"""Bootstrap draws of an interval."""


@dataclass(frozen=True)
class Scores:
    """Smoothness of a path's points and of what is heard along it: ``own``; of the same in random order, one number
    per order: ``shuffled``; and of noise paths of equal length, one number per path: ``noise``.
    """

    own: float
    shuffled: Tensor
    noise: Tensor

    def table(self) -> dict[str, Any]:
        """Own score, and mean and 95 % range of both baselines; null where undefined."""
        return {"own": _number(self.own), "shuffled": _range(self.shuffled), "noise": _range(self.noise)}


def score(
    heard: Heard, noises: Iterable[Heard], surroundings: Surroundings, *, generator: torch.Generator
) -> dict[str, Scores]:
    """The scores of a path's ``latents`` (distances are the space's) and of its ``descriptors``.

    Descriptors are on their scales (logarithm of Hz and of flatness), in standard deviations of the data, or of the
    noise paths where the data's are not known, so that each weighs as the data make it vary.
    """
    if len(heard.path.points) < LEAST_POINTS:
        raise ParameterError(
            f"Smoothness needs a path of {LEAST_POINTS} steps or more, and this one has {len(heard.path.points)}; give"
            " more seconds."
        )
    noises = list(noises)
    known = surroundings.descriptors
    reference = torch.cat([n.curves for n in noises]) if known is None else known
    views: dict[str, Callable[[Heard], Tensor]] = {
        "latents": lambda h: surroundings.space.project(h.path.points),
        "descriptors": lambda h: _without_pitch(in_deviations(h.curves, reference)),
    }
    return {name: _scores(view, heard, noises, generator) for name, view in views.items()}


def _scores(view: Callable[[Heard], Tensor], heard: Heard, noises: list[Heard], generator: torch.Generator) -> Scores:
    own = view(heard)
    noise = torch.tensor([smoothness(view(n)) for n in noises])
    return Scores(smoothness(own), shuffled_scores(own, generator=generator), noise)


@dataclass(frozen=True)
class Separation:
    """Of many paths of one route: their mean ``score``, and its excess over a ``baseline`` (``shuffled`` or ``noise``,
    whose mean is ``baseline_score``): the mean of paired differences with its 95 % interval.
    """

    route: str
    view: str
    baseline: str
    paths: int
    score: float
    baseline_score: float
    difference: float
    low: float
    high: float

    @property
    def separates(self) -> bool:
        """Whether the paths are smoother than the baseline, by an interval that leaves out zero."""
        return bool(np.isfinite(self.difference)) and self.low > 0


def separation(
    codec: Codec,
    surroundings: Surroundings,
    routes: Iterable[Route] | None = None,
    *,
    paths: int = LEAST_PATHS,
    seconds: float = 6.0,
    seed: int = 0,
    progress: Progress | None = None,
) -> list[Separation]:
    """Whether paths of each route (all, if none are given) are smoother than chance, in the latents and to the ear.

    Path k is compared with itself in random order (mean of 50) and with the noise path k, of equal length: points drawn
    on their own from the sounds. Intervals are percentiles of 10,000 bootstrap draws of the paths. A route that draws
    nothing gets another place of the data to begin at for every path.
    """
    if paths < LEAST_PATHS:
        raise ParameterError(f"An interval needs {LEAST_PATHS} paths or more, not {paths}; give more.")
    chosen = [kind() for kind in catalogue(Route).values()] if routes is None else list(routes)
    rate = rate_hz(codec)
    steps = max(1, round(seconds * rate))
    noise = [
        hear(codec, scattered(surroundings, steps, rate_hz=rate, generator=torch_generator(seed, "noise", k)))
        for k in range(paths)
    ]
    found = []
    for index, route in enumerate(chosen):
        scores = []
        for k in range(paths):
            if progress is not None:
                progress(index * paths + k, len(chosen) * paths, "travelling")
            heard = hear(codec, _one(route, surroundings, k, seconds=seconds, rate=rate, seed=seed))
            generator = torch_generator(seed, "shuffled", k)
            scores.append(score(heard, [noise[k]], surroundings, generator=generator))
        found += _separations(type(route).__name__.lower(), scores, seed=seed)
    return found


def _one(route: Route, surroundings: Surroundings, k: int, *, seconds: float, rate: float, seed: int) -> Any:
    """Path k of a route: with its own draws, or from its own place where the route draws nothing."""
    at = [
        route.path(surroundings, seconds=seconds, rate_hz=rate, generator=torch_generator(seed, "path", i))
        for i in (k, k + 1)
    ]
    if not torch.equal(at[0].points, at[1].points):
        return at[0]
    place = torch.randint(len(surroundings.vectors), (1,), generator=torch_generator(seed, "place", k))
    moved = replace(surroundings, start=surroundings.vectors[place])
    return route.path(moved, seconds=seconds, rate_hz=rate, generator=torch_generator(seed, "path", k))


def _separations(route: str, scores: list[dict[str, Scores]], *, seed: int) -> list[Separation]:
    rows = []
    for view in scores[0]:
        own = np.array([s[view].own for s in scores])
        for baseline in ("shuffled", "noise"):
            other = np.array([float(getattr(s[view], baseline).double().mean()) for s in scores])
            low, high = bootstrap(own - other, seed=seed)
            known = np.isfinite(own - other)
            difference = float(np.mean((own - other)[known])) if known.any() else float("nan")
            rows.append(
                Separation(route, view, baseline, int(known.sum()), _mean(own), _mean(other), difference, low, high)
            )
    return rows


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


def bootstrap(values: np.ndarray, *, seed: int) -> tuple[float, float]:
    """The 95 % percentile interval of the mean of ``values``, NaN left out; NaN for fewer than two."""
    known = values[np.isfinite(values)]
    if len(known) < 2:
        return float("nan"), float("nan")
    drawn = numpy_generator(seed, "bootstrap").integers(0, len(known), (DRAWS, len(known)))
    low, high = np.quantile(known[drawn].mean(1), [0.025, 0.975])
    return float(low), float(high)


def _without_pitch(curves: Tensor) -> Tensor:
    """Pitch is not defined everywhere, and jumps by octaves where it is: it says little about how smooth a path is."""
    return torch.cat([curves[:, :F0], curves[:, F0 + 1 :]], dim=1)


def _range(values: Tensor) -> dict[str, float | None]:
    known = values[values.isfinite()].double().numpy()
    if not len(known):
        return {"mean": None, "low": None, "high": None}
    low, high = np.quantile(known, [0.025, 0.975])
    return {"mean": _number(float(known.mean())), "low": _number(float(low)), "high": _number(float(high))}


def _number(value: float) -> float | None:
    return float(f"{value:.6g}") if np.isfinite(value) else None
