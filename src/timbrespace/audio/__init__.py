"""Sound in and out."""

from __future__ import annotations

from timbrespace.audio.reading import Description, Recording, blocks, describe, read
from timbrespace.audio.resampling import resample
from timbrespace.audio.writing import Written, write, write_blocks

__all__ = ["Description", "Recording", "Written", "blocks", "describe", "read", "resample", "write", "write_blocks"]
