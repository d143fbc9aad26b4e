"""Tables of a grid file, checked key by key: every mistake is one sentence with its dotted place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from timbrespace.core.errors import RecipeError, did_you_mean

REQUIRED: Any = object()
"""In the place of a default: the key must be there."""

_SPELLED = {str: "text", int: "a whole number", float: "a number", dict: "a table", list: "a list"}
_NAME = re.compile(r"[a-z0-9][a-z0-9_.]*(-[a-z0-9_.]+)*")


class Reader:
    """Reads tables of one file; its errors begin with the file's name."""

    def __init__(self, file: str) -> None:
        self._file = file

    def error(self, sentence: str) -> RecipeError:
        """An error about this file."""
        return RecipeError(f"{self._file}: {sentence}")

    def table(self, table: object, where: str, **keys: tuple[type, Any]) -> dict[str, Any]:
        """The values of ``keys`` (type, default); raises for unknown or missing keys and wrong types."""
        if not isinstance(table, Mapping):
            raise self.error(f"'{where}' is {table!r}; it must be a table.")
        for key in table:
            if key not in keys:
                place = f" in '{where}'" if where else ""
                raise self.error(f"unknown key {key!r}{place}. {did_you_mean(key, keys)}")
        found = {}
        for key, (kind, default) in keys.items():
            if key not in table and default is REQUIRED:
                place = f"'{where}'" if where else "the file"
                raise self.error(f"{place} lacks {key!r}; it needs {_SPELLED[kind]}.")
            found[key] = self._typed(table[key], kind, f"{where}.{key}".lstrip(".")) if key in table else default
        return found

    def names(self, values: list[Any], where: str) -> list[str]:
        """A list of texts."""
        return [self._typed(value, str, f"{where}[{i}]") for i, value in enumerate(values)]

    def name(self, name: str, where: str) -> str:
        """A name that may become part of a folder's."""
        if not _NAME.fullmatch(name) or len(name) > 100:
            raise self.error(
                f"'{where}' is {name!r}; a name is of small letters, digits, '_', '.' and single '-' within, as in"
                " 'wae-imq'."
            )
        return name

    def _typed(self, value: object, kind: type, where: str) -> Any:
        fits = isinstance(value, kind) or (kind is float and isinstance(value, int))
        if not fits or (isinstance(value, bool) and kind is not bool):
            raise self.error(f"'{where}' is {value!r}; it must be {_SPELLED[kind]}.")
        return float(value) if kind is float else value  # type: ignore[arg-type]  # checked just above
