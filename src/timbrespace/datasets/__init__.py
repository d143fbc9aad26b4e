"""Data sets: what there is to learn from. A part describes one, ``prepare`` reads it once."""

from __future__ import annotations

from timbrespace.datasets.base import Dataset, Prepared, Skipped, Source, Split
from timbrespace.datasets.folder import SoundFolder
from timbrespace.datasets.generated import Generated

__all__ = ["Dataset", "Generated", "Prepared", "Skipped", "SoundFolder", "Source", "Split"]
