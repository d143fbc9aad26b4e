"""Cells of a benchmark: one variant trained on one data set from one seed, in a folder of its own."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from timbrespace.core.errors import DataError, StorageError, did_you_mean
from timbrespace.core.files import write_json
from timbrespace.evaluation.benchmark.design import Grid
from timbrespace.training.recipe import Recipe

NAMED_DATA = ("mnist", "fashion", "digits")
CELL, RESULT, FAILED, MODEL = "cell.json", "result.json", "failed.json", "model"
EXAMPLES, PICTURES = "examples.safetensors", "pictures.safetensors"
CELLS, EARLIER = "cells", "earlier"

State = Literal["finished", "begun", "new", "other"]


@dataclass(frozen=True)
class Cell:
    """What one process trains and measures; ``source`` is what a training takes as its data.

    ``content`` is the fingerprint of the pictures there (empty in benchmarks from before it was kept).
    """

    data: str
    source: str
    variant: str
    seed: int
    recipe: Recipe
    content: str = ""

    @property
    def key(self) -> str:
        """The cell's folder below ``cells``, and its name in messages."""
        return f"{self.data}/{self.variant}/seed-{self.seed}"

    @property
    def fingerprint(self) -> str:
        """A hash of everything that decides what is trained."""
        decisive = [self.recipe.sections, self.source, self.seed, *filter(None, [self.content])]
        text = json.dumps(decisive, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    def folder(self, out: Path) -> Path:
        """Where the cell is kept in the folder of a benchmark."""
        return out / CELLS / self.key

    def state(self, out: Path) -> State:
        """Finished, begun, new, or begun for another recipe (``"other"``)."""
        folder = self.folder(out)
        try:
            stored = json.loads((folder / CELL).read_text(encoding="utf-8"))["fingerprint"]
        except (OSError, ValueError, TypeError, KeyError):
            return "other" if folder.is_dir() and any(folder.iterdir()) else "new"
        if stored != self.fingerprint:
            return "other"
        return "begun" if read_result(folder) is None else "finished"

    def begin(self, out: Path) -> None:
        """Make the folder and write whose it is; a cell of another recipe in its place is kept under ``earlier``.

        What was kept there from this very recipe comes back instead.
        """
        folder = self.folder(out)
        if self.state(out) == "other":
            stored = _stored_fingerprint(folder)
            aside = out / EARLIER / self.key / stored
            number = 1
            while aside.exists():
                number += 1
                aside = aside.with_name(f"{stored}-{number}")
            aside.parent.mkdir(parents=True, exist_ok=True)
            os.replace(folder, aside)
        kept = out / EARLIER / self.key / self.fingerprint[:12]
        if not folder.exists() and kept.is_dir():
            folder.parent.mkdir(parents=True, exist_ok=True)
            os.replace(kept, folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FAILED).unlink(missing_ok=True)
        sections = self.recipe.sections
        write_json(folder / CELL, {"fingerprint": self.fingerprint, "data": self.source, "recipe": sections})


def make_cells(
    grid: Grid, sources: Mapping[str, str], *, seeds: int, contents: Mapping[str, str] | None = None
) -> list[Cell]:
    """All cells, ordered so that every variant has its first seed before any has its second.

    ``contents`` are the fingerprints of the pictures by the labels of ``sources``.
    """
    known = contents or {}
    return [
        Cell(
            data,
            source,
            variant.name,
            seed,
            Recipe(variant.name, variant.title, variant.sections),
            known.get(data, ""),
        )
        for seed in range(seeds)
        for data, source in sources.items()
        for variant in grid.variants
    ]


def data_sources(names: Sequence[str]) -> dict[str, str]:
    """``{label: what a training takes}`` of data sets given by name or as folders.

    Raises :class:`~timbrespace.core.errors.DataError` for a folder that is not there or a label met twice.
    """
    found: dict[str, str] = {}
    for name in names:
        if not name.strip():
            raise DataError("A data set without a name was given; name it, or give its folder ('.' is this one).")
        if name in NAMED_DATA:
            label, source = name, name
        else:
            folder = Path(name).expanduser()
            if not folder.is_dir():
                raise DataError(f"There is no data set or folder {name!r}. {did_you_mean(name, NAMED_DATA)}")
            source = str(folder.resolve())
            label = re.sub(r"[^a-z0-9]+", "-", Path(source).name.lower()).strip("-") or "data"
        if label in found:
            raise DataError(f"Data set {label!r} was given twice; results go by that name, give each once.")
        found[label] = source
    if not found:
        raise DataError(f"No data set was given. {did_you_mean('', NAMED_DATA)}")
    return found


def read_result(folder: Path) -> dict[str, Any] | None:
    """The result of a finished cell; nothing where there is none or it is not whole."""
    try:
        result = json.loads((folder / RESULT).read_text(encoding="utf-8"))
        measures, cost = result["measures"], result["cost"]
        whole = all(v is None or (isinstance(v, int | float) and math.isfinite(v)) for v in measures.values())
        return result if whole and isinstance(cost, dict) and isinstance(result["curve"], dict) else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def refuse_other_folder(out: Path, marker: str) -> None:
    """Raise :class:`StorageError` if ``out`` is a file, or a folder that holds something else than a benchmark."""
    if out.exists() and not out.is_dir():
        raise StorageError(f"{out} is a file; --out names the folder of a benchmark, choose another name.")
    strange = out.is_dir() and not (out / marker).is_file() and any(p.name != ".lock" for p in out.iterdir())
    if strange:
        raise StorageError(f"{out} holds something else than a benchmark; choose a new folder for --out.")


def _stored_fingerprint(folder: Path) -> str:
    try:
        return str(json.loads((folder / CELL).read_text(encoding="utf-8"))["fingerprint"])[:12]
    except (OSError, ValueError, TypeError, KeyError):
        return "unknown"
