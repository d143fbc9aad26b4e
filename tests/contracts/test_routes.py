"""The contract of routes, and proof that it notices mistakes."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from tests.contracts.common import check_config, make, members
from tests.latent.spaces import RATE, generator, recording, surroundings
from timbrespace.core.errors import ParameterError
from timbrespace.latent.paths import Path
from timbrespace.latent.routes import Route, Timed
from timbrespace.latent.surroundings import Surroundings


def travelled(route: Route, around: Surroundings, *, seconds: float = 5.0, seed: int = 0) -> Path:
    return route.path(around, seconds=seconds, rate_hz=RATE, generator=generator(seed))


def check_route(route: Route) -> None:
    around = surroundings()
    both = replace(around, start=recording(31), end=recording(52, seed=8))
    for place in (around, both, replace(both, end=None), replace(both, start=recording(1), end=recording(1, seed=8))):
        kept = place.vectors.clone(), None if place.start is None else place.start.clone()
        for seconds in (5.0, 1 / RATE, 0.19):
            path = travelled(route, place, seconds=seconds)
            assert path.points.shape == (max(1, round(seconds * RATE)), 4)
            assert path.points.dtype == torch.float32
            assert path.rate_hz == RATE
            assert path.points.isfinite().all()
        assert torch.equal(travelled(route, place).points, travelled(route, place).points), "it follows its generator"
        assert torch.equal(place.vectors, kept[0]), "it changes nothing"
        assert place.start is None or torch.equal(place.start, kept[1])
    # Nowhere do points leave the neighbourhood of the data: ten deviations are far beyond all defaults.
    reach = around.space.project(travelled(route, around).points) / around.space.deviations
    assert float(reach.abs().max()) < 10
    if isinstance(route, Timed):
        assert route.duration(around, rate_hz=RATE) is None
        assert float(route.duration(both, rate_hz=RATE) or 0.0) >= 1 / RATE
    for seconds in (0.0, -1.0, math.nan, math.inf, 1e9):
        with pytest.raises(ParameterError, match="A path"):
            travelled(route, around, seconds=seconds)


@pytest.mark.parametrize("kind", members(Route))
def test_contract(kind: str) -> None:
    route = make(Route, kind)
    check_config(route, Route)
    check_route(route)


STILL = "All sounds lie at one place of this space"
NO_PLANE = "This space has axes 1 to 1, and there is no axis 2"
LACKS = {
    "still": dict.fromkeys(("Centred", "Circle", "Fractal", "Lissajous", "Spiral", "Traversal"), STILL),
    "one dimension": dict.fromkeys(("Circle", "Lissajous", "Spiral"), NO_PLANE),
}
"""Which routes cannot be in a space, and why: all others go through it."""


@pytest.mark.parametrize("kind", members(Route))
def test_spaces_with_little_in_them(kind: str) -> None:
    """One sound; one dimension; collapsed dimensions; nothing that varies: a path, or one sentence."""
    route = make(Route, kind)
    flat = surroundings(metric=False)
    collapsed = torch.cat([flat.vectors[:, :2], torch.ones(len(flat.vectors), 2)], dim=1)
    still = torch.ones(20, 4)
    spaces = {
        "one sound": surroundings(lengths=(12,)),
        "one dimension": surroundings(dims=1, metric=False),
        "collapsed": Surroundings(type(flat.space).fit(collapsed), collapsed, flat.source),
        "still": Surroundings(type(flat.space).fit(still), still, torch.zeros(20)),
    }
    for name, around in spaces.items():
        if needed := LACKS.get(name, {}).get(kind):
            with pytest.raises(ParameterError, match=needed):
                travelled(route, around)
        else:
            path = travelled(route, around)
            assert path.points.isfinite().all()
            assert len(path.points) == 100


class Unseeded(Route):
    """Planted mistake: it draws from a generator of its own."""

    def __init__(self) -> None:
        pass

    def path(self, surroundings: Surroundings, *, seconds: float, rate_hz: float, generator: torch.Generator) -> Path:
        steps = max(1, round(seconds * rate_hz))
        return Path(surroundings.vectors[torch.randint(len(surroundings.vectors), (steps,))], rate_hz)


class OneShort(Route):
    """Planted mistake: it rounds its duration down."""

    def __init__(self) -> None:
        pass

    def path(self, surroundings: Surroundings, *, seconds: float, rate_hz: float, generator: torch.Generator) -> Path:
        return Path(surroundings.vectors[:1].expand(max(1, int(seconds * rate_hz)), -1), rate_hz)


class MovesTheData(Route):
    """Planted mistake: it draws on the vectors themselves."""

    def __init__(self) -> None:
        pass

    def path(self, surroundings: Surroundings, *, seconds: float, rate_hz: float, generator: torch.Generator) -> Path:
        surroundings.vectors[0] += 1e-3
        return Path(surroundings.vectors[:1].expand(max(1, round(seconds * rate_hz)), -1), rate_hz)


@pytest.mark.parametrize("mistake", [Unseeded, OneShort, MovesTheData])
def test_contract_notices_planted_mistakes(mistake: type[Route]) -> None:
    with pytest.raises(AssertionError):
        check_route(mistake())
