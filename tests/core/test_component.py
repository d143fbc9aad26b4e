"""Parts: the constructor is the configuration, and a wrong argument gets one sentence."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timbrespace.core.component import Component, Wired, build, catalogue
from timbrespace.core.errors import ParameterError
from timbrespace.core.knob import Knob
from timbrespace.models import AutoEncoder, Model
from timbrespace.models.bottlenecks import Bottleneck, Gaussian
from timbrespace.models.likelihoods import Likelihood

MODEL: dict[str, Any] = {
    "kind": "AutoEncoder",
    "network": {"kind": "TemporalConv", "width": 16},
    "bottleneck": {"kind": "Gaussian", "latent_dim": 3},
    "prior": {"kind": "Normal"},
    "likelihood": {"kind": "SquaredError"},
}
WIRED = {"n_features": 8, "n_channels": 1}


class Family(Component):
    """Abstract by intent."""


class Part(Family):
    def __init__(
        self,
        *,
        size: Annotated[int, Knob(1, 10, "cells")],
        shape: Literal["round", "square"] = "round",
        rate: float = 1.0,
        flag: bool = False,
        width: Wired[int] = 3,
        pair: tuple[float, float] = (0.0, 1.0),
        limit: Annotated[int, Knob(0, 5)] | None = None,
    ) -> None:
        self.size, self.shape, self.rate, self.flag, self.width, self.pair = size, shape, rate, flag, width, pair
        self.limit = limit


def test_wired_values_flow_between_parts_whatever_their_order() -> None:
    model = build(Model, MODEL, wired=WIRED)
    assert isinstance(model, AutoEncoder)
    table = model.config()
    assert table["network"]["n_statistics"] == 6
    assert table["network"]["latent_dim"] == table["prior"]["latent_dim"] == 3
    assert table["network"]["n_parameters"] == 1


def test_configuration_is_complete_without_wiring() -> None:
    model = build(Model, MODEL, wired=WIRED)
    assert build(Model, model.config()).config() == model.config()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"netwrk": {}}, r"AutoEncoder has no argument 'netwrk'. Did you mean 'network'\?"),
        ({"kind": "AutoEncodr"}, r"There is no Model 'AutoEncodr'. Did you mean 'AutoEncoder'\?"),
        ({"bottleneck": {"kind": "Gaussian", "latent_dm": 3}}, r"'latent_dm' \(at bottleneck\). Did you mean"),
        ({"bottleneck": {"kind": "Gaussian", "latent_dim": 0}}, r"'latent_dim' is 0, outside its range 1 to 4096"),
        ({"bottleneck": {"kind": "Gaussian", "latent_dim": "many"}}, r"expects a whole number, not 'many'"),
        ({"bottleneck": {"kind": "Gauss"}}, r"There is no Bottleneck 'Gauss' at 'bottleneck'. Did you mean 'Gaussian'"),
        ({"bottleneck": {}}, "A Bottleneck at 'bottleneck' needs 'kind', one of 'Adversarial', 'Det"),
        ({"bottleneck": 7}, r"AutoEncoder's 'bottleneck' expects a Bottleneck \(Adversarial, .*\), not 7"),
    ],
)  # fmt: skip
def test_wrong_tables_get_one_sentence(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ParameterError, match=sentence) as caught:
        build(Model, {**MODEL, **change}, wired=WIRED)
    assert "\n" not in str(caught.value)


def test_missing_argument_names_what_is_missing() -> None:
    with pytest.raises(ParameterError, match="Part needs 'size', which has no default; expected a whole number"):
        Part()  # type: ignore[call-arg]  # the point of the test
    with pytest.raises(ParameterError, match="needs 'n_features' .* follows from another part"):
        build(Model, MODEL, wired={"n_channels": 1})


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"size": 3, "shpe": "round"}, "Part has no argument 'shpe'. Did you mean 'shape'"),
        ({"size": 3, "shape": "oval"}, "expects one of 'round', 'square', not 'oval'"),
        ({"size": 3.5}, "expects a whole number, not 3.5"),
        ({"size": True}, "expects a whole number, not True"),
        ({"size": 11}, "is 11, outside its range 1 to 10 cells"),
        ({"size": 1, "limit": 6}, "'limit' is 6, outside its range 0 to 5"),
        ({"size": 3, "rate": "fast"}, "expects a number, not 'fast'"),
        ({"size": 3, "pair": (1.0,)}, "'pair' expects"),
    ],
)
def test_python_gets_the_same_sentences(arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ParameterError, match=sentence):
        Part(**arguments)


@given(st.integers(1, 10), st.sampled_from(["round", "square"]), st.floats(-1e6, 1e6), st.booleans())
def test_config_holds_what_was_given(size: int, shape: Any, rate: float, flag: bool) -> None:
    table = Part(size=size, shape=shape, rate=rate, flag=flag).config()
    assert table == {
        "kind": "Part",
        "size": size,
        "shape": shape,
        "rate": rate,
        "flag": flag,
        "width": 3,
        "pair": [0, 1],
        "limit": None,
    }


def test_catalogue_is_what_the_package_exports() -> None:
    assert catalogue(Bottleneck)["Gaussian"] is Gaussian
    assert "Likelihood" not in catalogue(Likelihood), "the abstract base is not a member"


def test_knobs_are_declared_once() -> None:
    assert Part.knobs() == {"size": Knob(1, 10, "cells"), "limit": Knob(0, 5)}
