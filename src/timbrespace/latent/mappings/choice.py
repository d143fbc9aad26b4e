"""A mapping by its name and settings, as they are written on the command line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from timbrespace.core.choice import chosen_part, names_of
from timbrespace.latent.mappings.base import Mapping


def mapping_names() -> tuple[str, ...]:
    """The names of all mappings, in lower case."""
    return names_of(Mapping)


def mapping_of(kind: str, settings: Iterable[str] = (), **more: Any) -> Mapping:
    """The mapping ``kind`` (``"pca"``) with settings such as ``"amount=0.8"``, and ``more`` (:func:`chosen_part`)."""
    return chosen_part(Mapping, kind, settings, what="mapping", **more)
