"""The paths a comparison sends through every model: hands, and the baselines they are measured against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path as FilePath

from timbrespace.core.errors import ParameterError
from timbrespace.core.seeds import numpy_generator, torch_generator
from timbrespace.evaluation.comparison.contestant import Contestant
from timbrespace.evaluation.journey_listening import scattered
from timbrespace.latent.mappings import Mapping
from timbrespace.latent.paths import Path
from timbrespace.latent.routes import Corpus, Line, Recording, Walk
from timbrespace.latent.surroundings import Surroundings
from timbrespace.motion.library import draw, gestures_in
from timbrespace.motion.preparing import prepare
from timbrespace.motion.track import Track

RECORDINGS, NOISE = "recordings", "noise"
ROUTES = {RECORDINGS: Recording(), "corpus": Corpus(), "line": Line(), "walk": Walk()}
"""Recordings are data to data: what the other half of the sounds scores itself."""
BASELINES = (*ROUTES, NOISE)
"""Groups of paths that need no hand."""
MOST_STRETCH = 2.0
"""A gesture may be this much slower or faster than it was made, to fit the common duration."""


@dataclass(frozen=True)
class Hands:
    """Gestures of one source: ``name`` and one track each, of about the common duration."""

    name: str
    tracks: tuple[Track, ...]


def read_hands(places: Sequence[str | FilePath], *, count: int, seconds: float, seed: int) -> list[Hands]:
    """``count`` gestures of each source (a file or folder of motion), of half to twice ``seconds``.

    Raises :class:`~timbrespace.core.errors.DataError` or :class:`ParameterError` where a source holds too few.
    """
    found: list[Hands] = []
    for place in places:
        library = gestures_in(place, least_seconds=seconds / MOST_STRETCH, most_seconds=seconds * MOST_STRETCH)
        if len(library) < count:
            raise ParameterError(
                f"{place} holds {len(library)} gestures of {seconds / MOST_STRETCH:g} to {seconds * MOST_STRETCH:g} s,"
                f" and {count} were asked for; ask for fewer, or for another duration."
            )
        chosen = draw(library, count, seed=seed)
        found.append(
            Hands(_name(place, taken=[*BASELINES, *(h.name for h in found)]), tuple(prepare(track) for track in chosen))
        )
    return found


def _name(place: str | FilePath, *, taken: Sequence[str]) -> str:
    """The name of a file or folder, with a number where another group has it already."""
    name = FilePath(place).resolve().stem or "hands"
    number = 1
    while (named := name if number == 1 else f"{name} ({number})") in taken:
        number += 1
    return named


def _beginning(known: Surroundings, number: int, *, seed: int) -> Surroundings:
    """With another sound to begin with for every number, until all have had their turn: two paths that are the same
    would be each other's nearest neighbours.
    """
    order = numpy_generator(seed, RECORDINGS).permutation(len(known.sounds))
    return replace(known, start=known.sounds[order[number % len(order)]])


def groups(hands: Sequence[Hands]) -> list[str]:
    """The names of the groups of paths, hands first, noise last."""
    return [*(h.name for h in hands), *BASELINES]


def ways(
    model: Contestant, hands: Sequence[Hands], mapping: Mapping, *, count: int, seconds: float, seed: int
) -> dict[str, list[Path]]:
    """``count`` paths of ``seconds`` in every group. The same seed gives every model the same gestures and draws."""
    rate = model.rate_hz
    steps = max(1, round(seconds * rate))
    found: dict[str, list[Path]] = {}
    for source in hands:
        paced = [(track, rate * seconds / track.seconds) for track in source.tracks]
        found[source.name] = [
            Path(mapping.path(track, model.known, rate_hz=pace).points[:steps], rate) for track, pace in paced
        ]
    for name, route in ROUTES.items():
        found[name] = [
            route.path(
                _beginning(model.known, k, seed=seed) if name == RECORDINGS else model.known,
                seconds=seconds,
                rate_hz=rate,
                generator=torch_generator(seed, name, k),
            )
            for k in range(count)
        ]
    found[NOISE] = [
        scattered(model.known, steps, rate_hz=rate, generator=torch_generator(seed, NOISE, k)) for k in range(count)
    ]
    return found
