"""What every member of every family must satisfy, and how one is made for a contract."""

from __future__ import annotations

import json
from typing import Any, TypeVar

import torch

from timbrespace.core.component import Component, build, catalogue

C = TypeVar("C", bound=Component)

WIRED: dict[str, Any] = {
    "sample_rate": 22_050,
    "n_features": 24,
    "n_channels": 1,
    "n_frames": 32,
    "latent_dim": 3,
    "n_statistics": 6,
    "n_parameters": 1,
}
"""Values of wired arguments in all contracts: every exported class must build from its name and these alone."""


def members(family: type[Component]) -> list[str]:
    """The names a contract runs over."""
    names = sorted(catalogue(family))
    assert names, f"the catalogue of {family.__name__} is empty"
    return names


def make(family: type[C], kind: str, **settings: Any) -> C:
    """A member with default settings, reproducibly initialised."""
    torch.manual_seed(0)
    return build(family, {"kind": kind, **settings}, wired=WIRED)


def check_config(part: Component, family: type[Component]) -> None:
    """The configuration is plain data, and builds the same part again."""
    table = json.loads(json.dumps(part.config()))
    assert build(family, table).config() == part.config()
    for name in part.arguments():
        assert hasattr(part, name), f"{type(part).__name__} does not store {name!r} under its own name"
