"""A route by its name and settings, as they are written on the command line."""

from __future__ import annotations

from collections.abc import Iterable

from timbrespace.core.choice import chosen_part, names_of
from timbrespace.latent.routes.base import Route


def route_names() -> tuple[str, ...]:
    """The names of all routes, in lower case."""
    return names_of(Route)


def route_of(kind: str, settings: Iterable[str] = ()) -> Route:
    """The route ``kind`` (``"circle"``) with settings such as ``"radius=2"`` (:func:`chosen_part`)."""
    return chosen_part(Route, kind, settings, what="path")
