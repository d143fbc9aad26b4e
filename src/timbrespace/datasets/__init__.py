"""Data sets: what there is to learn from. A part describes one, ``prepare`` reads it once."""

from __future__ import annotations

from timbrespace.datasets.base import Dataset, Prepared, Skipped, Source, Split
from timbrespace.datasets.folder import SoundFolder

__all__ = ["Dataset", "Prepared", "Skipped", "SoundFolder", "Source", "Split"]
