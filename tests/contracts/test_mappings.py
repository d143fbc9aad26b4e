"""The contract of mappings from motion to paths, and proof that it notices mistakes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from tests.contracts.common import check_config, make, members
from timbrespace.core.errors import ParameterError
from timbrespace.latent.mappings import Mapping
from timbrespace.latent.paths import Points
from timbrespace.latent.space import LatentSpace
from timbrespace.latent.surroundings import Surroundings
from timbrespace.motion.track import Track

LATENTS = 4
SETTINGS: dict[str, dict[str, Any]] = {
    "Taught": {
        "times": (0.2, 1.0, 1.7),
        "latents": tuple(tuple(float(i + j) for j in range(LATENTS)) for i in range(3)),
    }
}
"""What a mapping cannot do without."""


def surroundings(*, start: bool = False) -> Surroundings:
    g = torch.Generator().manual_seed(0)
    vectors = torch.randn(400, LATENTS, generator=g) * torch.tensor([2.0, 1.0, 0.5, 0.25]) + 3.0
    recording = vectors[:30] if start else None
    return Surroundings(LatentSpace.fit(vectors), vectors, torch.arange(400) // 40, start=recording)


def motion(*, steps: int = 60) -> Track:
    at = torch.arange(steps) / 30.0
    values = torch.stack([torch.sin(4 * at), 0.6 * torch.cos(3 * at), 0.3 * at], dim=1)
    return Track(values, ("x", "y", "z"), 30.0, "a hand")


def check_mapping(mapping: Mapping) -> None:
    """Length and rate are kept; the same motion gives the same path, whatever its units; what rests, rests."""
    around, hand = surroundings(), motion()
    path = mapping.path(hand, around, rate_hz=21.5)
    assert path.points.shape == (43, LATENTS)
    assert path.points.dtype == torch.float32
    assert path.rate_hz == 21.5
    assert bool(path.points.isfinite().all())
    torch.testing.assert_close(mapping.path(hand, around, rate_hz=21.5).points, path.points)
    other_units = replace(hand, values=8 * hand.values + 40)
    torch.testing.assert_close(mapping.path(other_units, around, rate_hz=21.5).points, path.points, atol=2e-3, rtol=0)
    assert float(path.points.std(0).max()) > 0.05, "a moving hand is heard"
    resting = mapping.path(replace(hand, values=torch.full((60, 3), 0.7)), around, rate_hz=21.5).points
    torch.testing.assert_close(resting, resting[:1].expand(43, -1))
    one_step = mapping.path(replace(hand, values=hand.values[:1]), around, rate_hz=21.5).points
    assert one_step.shape == (1, LATENTS)
    assert bool(one_step.isfinite().all())


@pytest.mark.parametrize("kind", members(Mapping))
def test_contract(kind: str) -> None:
    settings = SETTINGS.get(kind, {})
    check_config(make(Mapping, kind, **settings), Mapping)
    mapping = make(Mapping, kind, **settings)
    if kind == "Taught":  # its times lie within the motion, and a motion of one step is shorter
        with pytest.raises(ParameterError, match="An example is at 0.2 s, and the gesture lasts 0.05 s"):
            check_mapping(mapping)
        mapping = make(Mapping, kind, times=(0.0,), latents=((9.0,) * LATENTS,))
    check_mapping(mapping)


@pytest.mark.parametrize("kind", members(Mapping))
def test_gaps_are_refused(kind: str) -> None:
    hand = motion()
    hand.values[5, 1] = torch.nan
    with pytest.raises(ParameterError, match="a hand has gaps; fill them"):
        make(Mapping, kind, **SETTINGS.get(kind, {})).path(hand, surroundings(), rate_hz=20.0)


class Drifts(Mapping):
    """Planted mistake: the path moves though the hand rests."""

    def __init__(self) -> None:
        pass

    def points(self, track: Track, surroundings: Surroundings) -> Points:
        return torch.linspace(0, 1, len(track.values))[:, None].repeat(1, LATENTS)


class Unscaled(Mapping):
    """Planted mistake: pixels lead elsewhere than metres."""

    def __init__(self) -> None:
        pass

    def points(self, track: Track, surroundings: Surroundings) -> Points:
        return track.values[:, :1].repeat(1, LATENTS)


@pytest.mark.parametrize("mistake", [Drifts, Unscaled])
def test_contract_notices_planted_mistakes(mistake: type[Mapping]) -> None:
    with pytest.raises(AssertionError):
        check_mapping(mistake())
