"""timbrespace turns a folder of sounds into a timbre space, and that space into an instrument.

>>> import timbrespace
>>> bundle = timbrespace.train("temporal-vae", "my_sounds/", out="runs/mine")   # doctest: +SKIP
>>> latents = bundle.encode(timbrespace.read("a.wav").wave[None])               # doctest: +SKIP

Importing this package starts nothing: every name below is fetched when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from timbrespace.core.version import __version__

if TYPE_CHECKING:
    from timbrespace.audio.reading import read as read
    from timbrespace.audio.writing import write as write
    from timbrespace.codecs.loading import load as load
    from timbrespace.evaluation.explore import explore as explore
    from timbrespace.training.run import train as train


_HOME = {
    "explore": "timbrespace.evaluation.explore",
    "read": "timbrespace.audio.reading",
    "write": "timbrespace.audio.writing",
    "load": "timbrespace.codecs.loading",
    "train": "timbrespace.training.run",
}

__all__ = ["__version__", "explore", "load", "read", "train", "write"]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'timbrespace' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
