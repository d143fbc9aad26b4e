"""Models side by side: what they rebuild, and where hands and other paths lead in them; one report."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from timbrespace.audio.output_stage import finish
from timbrespace.audio.resampling import resample
from timbrespace.codecs.loading import load_codec
from timbrespace.core.codec import Codec
from timbrespace.core.errors import ParameterError
from timbrespace.core.files import atomic_file, write_json
from timbrespace.core.shapes import Sound
from timbrespace.datasets.base import Progress, SoundSplit
from timbrespace.datasets.folder import SoundFolder
from timbrespace.evaluation.comparison.contestant import Contestant, contestant, evenly
from timbrespace.evaluation.comparison.heard import HeardPaths, RealSound
from timbrespace.evaluation.comparison.numbers import numbers
from timbrespace.evaluation.comparison.page import write_page
from timbrespace.evaluation.comparison.rebuilding import Rebuilt, rebuild
from timbrespace.evaluation.comparison.result import Comparison, GroupResult
from timbrespace.evaluation.comparison.scores import differences, scored
from timbrespace.evaluation.comparison.ways import BASELINES, NOISE, RECORDINGS, Hands, groups, read_hands, ways
from timbrespace.evaluation.report_files import check_report
from timbrespace.latent.coverage import Visits
from timbrespace.latent.mappings import Taught
from timbrespace.latent.mappings.choice import mapping_of
from timbrespace.latent.paths import Path as Way

PATHS, SECONDS = 12, 4.0
JUDGED_POINTS = 80
"""Points of a path whose places are judged, evenly spread, so that models of any rate are judged by as many."""
REBUILT, REBUILT_SECONDS = 24, 6.0
"""Sounds that every model rebuilds, and how much of each."""
PLAYED = 3
"""Sounds, and paths of every group, that the report plays."""


def compare(
    models: Sequence[str | Path | Codec],
    data: str | Path,
    out: str | Path,
    *,
    gestures: Sequence[str | Path] = (),
    mapping: str = "pca",
    paths: int = PATHS,
    seconds: float = SECONDS,
    seed: int = 0,
    trust: bool = False,
    force: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Write a report on models of sound side by side, seen through the sounds of a folder; returns its numbers.

    ``gestures`` are files or folders of motion, each a group of ``paths`` gestures; without any, only the paths that
    need no hand are sent. ``out`` is an HTML file in which all pictures and sounds lie; the numbers go beside it, with
    the ending ``.json``. ``.ts`` models are opened with ``trust`` alone.
    """
    begun = time.monotonic()
    target = check_report(out, force=force)
    if not models:
        raise ParameterError("A comparison needs a model, usually two or more; name their folders.")
    if paths < 4 or not 0.5 <= seconds <= 60:
        raise ParameterError(
            f"A comparison takes 4 paths or more of 0.5 to 60 s in each group, not {paths} of {seconds:g} s."
        )
    if isinstance(mapping_of(mapping), Taught):
        raise ParameterError("A comparison maps hands by pca, range or corpus; 'taught' needs examples of one model.")
    hands = read_hands(gestures, count=paths, seconds=seconds, seed=seed)
    found = examine(
        named(models, trust=trust), data, hands=hands, mapping=mapping, paths=paths, seconds=seconds, seed=seed,
        progress=progress,
    )  # fmt: skip
    table = numbers(found)
    with atomic_file(target) as partial:
        partial.write_text(write_page(found), encoding="utf-8")
    table |= {"report": str(target), "took_seconds": round(time.monotonic() - begun, 1)}
    write_json(target.with_suffix(".json"), table)
    return table


def named(models: Sequence[str | Path | Codec], *, trust: bool = False) -> dict[str, Codec]:
    """Models by the names of their folders or files, told apart where these are the same."""
    opened: dict[str, Codec] = {}
    for model in models:
        codec = load_codec(model, trust=trust) if isinstance(model, str | Path) else model
        name = Path(model).name if isinstance(model, str | Path) else type(model).__name__
        number = 1 + sum(n == name or n.startswith(f"{name} (") for n in opened)
        opened[name if number == 1 else f"{name} ({number})"] = codec
    return opened


@torch.no_grad()
def examine(
    codecs: dict[str, Codec],
    data: str | Path,
    *,
    hands: Sequence[Hands] = (),
    mapping: str = "pca",
    paths: int = PATHS,
    seconds: float = SECONDS,
    seed: int = 0,
    progress: Progress | None = None,
) -> Comparison:
    """Compare codecs on the sounds of a folder. Every number follows from ``seed``."""
    led = mapping_of(mapping)
    models: list[Contestant] = []
    for name, codec in codecs.items():
        _tell(progress, len(models), len(codecs), f"encoding the sounds with {name}")
        models.append(contestant(name, codec, data, seed=seed))
    rate = max(m.codec.sample_rate for m in models)
    split = _sounds(data, rate, channels=max(m.codec.channels for m in models))
    _tell(progress, 0, 1, "describing the sounds")
    real = RealSound.of(_judging(models[0], split), rate)
    results: dict[tuple[str, str], GroupResult] = {}
    for model in models:
        for group, routes in ways(model, hands, led, count=paths, seconds=seconds, seed=seed).items():
            _tell(progress, len(results), len(models) * len(groups(hands)), "travelling")
            results[model.name, group] = _travel(model, routes, real, rate, seed=seed)
    chosen, unseen = _to_rebuild(models, [s.name for s in split.sources])
    sounds = [split.sound(i)[:, : int(REBUILT_SECONDS * rate)] for i in chosen]
    rebuilt: dict[str, Rebuilt] = {}
    for model in models:
        _tell(progress, len(rebuilt), len(models), "rebuilding sounds")
        rebuilt[model.name] = rebuild(model, sounds, rate, kept=PLAYED)
    originals = [(split.sources[i].name, sound) for i, sound in zip(chosen[:PLAYED], sounds, strict=False)]
    decided = differences(
        {key: result.scores for key, result in results.items()}, _pairs(models, [h.name for h in hands])
    )
    return Comparison(
        models, list(hands), mapping, groups(hands), results, rebuilt, originals, unseen, decided, rate, seconds, seed
    )


def _sounds(data: str | Path, rate: int, *, channels: int) -> SoundSplit:
    folder = SoundFolder(path=str(data), sample_rate=rate, channels=channels, validation=0.0, test=0.0)
    return folder.prepare().split("train")


def _judging(model: Contestant, split: SoundSplit) -> list[Sound]:
    """The sounds of the half that judges; it is the same in every model."""
    judging = {model.reference.names[i] for i in model.reference.source.unique().tolist()}
    return [split.sound(i) for i, source in enumerate(split.sources) if source.name in judging]


def _travel(model: Contestant, routes: list[Way], real: RealSound, rate: int, *, seed: int) -> GroupResult:
    """Send a group of paths through a model, and judge places and sounds."""
    places = [model.known.space.project(p.points[evenly(len(p.points), JUDGED_POINTS)]) for p in routes]
    visits = Visits.of(model.ground, places)
    own = model.codec.sample_rate
    sounds = [finish(model.codec.decode(p.latents())[0], own) for p in routes]
    heard = HeardPaths.of([resample(s, own, rate) for s in sounds], real, rate)
    return GroupResult(
        scored(model.ground, real, visits, heard, seed=seed),
        heard.against(real),
        visits.ranges(model.ground).tolist(),
        routes,
        sounds[:PLAYED],
    )


def _to_rebuild(models: Sequence[Contestant], names: Sequence[str]) -> tuple[list[int], int]:
    """Numbers of the sounds that are rebuilt, evenly chosen, and how many of all no model was trained on: these alone,
    if they are enough.
    """
    learned = frozenset[str]().union(*(m.learned for m in models))
    fresh = [i for i, n in enumerate(names) if n not in learned]
    pool = fresh if len(fresh) >= min(REBUILT, len(names)) // 2 and fresh else list(range(len(names)))
    at = torch.linspace(0, len(pool) - 1, min(REBUILT, len(pool))).round().long().tolist()
    chosen = [pool[i] for i in at]
    return chosen, sum(i in set(fresh) for i in chosen)


def _pairs(models: Sequence[Contestant], hands: Sequence[str]) -> list[tuple[tuple[str, str], tuple[str, str]]]:
    """Within each model every group beside the recordings, hands beside walk and noise too; and between models each
    group of hands, or the walk where there are none, in every later model beside the first.
    """
    pairs = []
    for model in models:
        others = [*hands, *(g for g in BASELINES if g != RECORDINGS)]
        pairs += [((model.name, g), (model.name, RECORDINGS)) for g in others]
        pairs += [((model.name, h), (model.name, other)) for h in hands for other in ("walk", NOISE)]
    first = models[0].name
    pairs += [((m.name, g), (first, g)) for m in models[1:] for g in (hands or ["walk"])]
    return pairs


def _tell(progress: Progress | None, done: int, total: int, what: str) -> None:
    if progress is not None:
        progress(done, total, what)
