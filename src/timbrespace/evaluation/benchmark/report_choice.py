"""Which models go on from images to sound: the rule in words, and the rule carried out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from timbrespace.evaluation.benchmark.columns import COLUMNS
from timbrespace.evaluation.benchmark.results import Results

JUDGED_BY = ("mse", "frechet_mixture", "mmd_prior")
GO_ON = 2
RULE = (
    "An instrument needs a model that copies well (MSE), invents well from where its codes lie (Fréchet distance of"
    " mixture samples) and keeps its codes where its knobs look for them (MMD to the prior). In each of the three, and"
    " on each data set, a model's place is one plus the number of models that are demonstrably better: by a 95 %"
    " interval of the paired difference. The two models with the lowest sum of places go on; of equals the one that"
    " took less processor time. Models that lack one of the three, or a data set, do not take part."
)


@dataclass(frozen=True)
class Candidate:
    """A model that takes part: its places by (data, measure), the sum of them, and its processor time."""

    variant: str
    places: Mapping[tuple[str, str], int]
    cpu_seconds: float

    @property
    def total(self) -> int:
        """The sum of its places; the least possible is the number of them."""
        return sum(self.places.values())


def candidates(results: Results) -> list[Candidate]:
    """All models that take part, the best first."""
    names = [v.name for v in results.grid.variants if _takes_part(results, v.name)]
    found = []
    for name in names:
        places = {
            (data, measure): 1 + sum(_better(results, measure, data, other, name) for other in names if other != name)
            for data in results.data
            for measure in JUDGED_BY
        }
        seconds = [results.interval("cpu_seconds", data, name).mean for data in results.data]
        found.append(Candidate(name, places, sum(seconds)))
    return sorted(found, key=lambda c: (c.total, c.cpu_seconds))


def chosen(ordered: Sequence[Candidate]) -> Sequence[Candidate]:
    """The first of the candidates; nobody while there is nobody to compare with."""
    return ordered[:GO_ON] if len(ordered) > GO_ON else ()


def _takes_part(results: Results, name: str) -> bool:
    return all(results.interval(m, data, name).n > 1 for data in results.data for m in JUDGED_BY)


def _better(results: Results, measure: str, data: str, one: str, other: str) -> bool:
    wanted = -1 if COLUMNS[measure].better == "lower" else 1
    return results.difference(measure, data, one, other).sign == wanted
