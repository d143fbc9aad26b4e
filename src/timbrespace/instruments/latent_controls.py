"""What a player finds on a latent voice: its dials and its actions."""

from __future__ import annotations

from typing import Final

from timbrespace.core.knob import Knob
from timbrespace.instruments.base import Action, Dial

_MAIN: Final = (
    Dial("gain_db", Knob(-60.0, 12.0, "dB"), 0.0, "Gain", "sound"),
    Dial("motion", Knob(0.0, 1.0), 1.0, "Motion", "motion"),
    Dial("speed", Knob(0.0, 4.0), 1.0, "Speed", "motion"),
    Dial("loop_s", Knob(0.1, 4.0, "s", "log"), 1.5, "Loop", "motion"),
    Dial("glide_ms", Knob(0.0, 2000.0, "ms"), 80.0, "Glide", "motion"),
)
SCALE, BIAS = Knob(0.0, 5.0), Knob(-3.0, 3.0, "sd")

_ACTIONS: Final = (
    Action("play", state="playing", about="Sound, from the present place."),
    Action("stop", state="playing", about="Fade out and wait."),
    Action(
        "place",
        ("axis_x", "axis_y", "x", "y"),
        state="guide",
        about="Go to a point of the plane of two axes; the other coordinates follow the nearest sounds.",
        alike=2,
    ),
    Action("moment", ("moment",), state="guide", about="Go to a moment of the corpus and stay."),
    Action("walk", ("seed",), state="guide", about="Walk at random, without end."),
    Action("line", ("from", "to", "seconds"), state="guide", about="Go from moment to moment and back again."),
    Action("audition", ("moment",), about="Hear a moment's own sound once, then what sounded before."),
    Action("reset", state="all", about="Every knob and the place as at the beginning."),
    Action("panic", state="playing", about="Silence at once."),
)
ACTIONS: Final = {action.name: action for action in _ACTIONS}


def dials(names: tuple[str, ...]) -> dict[str, Dial]:
    """The dials of a space whose axes are called ``names``: the main ones, then scale and bias of every axis."""
    found = {dial.name: dial for dial in _MAIN}
    for i, name in enumerate(names):
        scale = Dial(f"scale_{i + 1}", SCALE, 1.0, f"{name}, scale", "axes", axis=i)
        bias = Dial(f"bias_{i + 1}", BIAS, 0.0, f"{name}, bias", "axes", axis=i)
        found |= {scale.name: scale, bias.name: bias}
    return found
