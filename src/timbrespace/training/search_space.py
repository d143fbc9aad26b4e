"""Which settings a sweep searches.

A TOML file of dotted places in a recipe, each with a range or choices::

[model.bottleneck]
latent_dim = { low = 2, high = 64, log = true }       # whole numbers, as both ends are
[training]
learning_rate = { low = 1e-4, high = 1e-2, log = true }
batch_size = { choices = [64, 128, 256] }
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from timbrespace.core.errors import RecipeError, did_you_mean
from timbrespace.training.recipe import SECTIONS
from timbrespace.training.toml_text import read_toml


@dataclass(frozen=True)
class Dimension:
    """One setting to search: between ``low`` and ``high`` (evenly in logarithms if ``log``), or among ``choices``."""

    place: str
    low: float | int = 0
    high: float | int = 0
    log: bool = False
    choices: tuple[Any, ...] = ()

    def suggest(self, trial: Any) -> Any:
        """A value, from an Optuna trial."""
        if self.choices:  # Optuna takes plain values only; a table among the choices is suggested as its text
            return json.loads(trial.suggest_categorical(self.place, [json.dumps(c) for c in self.choices]))
        suggest = trial.suggest_int if isinstance(self.low, int) else trial.suggest_float
        return suggest(self.place, self.low, self.high, log=self.log)

    def ends(self) -> tuple[Any, ...]:
        """Values that must be possible if all are to be."""
        return self.choices or (self.low, self.high)


def read_search(path: str | Path) -> tuple[Dimension, ...]:
    """The settings to search, from a TOML file; raises :class:`RecipeError` for anything wrong in it."""
    file = Path(path)
    tables = read_toml(file, what="search")
    for section in tables:
        name = section.partition(".")[0]
        if name not in SECTIONS:
            raise RecipeError(f"{file.name}: unknown section {name!r}. {did_you_mean(name, SECTIONS)}")
    space = tuple(_dimensions(tables, "", file.name))
    if not space:
        raise RecipeError(f"{file.name} names no setting to search; give one as name = {{ low = 1, high = 8 }}.")
    return space


def _dimensions(table: Mapping[str, Any], place: str, file: str) -> Iterator[Dimension]:
    for key, value in table.items():
        here = f"{place}.{key}".lstrip(".")
        if not isinstance(value, dict):
            raise RecipeError(f"{file}: '{here}' is {value!r}; give {{ low, high }} or {{ choices }} to search it.")
        if value.keys() & {"low", "high", "choices"}:
            yield _dimension(here, value, file)
        else:
            yield from _dimensions(value, here, file)


def _dimension(place: str, table: Mapping[str, Any], file: str) -> Dimension:
    known = {"choices"} if "choices" in table else {"low", "high", "log"}
    for key in table:
        if key not in known:
            raise RecipeError(f"{file}: unknown key {key!r} in '{place}'. {did_you_mean(key, known)}")
    if "choices" in table:
        choices = table["choices"]
        if not isinstance(choices, list) or len(choices) < 2:
            raise RecipeError(f"{file}: '{place}.choices' is {choices!r}; give a list of two values or more.")
        return Dimension(place, choices=tuple(choices))
    ends: list[Any] = [table.get("low"), table.get("high")]
    log = table.get("log", False)
    numbers = all(isinstance(e, int | float) and not isinstance(e, bool) and math.isfinite(e) for e in ends)
    if not numbers or not isinstance(log, bool) or not ends[0] < ends[1] or (log and ends[0] <= 0):
        raise RecipeError(
            f"{file}: '{place}' needs numbers low < high{' above 0, as log is true' if log is True else ''}; it has"
            f" low = {ends[0]}, high = {ends[1]}."
        )
    low, high = (int(e) if all(isinstance(e, int) for e in ends) else float(e) for e in ends)
    return Dimension(place, low, high, log)
