"""A journey through a space: a path and its sound, and a page that shows where it led and what was heard."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from timbrespace.audio.writing import write
from timbrespace.codecs.rendering import check_seconds, check_target, follow, with_suffix, write_path
from timbrespace.codecs.surroundings import surroundings_of
from timbrespace.core.codec import Codec, rate_hz
from timbrespace.core.files import atomic_file, write_json
from timbrespace.core.seeds import torch_generator
from timbrespace.datasets.base import Progress
from timbrespace.evaluation.journey_listening import Heard, hear, scattered
from timbrespace.evaluation.journey_page import Journey, numbers, write_page
from timbrespace.evaluation.journey_smoothness import Scores, score
from timbrespace.evaluation.report_files import check_report
from timbrespace.latent.routes.choice import route_of
from timbrespace.latent.surroundings import Surroundings

MOST_NOISES = 5
NOISE_SECONDS = 120.0
"""All noise paths together are about as long, so that the report of a long path does not take minutes; one there is
always."""


def travel(
    codec: Codec,
    kind: str,
    out: str | Path,
    *,
    settings: Iterable[str] = (),
    data: str | Path | None = None,
    start: str | Path | None = None,
    end: str | Path | None = None,
    seconds: float | None = None,
    seed: int = 0,
    report: str | Path | None = None,
    save_path: str | Path | None = None,
    model: str = "",
    force: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Travel a route of the space and write its sound; returns what was written, and with a report its numbers.

    ``kind`` and ``settings`` are as for :func:`~timbrespace.latent.routes.choice.route_of`, the recordings ``start``
    and ``end`` and the folder ``data`` as for :func:`~timbrespace.codecs.surroundings.surroundings_of`. ``report`` is
    an HTML file, beside which its numbers are written as JSON (``model`` is the name it calls the model by);
    ``save_path`` an ``.npz`` of the points, which ``decode`` turns into the same sound.
    """
    begun = time.monotonic()
    route = route_of(kind, settings)
    check_seconds(seconds)
    _check_targets(out, report, save_path, force=force)
    surroundings = surroundings_of(codec, data=data, start=start, end=end, seed=seed, progress=progress)
    path = follow(route, surroundings, rate_hz=rate_hz(codec), seconds=seconds, seed=seed)
    heard = hear(codec, path)
    found: dict[str, Any] = {"out": str(out), "seconds": heard.sound.shape[-1] / codec.sample_rate}
    page = ""
    if report is not None:
        scores = judge(codec, surroundings, heard, seed=seed)
        ends = tuple(None if e is None else Path(e).name for e in (start, end))
        journey = Journey(model, route, seed, codec, surroundings, heard, scores, (ends[0], ends[1]))
        page, table = write_page(journey), numbers(journey)
        found |= table | {"report": str(report), "took_seconds": round(time.monotonic() - begun, 1)}
    write(out, heard.sound, codec.sample_rate)
    if save_path is not None:
        write_path(codec, path, save_path, force=force)
        found["path"] = str(save_path)
    if report is not None:
        with atomic_file(report) as partial:
            partial.write_text(page, encoding="utf-8")
        write_json(Path(report).with_suffix(".json"), found)
    return found


def summary(found: dict[str, Any]) -> str:
    """What :func:`travel` did, in a line."""
    told = f"{found['out']}: {found['seconds']:.2f} s of sound"
    return f"{told}; open {found['report']} in a browser" if "report" in found else told


def judge(codec: Codec, surroundings: Surroundings, heard: Heard, *, seed: int) -> dict[str, Scores]:
    """The smoothness of one path beside its baselines (:func:`score`)."""
    steps, rate = len(heard.path.points), heard.path.rate_hz
    count = min(MOST_NOISES, max(1, round(NOISE_SECONDS * rate / steps)))
    generators = [torch_generator(seed, "noise", k) for k in range(count)]
    noises = (hear(codec, scattered(surroundings, steps, rate_hz=rate, generator=g)) for g in generators)
    return score(heard, noises, surroundings, generator=torch_generator(seed, "shuffled"))


def _check_targets(out: str | Path, report: str | Path | None, save_path: str | Path | None, *, force: bool) -> None:
    """Refuse places that cannot be written to before the work is done, not after it."""
    check_target(Path(out), force=force)
    if save_path is not None:
        check_target(with_suffix(save_path, ".npz"), force=force)
    if report is None:
        return
    check_report(report, force=force)
