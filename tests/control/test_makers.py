"""Every instrument of a trained model plays in the engine, and is found by its name."""

from __future__ import annotations

import numpy as np
import pytest

from tests.bundles import bundle, own_process  # noqa: F401  # a fixture
from tests.control.test_engine import drain
from timbrespace.control.engine import Engine
from timbrespace.control.makers import MAKERS, latent_voice, maker_of
from timbrespace.control.outputs import play_to_nothing
from timbrespace.core.errors import ParameterError
from timbrespace.web.messages import Event, Ranges, parse


@pytest.mark.parametrize("name", ["granulator", "table"])
def test_it_plays_to_nothing(name: str) -> None:
    engine = Engine(bundle(), maker=MAKERS[name], seed=1)
    status = play_to_nothing(bundle(), seconds=1.0, seed=1, engine=engine)
    assert status.running
    assert status.restarts == 0
    assert status.refused == 0
    assert status.mended == 0
    assert status.rendered > 0


@pytest.mark.parametrize("name", ["granulator", "table"])
def test_it_is_heard(name: str) -> None:
    with Engine(bundle(), maker=MAKERS[name]) as engine:
        engine.send("play")
        engine.send("moment", 1)
        heard = drain(engine, engine.status().heard + engine.sample_rate)
        assert np.abs(heard).max() > 1e-3
        assert engine.status().sounding


def test_the_granulator_understands_what_the_page_says() -> None:
    with Engine(bundle(), maker=MAKERS["granulator"]) as engine:
        ranges = Ranges(engine.knobs, engine.actions, axes=len(engine.facts["axes"]), moments=engine.facts["moments"])
        assert set(engine.arrays) >= {"sources", "seconds", "positions"}
    said = {
        "place": [0, 1, 0.5, 0.5], "moment": [1], "walk": [3], "line": [0, 1, 2.0], "play": [], "stop": [],
        "reset": [], "panic": [], "xy": [0.1, 0.9],
    }  # fmt: skip
    for name, values in said.items():
        order = parse(f'{{"type": "event", "name": "{name}", "values": {values}}}', ranges)
        assert order == Event(name, tuple(float(v) for v in values))
    for name in ("gain_db", "motion", "speed", "loop_s", "glide_ms"):  # the knobs that the page draws
        assert name in ranges.knobs


def test_names() -> None:
    assert maker_of("voice") is latent_voice
    with pytest.raises(ParameterError, match=r"no instrument 'granular'. Did you mean 'granulator'\?"):
        maker_of("granular")
