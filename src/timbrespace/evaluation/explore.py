"""The report that tells what a space's dimensions do: one HTML file to read and to hear, its numbers as JSON."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from timbrespace.audio.descriptors import NAMES, on_scale
from timbrespace.codecs.loading import load_codec
from timbrespace.codecs.sound import SoundCodec
from timbrespace.codecs.space import space_of, stored_descriptors
from timbrespace.core.codec import Codec, require
from timbrespace.core.errors import DataError
from timbrespace.core.files import atomic_file, write_json
from timbrespace.datasets.base import Progress
from timbrespace.evaluation.exploration import KNOWN, Exploration
from timbrespace.evaluation.explore_listening import Journey, Listener, deviation_of
from timbrespace.evaluation.explore_map import draw_map
from timbrespace.evaluation.explore_numbers import numbers
from timbrespace.evaluation.explore_page import write_page
from timbrespace.evaluation.explore_survey import MOMENT_SECONDS, Moments, Survey, survey
from timbrespace.evaluation.explore_turning import turn_axes
from timbrespace.evaluation.report_files import check_report
from timbrespace.latent.directions import Directions, find_directions
from timbrespace.latent.space import LatentSpace

LISTENED = 3
"""Axes, and directions beside them, that are listened along."""
ALIKE = 0.8
"""Directions with a greater cosine between them sound alike: one of them is enough."""


def explore(
    model: str | Path | Codec,
    data: str | Path,
    out: str | Path,
    *,
    trust: bool = False,
    seed: int = 0,
    force: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Write a report of a model's space, seen through the sounds of a folder; returns its numbers.

    ``out`` is an HTML file in which all pictures and sounds lie; the numbers go beside it, with the ending ``.json``.
    A TorchScript file is opened only with ``trust``.
    """
    begun = time.monotonic()
    target = check_report(out, force=force)
    codec = _opened(model, trust=trust)
    name = Path(model).name if isinstance(model, str | Path) else type(model).__name__
    exploration = examine(codec, data, name=name, seed=seed, progress=progress)
    found = numbers(exploration)
    with atomic_file(target) as partial:
        partial.write_text(write_page(exploration, found), encoding="utf-8")
    found |= {"report": str(target), "took_seconds": round(time.monotonic() - begun, 1), "seed": seed}
    write_json(target.with_suffix(".json"), found)
    return found


@torch.no_grad()
def examine(
    codec: Codec, data: str | Path, *, name: str = "", seed: int = 0, progress: Progress | None = None
) -> Exploration:
    """Look at a codec's space through the sounds of a folder.

    Where these are the sounds the model was trained on (and perhaps others), the axes are fitted to those alone: they
    are then the axes of :func:`~timbrespace.codecs.space.space_of`, which instruments have.
    """
    tell: Callable[[int, str], None] = (lambda done, what: progress(done, 8, what)) if progress else _silently
    found = survey(codec, data, progress=progress)
    tell(0, "measuring the space")
    learned, trained = _learned_from(codec, found)
    fitted = slice(None, None, found.stride)
    vectors, heard, source = (t[learned][fitted] for t in (found.vectors, found.heard, found.source))
    space = _space(codec, vectors, heard, source, trained=trained)
    if space.informative(1.0) == 0:
        raise DataError(f"Every sound in {data} is at the same place of this space; give sounds that differ.")
    directions = find_directions(space.project(vectors), on_scale(heard), source)
    moments = found.moments(max(2, round(MOMENT_SECONDS * codec.sample_rate / codec.ratio)))
    tell(1, "turning every axis")
    turning = turn_axes(codec, space, found, moments)
    listener = Listener(codec, space, found, moments, seed=seed)
    axes = []
    for axis in range(min(LISTENED, space.informative(1.0))):
        tell(2 + axis, "listening along the axes")
        axes.append(_travel(listener, found, torch.eye(len(space.axes))[axis]))
    along = {}
    for count, descriptor in enumerate(_own_directions(directions)):
        tell(5 + count, "listening along what is heard")
        along[descriptor] = _travel(listener, found, directions.vectors[NAMES.index(descriptor)])
    tell(8, "drawing the map")
    drawn = draw_map(codec, space, found, seed=seed)
    tell(8, "writing the report")
    ends = [_ends(space, moments, axis) for axis in range(len(space.axes))]
    plain = LatentSpace.fit(vectors)
    return Exploration(
        name, codec, found, space, plain, trained, moments, turning, directions, axes, along, ends, drawn
    )


def _travel(listener: Listener, found: Survey, way: Tensor) -> Journey:
    """Along a direction from the 1 % to the 99 % quantile of the data."""
    places = (listener.space.project(found.vectors[:: found.stride]) @ way).sort().values
    low, high = (float(places[round(q * (len(places) - 1))]) for q in (0.01, 0.99))
    return listener.travel(way, ends=(low, high), deviation=float(deviation_of(places[:, None])))


def _own_directions(directions: Directions) -> list[str]:
    """Descriptors the space knows well enough to have a direction of their own, best known first."""
    chosen: list[int] = []
    for index in directions.explained.nan_to_num(-1.0).argsort(descending=True).tolist():
        known = float(directions.explained[index]) >= KNOWN
        alike = any(abs(float(directions.vectors[index] @ directions.vectors[c])) > ALIKE for c in chosen)
        if known and not alike and len(chosen) < LISTENED:
            chosen.append(index)
    return [NAMES[i] for i in chosen]


def _ends(space: LatentSpace, moments: Moments, axis: int) -> tuple[int, int]:
    """The numbers of the audible moments lowest and highest on an axis."""
    at = space.project(moments.position[moments.audible])[:, axis]
    return int(moments.audible[at.argmin()]), int(moments.audible[at.argmax()])


def _learned_from(codec: Codec, found: Survey) -> tuple[Tensor, bool]:
    """Which steps (step,) the axes are fitted to, and whether these are the training sounds': they are if nine tenths
    of those are here, else it is all steps.
    """
    bundle = codec.bundle if isinstance(codec, SoundCodec) else None
    learned = set(bundle.config.get("sounds", ())) if bundle is not None else set()
    here = torch.tensor([n in learned for n in found.names])
    if not learned or int(here.sum()) < 0.9 * len(learned):
        return torch.ones(len(found.vectors), dtype=torch.bool), False
    return here[found.source], True


def _space(codec: Codec, vectors: Tensor, heard: Tensor, source: Tensor, *, trained: bool) -> LatentSpace:
    """The space that instruments have, if its sounds are here; else that of these sounds, with the same metric."""
    stored = codec.latent if isinstance(codec, SoundCodec) else {}
    if isinstance(codec, SoundCodec) and trained and stored_descriptors(stored) is not None:
        return space_of(codec)
    return LatentSpace.fit(vectors, descriptors=heard, source=source, metric=stored.get("metric"))


def _opened(model: str | Path | Codec, *, trust: bool) -> Codec:
    opened = load_codec(model, trust=trust) if isinstance(model, str | Path) else model
    return require(opened, Codec, purpose="explore")


def _silently(done: int, what: str) -> None:
    """Tells nobody."""
