"""Which layout a folder has: the one asked for, or the one that fits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from timbrespace.core.component import catalogue
from timbrespace.core.errors import ParameterError, did_you_mean
from timbrespace.datasets.layouts.base import Labels, Layout
from timbrespace.datasets.layouts.sub_folders import SubFolders

AUTO: Final = "auto"
NONE: Final = "none"


def check_layout(name: str) -> None:
    """Raise :class:`ParameterError` unless ``name`` is ``auto``, ``none`` or a layout."""
    known = [AUTO, NONE, *catalogue(Layout)]
    if name not in known:
        raise ParameterError(f"There is no layout {name!r}. {did_you_mean(name, known)}")


def read_labels(root: Path, names: Sequence[str], *, layout: str = AUTO) -> Labels:
    """What the layout called ``layout`` says about the sounds ``names`` of the folder ``root``.

    ``auto`` takes the first that recognises the folder, sub-folders if no other does; ``none`` says nothing.
    """
    if layout == NONE:
        return Labels(NONE)
    kinds = catalogue(Layout)
    if layout != AUTO:
        return kinds[layout]().read(root, names)
    special = (kind() for kind in kinds.values() if kind is not SubFolders)
    chosen = next((kind for kind in special if kind.recognise(root, names)), SubFolders())
    return chosen.read(root, names)
