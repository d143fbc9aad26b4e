"""The results of a benchmark as its folder holds them: what is finished, and what each variant measured."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from timbrespace.core.errors import StorageError
from timbrespace.core.files import write_json
from timbrespace.evaluation.benchmark.cells import EXAMPLES, FAILED, Cell, make_cells, read_result
from timbrespace.evaluation.benchmark.columns import COLUMNS, COSTS
from timbrespace.evaluation.benchmark.design import Grid
from timbrespace.evaluation.benchmark.statistics import Interval, crossed_interval, mean_interval, paired_difference

BENCHMARK = "benchmark.json"
FORMAT = 1


def write_design(
    out: Path,
    grid: Grid,
    sources: Mapping[str, str],
    seeds: int,
    *,
    contents: Mapping[str, str] | None = None,
    idle: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Keep what a benchmark is about in its folder; ``contents`` and ``idle`` are explained at :class:`Results`."""
    design = {"data": dict(sources), "contents": dict(contents or {}), "idle": dict(idle or {}), "seeds": seeds}
    write_json(out / BENCHMARK, {"format": FORMAT, **design, "grid": asdict(grid)})


def idle_words(idle: Mapping[str, Sequence[str]]) -> str:
    """Weights without a term and their variants, in words; variants with the same ones together.

    >>> idle_words({"a": ["mmd"], "b": ["kl", "mmd"], "c": ["mmd"]})
    'mmd: a, c; kl, mmd: b'
    """
    groups: dict[tuple[str, ...], list[str]] = {}
    for variant, weights in idle.items():
        groups.setdefault(tuple(weights), []).append(variant)
    return "; ".join(f"{', '.join(weights)}: {', '.join(names)}" for weights, names in groups.items())


@dataclass(frozen=True)
class Results:
    """A benchmark's design and what is finished of it; ``finished`` holds ``result.json`` by cell key.

    ``failed`` says why a cell has no result, by key; a cell in neither has not been trained yet. ``contents`` are the
    fingerprints of the pictures by data set; ``idle`` the loss weights that a variant has no term for, by variant.
    """

    out: Path
    grid: Grid
    sources: dict[str, str]
    seeds: int
    finished: dict[str, dict[str, Any]]
    failed: dict[str, str]
    contents: dict[str, str] = field(default_factory=dict)
    idle: dict[str, list[str]] = field(default_factory=dict)
    _stored: dict[Path, dict[str, np.ndarray]] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def read(cls, out: str | Path) -> Results:
        """What the folder ``out`` holds; raises :class:`StorageError` if it is not a benchmark's."""
        from pydantic import TypeAdapter

        folder = Path(out)
        try:
            table = json.loads((folder / BENCHMARK).read_text(encoding="utf-8"))
            if table["format"] > FORMAT:
                raise StorageError(f"{folder} was written by a newer timbrespace; read it with that one.")
            grid = TypeAdapter(Grid).validate_python(table["grid"])
            sources, seeds = dict(table["data"]), int(table["seeds"])
            contents, idle = dict(table.get("contents", {})), dict(table.get("idle", {}))  # later than the format
        except (FileNotFoundError, NotADirectoryError):
            raise StorageError(
                f"{folder} holds no benchmark; make one with 'timbrespace bench autoencoders'."
            ) from None
        except (ValueError, TypeError, KeyError) as error:
            raise StorageError(f"{folder / BENCHMARK} is damaged ({error}); run the benchmark again.") from None
        cells = make_cells(grid, sources, seeds=seeds, contents=contents)
        finished = {c.key: read_result(c.folder(folder)) for c in cells if c.state(folder) == "finished"}
        failed = {c.key: reason for c in cells if c.key not in finished and (reason := _failure(c, folder))}
        whole = {key: result for key, result in finished.items() if result is not None}
        return cls(folder, grid, sources, seeds, whole, failed, contents, idle)

    @property
    def data(self) -> tuple[str, ...]:
        """The labels of the data sets."""
        return tuple(self.sources)

    def folder(self, data: str, variant: str, seed: int) -> Path:
        """The folder of a cell."""
        return self.out / "cells" / data / variant / f"seed-{seed}"

    def result(self, data: str, variant: str, seed: int) -> dict[str, Any] | None:
        """The content of a finished cell's ``result.json``."""
        return self.finished.get(f"{data}/{variant}/seed-{seed}")

    def values(self, measure: str, data: str, variant: str) -> Float[np.ndarray, " seed"]:
        """A measure of every seed, NaN where it is not known."""
        section = "cost" if measure in COSTS else "measures"
        found = [self.result(data, variant, seed) for seed in range(self.seeds)]
        numbers = [None if r is None else r[section].get(measure) for r in found]
        return np.array([np.nan if n is None else float(n) for n in numbers])

    def examples(self, measure: str, data: str, variant: str) -> Float[np.ndarray, "seed example"] | None:
        """A measure of every seed on every test example, NaN in the rows of seeds that are not known.

        Nothing where the measure is not one of examples, or seeds saw different ones.
        """
        column = COLUMNS.get(measure)
        if column is None or not column.per_example:
            return None
        known = np.isfinite(self.values(measure, data, variant))
        rows = [self._of_examples(measure, data, variant, s) if k else None for s, k in enumerate(known)]
        lengths = {len(row) for row in rows if row is not None}
        if len(lengths) != 1 or any(row is None for row, k in zip(rows, known, strict=True) if k):
            return None
        length = lengths.pop()
        return np.stack([np.full(length, np.nan) if row is None else row for row in rows])

    def interval(self, measure: str, data: str, variant: str) -> Interval:
        """The mean of a measure over seeds (and test examples) with its interval."""
        examples = self.examples(measure, data, variant)
        return mean_interval(self.values(measure, data, variant)) if examples is None else crossed_interval(examples)

    def difference(self, measure: str, data: str, variant: str, against: str, *, factor: float = 1.0) -> Interval:
        """How much higher a measure of ``variant`` is than ``factor`` times that of ``against``, paired."""
        a, b = self.examples(measure, data, variant), self.examples(measure, data, against)
        if a is None or b is None or a.shape != b.shape:
            a, b = self.values(measure, data, variant), self.values(measure, data, against)
        return paired_difference(a, b, factor=factor)

    def cells(self) -> list[Cell]:
        """All cells of the design."""
        return make_cells(self.grid, self.sources, seeds=self.seeds, contents=self.contents)

    def _of_examples(self, measure: str, data: str, variant: str, seed: int) -> np.ndarray | None:
        file = self.folder(data, variant, seed) / EXAMPLES
        if file not in self._stored:
            self._stored[file] = _read_examples(file)
        return self._stored[file].get(measure)


def _read_examples(file: Path) -> dict[str, np.ndarray]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return {name: values.astype(np.float32).reshape(-1) for name, values in load_file(file).items()}
    except (OSError, SafetensorError):
        return {}


def _failure(cell: Cell, out: Path) -> str | None:
    try:
        return str(json.loads((cell.folder(out) / FAILED).read_text(encoding="utf-8"))["error"])
    except (OSError, ValueError, TypeError, KeyError):
        return None
