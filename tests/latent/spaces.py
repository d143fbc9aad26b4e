"""Surroundings made by hand: smooth random sounds of known variances in a space with a metric of its own."""

from __future__ import annotations

import torch

from timbrespace.latent.space import LatentSpace
from timbrespace.latent.surroundings import Surroundings

RATE = 20.0


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def surroundings(
    *, lengths: tuple[int, ...] = (40, 57, 90, 33, 120), dims: int = 4, seed: int = 0, metric: bool = True,
    start: torch.Tensor | None = None, end: torch.Tensor | None = None,
) -> Surroundings:  # fmt: skip
    draw = generator(seed)
    spread = torch.linspace(2.0, 0.5, dims)
    vectors = torch.cat(
        [torch.randn(dims, generator=draw) + 0.3 * torch.randn(n, dims, generator=draw).cumsum(0) for n in lengths]
    )
    vectors = 3.0 + spread * vectors
    source = torch.cat([torch.full((n,), i) for i, n in enumerate(lengths)])
    root = torch.randn(dims, dims, generator=draw)
    space = LatentSpace.fit(vectors, metric=root @ root.T + torch.eye(dims) if metric else None)
    return Surroundings(space, vectors, source, start=start, end=end)


def recording(steps: int, *, dims: int = 4, seed: int = 7) -> torch.Tensor:
    return 3.0 + 0.3 * torch.randn(steps, dims, generator=generator(seed)).cumsum(0)
