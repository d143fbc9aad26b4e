"""Recipes: one TOML file that says everything about a training."""

from __future__ import annotations

import copy
import json
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from timbrespace.core.errors import RecipeError, did_you_mean

SECTIONS = ("data", "transform", "model", "training")


@dataclass(frozen=True)
class Recipe:
    """A recipe's name, its opening comment, and the tables of its four sections."""

    name: str
    description: str
    sections: dict[str, dict[str, Any]]

    def override(self, settings: Iterable[str]) -> Recipe:
        """The recipe with settings such as ``"model.bottleneck.latent_dim=8"`` applied.

        A value is read as TOML (``8``, ``true``, ``[0.9, 0.99]``, ``"text"``), else as plain text.
        """
        sections = copy.deepcopy(self.sections)
        for setting in settings:
            _set(sections, setting)
        return Recipe(self.name, self.description, sections)


def recipe_names() -> list[str]:
    """The recipes that come with timbrespace."""
    folder = resources.files("timbrespace.recipes")
    return sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml"))


def recipe_text(name: str) -> str:
    """The TOML text of a recipe that comes with timbrespace, or of a file."""
    if name.endswith(".toml") or "/" in name or "\\" in name:
        path = Path(name)
        if not path.is_file():
            raise RecipeError(f"There is no recipe file {name}; give a .toml file or one of {_list()}.")
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RecipeError(f"Recipe file {name} cannot be read ({error}); give a TOML file in UTF-8.") from None
    if name not in recipe_names():
        raise RecipeError(f"There is no recipe {name!r}. {did_you_mean(name, recipe_names())}")
    return (resources.files("timbrespace.recipes") / f"{name}.toml").read_text(encoding="utf-8")


def read_recipe(name: str) -> Recipe:
    """A recipe by name or by the path of its TOML file.

    Raises :class:`RecipeError` for an unknown name, bad TOML, an unknown or a missing section.
    """
    text = recipe_text(name)
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"Recipe {name} is not valid TOML: {error}.") from None
    for section in tables:
        if section not in SECTIONS:
            raise RecipeError(f"Recipe {name} has an unknown section {section!r}. {did_you_mean(section, SECTIONS)}")
    for section in SECTIONS:
        if not isinstance(tables.get(section, {}), dict) or (section != "transform" and section not in tables):
            raise RecipeError(f"Recipe {name} lacks the section [{section}]; add it.")
    return Recipe(Path(name).stem, _opening_comment(text), tables)


def _opening_comment(text: str) -> str:
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.lstrip("# ").rstrip())
    return "\n".join(lines).strip()


def _set(sections: dict[str, dict[str, Any]], setting: str) -> None:
    path, equals, text = setting.partition("=")
    keys = path.strip().split(".")
    if not equals or len(keys) < 2 or not all(keys):
        raise RecipeError(f"A setting reads section.key=value, as in model.bottleneck.latent_dim=8, not {setting!r}.")
    if keys[0] not in SECTIONS:
        raise RecipeError(f"There is no section {keys[0]!r} in a recipe. {did_you_mean(keys[0], SECTIONS)}")
    table: dict[str, Any] = sections.setdefault(keys[0], {})
    for key in keys[1:-1]:
        table = table.setdefault(key, {})
        if not isinstance(table, dict):
            raise RecipeError(f"In {path.strip()!r}, {key!r} is a value, not a table; nothing can be set below it.")
    table[keys[-1]] = _value(text.strip())


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _list() -> str:
    return ", ".join(json.dumps(n) for n in recipe_names())
