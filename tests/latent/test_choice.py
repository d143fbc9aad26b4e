"""A route by its name and settings."""

from __future__ import annotations

import pytest

from timbrespace.core.component import catalogue
from timbrespace.core.errors import ParameterError
from timbrespace.latent.routes import Circle, Lissajous, Recording, Route
from timbrespace.latent.routes.choice import route_names, route_of


def test_every_route_is_known_by_its_name() -> None:
    assert {type(route_of(name)).__name__ for name in route_names()} == set(catalogue(Route))


def test_settings_are_read_as_toml_or_text() -> None:
    circle = route_of("Circle", ["radius=2", "axes=1,3", " turns = -1.5 "])
    assert isinstance(circle, Circle)
    assert (circle.radius, circle.axes, circle.turns) == (2.0, (1, 3), -1.5)
    curve = route_of("lissajous", ["axes=[1, 2, 3]", "frequencies=1,2.5,3"])
    assert isinstance(curve, Lissajous)
    assert curve.frequencies == (1.0, 2.5, 3.0)
    reverse = route_of("recording", ["direction=reverse"])
    assert isinstance(reverse, Recording)
    assert reverse.direction == "reverse"


@pytest.mark.parametrize(
    ("kind", "settings", "sentence"),
    [
        ("zigzag", [], "There is no path 'zigzag'. Choose from 'aligned', 'centred', 'circle'"),
        ("cirle", [], "Did you mean 'circle'?"),
        ("circle", ["radios=2"], "Circle has no argument 'radios'. Did you mean 'radius'?"),
        ("circle", ["radius"], "A setting of a path reads name=value, as in axes=1,3, not 'radius'"),
        ("circle", ["=2"], "reads name=value"),
        ("circle", ["radius=big"], "Circle's 'radius' expects a number, not 'big'"),
        ("circle", ["radius=1\nx=2"], "Circle's 'radius' expects a number"),
        ("circle", ["radius=-1"], "outside its range 0 to 10"),
        ("circle", ["radius=nan"], "outside its range"),
        ("circle", ["kind=Walk", "period=2"], "Circle has no argument 'period'"),
        ("line", ["u=2"], "Line has no argument 'u'. It takes none."),
    ],
)
def test_what_is_refused(kind: str, settings: list[str], sentence: str) -> None:
    with pytest.raises(ParameterError) as refused:
        route_of(kind, settings)
    assert sentence in str(refused.value)
