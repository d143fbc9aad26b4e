"""The demonstration: sounds, a space, a report, in a few minutes and without any download."""

from __future__ import annotations

import shutil
import sys
import time
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from timbrespace.audio.output_stage import finish
from timbrespace.audio.writing import write
from timbrespace.codecs.bundle import METRICS
from timbrespace.codecs.loading import load_sound
from timbrespace.codecs.rendering import make_path
from timbrespace.codecs.sound import SoundCodec
from timbrespace.core.errors import StorageError
from timbrespace.core.files import storage_error
from timbrespace.datasets.folder import SoundFolder
from timbrespace.datasets.synthetic.library import write_library
from timbrespace.evaluation.model_report import Copy, Journey, copy_of, write_model_report
from timbrespace.training.run import train


@dataclass(frozen=True)
class Plan:
    """A journey to be made: its file's name, heading, explanation, kind and seconds."""

    name: str
    title: str
    text: str
    kind: str
    seconds: float


JOURNEYS = (
    Plan(
        "line",
        "From chords to drums, straight",
        "Two loops of the space: the chords play on, over and over, while every moment of them turns into drums.",
        "line",
        10.0,
    ),
    Plan(
        "slerp",
        "From chords to drums, along an arc",
        "The same two ends, but keeping the distance from the centre of the space: it passes through fewer grey,"
        " average sounds.",
        "slerp",
        10.0,
    ),
    Plan(
        "walk",
        "A walk where nothing was recorded",
        "A smooth random walk with the spread of the training sounds. It is no mixture of recordings: every moment is"
        " decoded from a point.",
        "walk",
        12.0,
    ),
)
MARKER = "demo.txt"
"""Written first: whatever happens afterwards, the next demo knows the folder as its own."""
SHOWN = ("loops/*", "loops/*drums*", "loops/*chords*", "notes/bowed/*", "notes/struck/*", "notes/plucked/*", "hits/*")
MOST_SHOWN = 5
"""One unseen sound of each of these is copied, where the test split holds one, up to so many."""


def run_demo(out: Path, *, minutes: float = 2.0, seed: int = 0, force: bool = False) -> dict[str, Any]:
    """Make sounds, train on them, and write ``report.html``, copies and journeys to the folder ``out``.

    Returns the places and the main figures. Raises :class:`StorageError` if ``out`` is in use and not ``force``.
    """
    started = time.monotonic()
    _prepare(out, force=force)
    _tell("making sounds: loops, notes and hits")
    sounds = out / "sounds"
    write_library(sounds, seed=seed, force=True)
    _tell(f"training a space of them for {minutes:g} minutes")
    alone = ["data.company=0.0"]  # these sounds need no generated company: they are generated
    train("temporal-vae", sounds, out=out / "model", minutes=minutes, seed=seed, settings=alone, force=True)
    codec = load_sound(out / "model")
    _tell("rebuilding unseen sounds and travelling between them")
    (out / "rebuilt").mkdir()
    copies = _write_copies(codec, sounds, out / "rebuilt")
    journeys = [_write_journey(codec, out, plan, seed=seed) for plan in JOURNEYS]
    report = out / "report.html"
    write_model_report(codec, copies, journeys, report)
    unseen = codec.bundle.table(METRICS)["test"] if codec.bundle is not None else {}
    return {
        "report": str(report),
        "model": str(out / "model"),
        "sounds": len(list(sounds.rglob("*.flac"))),
        "seconds": round(time.monotonic() - started, 1),
        "explained_unseen": round(1 - unseen["share"], 4),
        "error_relative_to_pca": round(unseen["ratio"], 4),
    }


def _prepare(out: Path, *, force: bool) -> None:
    if out.exists() and not out.is_dir():
        raise StorageError(f"{out} is a file; --out names the folder of a demo, choose another name.")
    if out.exists() and any(out.iterdir()):
        if not (out / MARKER).is_file():
            raise StorageError(f"{out} holds something else than a demo; choose another --out, it is not touched.")
        if not force:
            raise StorageError(f"{out} holds a demo already; choose another --out or add --force to replace it.")
        shutil.rmtree(out)
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / MARKER).write_text("Made by 'timbrespace demo', which may replace this folder.\n", encoding="utf-8")
    except OSError as error:
        raise storage_error(error, out) from error


def _write_copies(codec: SoundCodec, sounds: Path, folder: Path) -> list[Copy]:
    split = SoundFolder(path=str(sounds)).prepare().split("test")
    names = [s.name for s in split.sources]
    found = (next((n for n in names if fnmatch(n, pattern)), None) for pattern in SHOWN)
    chosen = list(dict.fromkeys(n for n in found if n is not None))[:MOST_SHOWN]
    copies = []
    for name in chosen or names[:MOST_SHOWN]:
        made = copy_of(codec, Path(name).stem, split.sound(names.index(name))[:, : 5 * codec.sample_rate])
        copies.append(made)
        write(folder / f"{made.name}-original.wav", made.original, codec.sample_rate)
        write(folder / f"{made.name}-rebuilt.wav", finish(made.rebuilt, codec.sample_rate), codec.sample_rate)
    return copies


def _write_journey(codec: SoundCodec, out: Path, plan: Plan, *, seed: int) -> Journey:
    ends = (next(iter(sorted((out / "sounds" / "loops").glob(p)))) for p in ("*chords*", "*drums*"))
    start, end = ends if plan.kind != "walk" else (None, None)
    path = make_path(codec, plan.kind, start=start, end=end, seconds=plan.seconds, seed=seed)
    sound = finish(codec.decode(path.latents())[0], codec.sample_rate)
    write(out / f"{plan.name}.wav", sound, codec.sample_rate)
    return Journey(plan.name, plan.title, plan.text, path, sound, smooth=plan.kind == "walk")


def _tell(what: str) -> None:
    print(what, file=sys.stderr, flush=True)
