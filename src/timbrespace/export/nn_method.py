"""What nn~ has to know of a method."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Method:
    """Channels and ratio in and out, and a name for every channel."""

    name: str
    params: tuple[int, int, int, int]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
