"""Any folder: what its sub-folders are called."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from timbrespace.datasets.layouts.base import Labels, Layout


class SubFolders(Layout):
    """Sub-folder names as labels: ``folder`` is the one a sound lies in, ``group`` the topmost, if that is another."""

    def recognise(self, root: Path, names: Sequence[str]) -> bool:
        return True

    def read(self, root: Path, names: Sequence[str]) -> Labels:
        return Labels(type(self).__name__, {name: _folders(name) for name in names})


def _folders(name: str) -> dict[str, str]:
    above = PurePosixPath(name).parts[:-1]
    labels = {"folder": above[-1] if above else "."}
    return labels | {"group": above[0]} if len(above) > 1 else labels
