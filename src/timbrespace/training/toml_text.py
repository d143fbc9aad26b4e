"""TOML files: tables read with one sentence for whatever is wrong, and written, which Python does not do."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from timbrespace.core.errors import RecipeError


def read_toml(file: Path, *, what: str) -> dict[str, Any]:
    """The tables of a TOML file; raises :class:`RecipeError`, where ``what`` says what sort of file was asked for."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecipeError(f"There is no {what} file {file}; give the path of a TOML file.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"The {what} file {file} cannot be read ({error}); give a TOML file in UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"The {what} file {file} is not valid TOML: {error}.") from None


def toml_text(tables: Mapping[str, Any]) -> str:
    """Tables as TOML text, every nested table under a heading of its own; ``None`` values are left out.

    >>> print(toml_text({"model": {"kind": "AutoEncoder", "prior": {"kind": "Normal"}}}), end="")
    [model]
    kind = "AutoEncoder"
    <BLANKLINE>
    [model.prior]
    kind = "Normal"
    """
    return "\n".join(_toml_tables(tables, "")).lstrip("\n") + "\n"


def _toml_tables(table: Mapping[str, Any], place: str) -> Iterator[str]:
    plain = {key: value for key, value in table.items() if value is not None and not isinstance(value, Mapping)}
    if place and (plain or not any(isinstance(v, Mapping) for v in table.values())):
        yield f"\n[{place}]"
    yield from (f"{_toml_key(key)} = {_toml_value(value)}" for key, value in plain.items())
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _toml_tables(value, f"{place}.{_toml_key(key)}".lstrip("."))


def _toml_key(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() and key.isascii() else json.dumps(key)


def _toml_value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml_value(v) for v in value) + "]"
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_toml_key(k)} = {_toml_value(v)}" for k, v in value.items()) + " }"
    return repr(value)
