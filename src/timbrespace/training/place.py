"""The folder a training works in: whose it is, who may enter, and what a mishap leaves there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from timbrespace.codecs.bundle import CARD, CONFIG, LATENT, METRICS, PLAN, PREVIEW, RECIPE, RUN, WEIGHTS
from timbrespace.core.errors import Interrupted, StorageError
from timbrespace.core.files import PARTIAL, exclusive, storage_error, sweep

BUNDLE = frozenset({CONFIG, WEIGHTS, LATENT, RECIPE, METRICS, CARD, PREVIEW, RUN, "exports"})
"""All that a bundle's folder may hold."""

CHECKPOINTS = "checkpoints"
DIARY = (PLAN, "metrics.jsonl", CHECKPOINTS, "tensorboard")
"""All that a training writes into ``run``, the plan first: without it there is nothing to resume."""


def refuse_occupied(folder: Path, *, force: bool) -> None:
    """Raise :class:`StorageError` unless a training may begin in ``folder``; with ``force`` it replaces another."""
    if folder.exists() and not folder.is_dir():
        raise StorageError(f"{folder} is a file; --out names the folder of a model, choose another name.")
    names = {entry.name for entry in folder.iterdir()} if folder.exists() else set()
    finished, begun = (folder / CONFIG).is_file(), (folder / RUN / PLAN).is_file()
    if names - BUNDLE and not (begun or (finished and WEIGHTS in names)):
        raise StorageError(f"{folder} holds something else than a model; choose a new folder for --out.")
    if force or (not names - {RUN, PREVIEW} and not begun):  # at most what a crash left before anything was saved
        return
    if finished:
        raise StorageError(f"{folder} holds a trained model already; choose another --out or add --force.")
    if begun:
        raise StorageError(
            f"{folder} holds a training that has not finished; go on with 'timbrespace resume {folder}',"
            f" or add --force to start over."
        )
    raise StorageError(f"{folder} holds parts of a model; choose another --out or add --force to replace them.")


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Work in ``folder`` alone, swept of what a crash left unfinished.

    Raises :class:`StorageError` if another process works there or the disk refuses.
    """
    try:
        with exclusive(
            folder / RUN / "lock",
            sentence=f"Another training is at work in {folder}; wait for it or choose another --out.",
        ):
            for place in (folder, folder / RUN, folder / PREVIEW):
                sweep(place)
            yield
    except OSError as error:
        raise storage_error(error, folder) from error


@contextmanager
def begun(folder: Path) -> Iterator[Path]:
    """Yield an empty folder for the plan and the first checkpoint of a new training.

    Only when both stand does an earlier training in ``folder`` give way to them; the plan moves last. On an error
    (a full disk, say) the earlier one stays as it was, and a folder made for nothing is gone.
    """
    aside = folder / RUN / f".new{PARTIAL}run"
    try:
        aside.mkdir()
        yield aside
        _clear(folder)
        for name in (CHECKPOINTS, PLAN):
            os.replace(aside / name, folder / RUN / name)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        if not ((folder / CONFIG).exists() or (folder / RUN / PLAN).exists()):
            shutil.rmtree(folder / RUN, ignore_errors=True)
            if not any(folder.iterdir()):
                folder.rmdir()


def _clear(folder: Path) -> None:
    """Remove an earlier training from a folder: only what trainings write."""
    (folder / CONFIG).unlink(missing_ok=True)
    for path in (*(folder / RUN / name for name in DIARY), folder / PREVIEW):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


@contextmanager
def telling_how_to_resume(folder: Path) -> Iterator[None]:
    """Adds to a disk's refusal, and to Ctrl-C at an odd moment, how the training goes on."""
    then = f"go on with: timbrespace resume {folder}"
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(f"Stopped, the last checkpoint is kept; {then}") from None
    except (OSError, StorageError) as error:
        told = storage_error(error, folder) if isinstance(error, OSError) else error
        raise StorageError(f"{str(told).rstrip('.')}, and the last checkpoint is kept: then {then}") from error
