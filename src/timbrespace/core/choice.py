"""A part by its name and settings, as they are written on a command line."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from typing import Any, TypeVar

from timbrespace.core.component import Component, build, catalogue
from timbrespace.core.errors import ParameterError, did_you_mean

Part = TypeVar("Part", bound=Component)


def names_of(family: type[Component]) -> tuple[str, ...]:
    """The names of a family's parts, in lower case."""
    return tuple(sorted(name.lower() for name in catalogue(family)))


def chosen_part(family: type[Part], kind: str, settings: Iterable[str] = (), *, what: str, **more: Any) -> Part:
    """The part ``kind`` (``"circle"``) of a family, with settings such as ``"radius=2"`` and ``"axes=1,3"``.

    A value is read as TOML, a list also without its brackets, else as plain text; ``more`` are arguments that are not
    written as text. ``what`` is what the family's parts are called. Raises :class:`ParameterError`.
    """
    classes = {name.lower(): name for name in catalogue(family)}
    if kind.lower() not in classes:
        raise ParameterError(f"There is no {what} {kind!r}. {did_you_mean(kind.lower(), classes)}")
    table: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals or not name.strip():
            raise ParameterError(f"A setting of a {what} reads name=value, as in axes=1,3, not {setting!r}.")
        table[name.strip()] = _value(text.strip())
    return build(family, {**table, **more, "kind": classes[kind.lower()]})


def _value(text: str) -> Any:
    if "\n" in text:  # more than one value would be read
        return text
    for spelled in (text, f"[{text}]" if "," in text else text):
        try:
            return tomllib.loads(f"value = {spelled}")["value"]
        except (tomllib.TOMLDecodeError, KeyError):
            continue
    return text
