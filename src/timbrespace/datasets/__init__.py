"""Data sets: what there is to learn from. A part describes one, ``prepare`` reads it once."""

from __future__ import annotations

from timbrespace.datasets.base import Dataset, Prepared, Skipped, SoundPrepared, SoundSplit, Source, Split
from timbrespace.datasets.folder import SoundFolder
from timbrespace.datasets.generated import Generated
from timbrespace.datasets.images import Images

__all__ = [
    "Dataset",
    "Generated",
    "Images",
    "Prepared",
    "Skipped",
    "SoundFolder",
    "SoundPrepared",
    "SoundSplit",
    "Source",
    "Split",
]
