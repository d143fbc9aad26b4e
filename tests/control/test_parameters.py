"""The tree has every dial and action, says the same in every way, and refuses what it does not know."""

from __future__ import annotations

import json

import pytest

from tests.control.osc_fakes import STEERED, Steered
from timbrespace.control.messages import DO, SET
from timbrespace.control.parameters import Command, Hand, Parameter, counts, description, lacking, tree
from timbrespace.core.errors import ParameterError
from timbrespace.core.knob import Knob
from timbrespace.instruments.base import Action, Dial


@pytest.fixture
def parameters() -> dict[str, Parameter]:
    return tree(STEERED.knobs, STEERED.actions)


def asked(parameters: dict[str, Parameter], *messages: tuple[str, list[float]]) -> list[Command | None]:
    hand = Hand()
    return [hand.command(parameters[a], numbers, knobs=STEERED.knobs) for a, numbers in messages]


def test_every_dial_and_action_has_an_address(parameters: dict[str, Parameter]) -> None:
    for name, dial in STEERED.knobs.items():
        (by_unit, by_place) = asked(parameters, (f"/ts/knob/{name}", [dial.default]), (f"/ts/turn/{name}", [1.0]))
        assert by_unit == Command(SET, name, (dial.default,))
        assert by_place == Command(SET, name, (dial.range.high,))
    for name, action in STEERED.actions.items():
        numbers = [0.5] * len(action.values)
        assert asked(parameters, (f"/ts/do/{name}", numbers)) == [Command(DO, name, tuple(numbers))]
    assert all(p.address == a and p.about.endswith(".") for a, p in parameters.items())


def test_a_place_in_the_range_follows_the_scale(parameters: dict[str, Parameter]) -> None:
    (command,) = asked(parameters, ("/ts/turn/pitch", [0.5]))
    assert command is not None
    assert command.values[0] == pytest.approx(1.0)  # the geometric mean of 1/4 and 4


def test_one_number_of_a_vector_keeps_the_others(parameters: dict[str, Parameter]) -> None:
    commands = asked(
        parameters,
        ("/ts/coord/3", [0.25]),
        ("/coord", [0.75]),
        ("/coord", [0.1, 0.2, 0.3, 0.4]),
        ("/1/fader4", [0.9]),
        ("/ts/z/2", [-1.5]),
    )
    assert commands == [
        Command(DO, "coord", (0.5, 0.5, 0.25, 0.5)),
        Command(DO, "coord", (0.75, 0.5, 0.25, 0.5)),
        Command(DO, "coord", (0.1, 0.2, 0.3, 0.4)),
        Command(DO, "coord", (0.1, 0.2, 0.3, 0.9)),
        Command(DO, "z", (0.0, -1.5, 0.0, 0.0)),
    ]


def test_the_vocabulary(parameters: dict[str, Parameter]) -> None:
    assert asked(
        parameters,
        ("/ts/z", [1.0, 2.0, 3.0, 4.0]),
        ("/ts/xy", [0.1, 0.9]),
        ("/1/xy1", [0.1, 0.9]),
        ("/wek/outputs", [0.1, 0.9]),
        ("/wek/outputs", [0.1, 0.2, 0.3, 0.4]),
        ("/ts/grain/pitch", [2.0]),
        ("/ts/gain", [-6.0]),
    ) == [
        Command(DO, "z", (1.0, 2.0, 3.0, 4.0)),
        *[Command(DO, "xy", (0.1, 0.9))] * 3,
        Command(DO, "coord", (0.1, 0.2, 0.3, 0.4)),
        Command(SET, "pitch", (2.0,)),
        Command(SET, "gain_db", (-6.0,)),
    ]


def test_a_button_acts_when_it_is_pressed(parameters: dict[str, Parameter]) -> None:
    play = Command(DO, "play")
    assert asked(parameters, ("/ts/play", []), ("/ts/play", [1.0]), ("/ts/play", [0.0])) == [play, play, None]


@pytest.mark.parametrize(
    ("address", "numbers", "sentence"),
    [
        ("/ts/z", [1.0], "/ts/z takes 4 numbers, and 1 came; nothing was done."),
        ("/coord", [1.0, 2.0], "/coord takes 1 or 4 numbers, and 2 came; nothing was done."),
        ("/ts/gain", [], "/ts/gain takes 1 number, and 0 came; nothing was done."),
        ("/ts/play", [1.0, 1.0], "/ts/play takes no or 1 number, and 2 came; nothing was done."),
        ("/wek/outputs", [1.0], "/wek/outputs takes 2 or 4 numbers"),
    ],
)
def test_wrong_counts(parameters: dict[str, Parameter], address: str, numbers: list[float], sentence: str) -> None:
    with pytest.raises(ParameterError) as caught:
        asked(parameters, (address, numbers))
    assert str(caught.value).startswith(sentence)
    assert counts(parameters[address]) in sentence


def test_what_an_instrument_lacks_has_no_address() -> None:
    few = tree({}, {"play": Action("play", about="Sound.")})
    assert set(few) == {"/ts/do/play", "/ts/play"}
    assert lacking(few, "/ts/z")
    assert lacking(few, "/ts/z/12")
    assert lacking(few, "/1/fader3")
    assert not lacking(few, "/ts/play")
    assert not lacking(few, "/ts/zz")
    assert not lacking(few, "/ts/z/x")
    assert not lacking(few, "")


def test_groups_of_dials_lose_the_name_of_the_group() -> None:
    dials = [Dial("fx_drive", Knob(0, 48, "dB"), 0.0, "Drive", "fx"), Dial("tone", Knob(0, 1), 0.0, "Tone", "sound")]
    found = tree({d.name: d for d in dials}, {})
    assert "/ts/fx/drive" in found
    assert "/ts/sound/tone" not in found


def test_the_description_is_json_with_types_ranges_and_values() -> None:
    root = json.loads(json.dumps(description(tree(STEERED.knobs, STEERED.actions).values(), {"pitch": 2.0})))
    ts = root["CONTENTS"]["ts"]["CONTENTS"]
    pitch = ts["grain"]["CONTENTS"]["pitch"]
    assert pitch["FULL_PATH"] == "/ts/grain/pitch"
    assert pitch["TYPE"] == "f"
    assert pitch["RANGE"] == [{"MIN": 0.25, "MAX": 4.0}]
    assert pitch["VALUE"] == [2.0]
    assert ts["coord"]["TYPE"] == "ffff"
    assert ts["coord"]["RANGE"] == [{"MIN": 0.0, "MAX": 1.0}] * 4
    assert ts["coord"]["CONTENTS"]["2"]["TYPE"] == "f"
    assert ts["play"]["ACCESS"] == 2


def test_the_fake_is_what_a_receiver_needs() -> None:
    steered = Steered()
    steered.send("coord", 0.1, 0.2, 0.3, 0.4)
    assert steered.set("pitch", 9.0) == 4.0
    assert steered.asked == [("coord", (0.1, 0.2, 0.3, 0.4)), ("pitch", (9.0,))]
    with pytest.raises(ParameterError):
        steered.send("coord", 0.1)
