"""What a player finds on an instrument that goes through a space: its dials and its actions."""

from __future__ import annotations

from typing import Final

from timbrespace.core.knob import Knob
from timbrespace.instruments.base import Action, Dial

GAIN: Final = Dial("gain_db", Knob(-60.0, 12.0, "dB"), 0.0, "Gain", "sound")
MOTION: Final = Dial("motion", Knob(0.0, 1.0), 1.0, "Motion", "motion")
LOOP: Final = Dial("loop_s", Knob(0.1, 4.0, "s", "log"), 1.5, "Loop", "motion")
GLIDE: Final = Dial("glide_ms", Knob(0.0, 2000.0, "ms"), 80.0, "Glide", "motion")
SCALE, BIAS = Knob(0.0, 5.0), Knob(-3.0, 3.0, "sd")

PLAY: Final = Action("play", state="playing", about="Sound, from the present place.")
STOP: Final = Action("stop", state="playing", about="Fade out and wait.")
AUDITION: Final = Action("audition", ("moment",), about="Hear a moment's own sound once, then what sounded before.")
RESET: Final = Action("reset", state="all", about="Every knob and the place as at the beginning.")
PANIC: Final = Action("panic", state="playing", about="Silence at once.")

_GUIDES: Final = (
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
)
ACTIONS: Final = {action.name: action for action in (PLAY, STOP, *_GUIDES, AUDITION, RESET, PANIC)}
"""What an instrument can be told whatever the size of its latents."""


def guide_actions(latent_dim: int) -> dict[str, Action]:
    """The ways to say where to go: by axes, moments and walks, and by all ``latent_dim`` latents at once."""
    latents = tuple(f"z{i + 1}" for i in range(latent_dim))
    points = (
        Action("z", latents, state="guide", about="Go to a point given by its latents.", alike=0),
        Action(
            "coord",
            latents,
            state="guide",
            about="Go to a point given by its latents, each from 0 to 1 over the range of the sounds.",
            alike=0,
        ),
        Action(
            "xy",
            ("x", "y"),
            state="guide",
            about="Go to a point of the plane of the first two axes, each from 0 to 1 over the range of the sounds.",
            alike=0,
        ),
    )
    return {action.name: action for action in (*_GUIDES, *points)}


def voice_actions(latent_dim: int) -> dict[str, Action]:
    """All actions of a voice."""
    after = {action.name: action for action in (AUDITION, RESET, PANIC)}
    return {PLAY.name: PLAY, STOP.name: STOP} | guide_actions(latent_dim) | after


def axis_dials(names: tuple[str, ...]) -> dict[str, Dial]:
    """Scale and bias of every axis of a space whose axes are called ``names``."""
    found: dict[str, Dial] = {}
    for i, name in enumerate(names):
        scale = Dial(f"scale_{i + 1}", SCALE, 1.0, f"{name}, scale", "axes", axis=i)
        bias = Dial(f"bias_{i + 1}", BIAS, 0.0, f"{name}, bias", "axes", axis=i)
        found |= {scale.name: scale, bias.name: bias}
    return found


def dials(names: tuple[str, ...]) -> dict[str, Dial]:
    """The dials of a voice in a space whose axes are called ``names``: the main ones, then those of every axis."""
    speed = Dial("speed", Knob(0.0, 4.0), 1.0, "Speed", "motion")
    return {dial.name: dial for dial in (GAIN, MOTION, speed, LOOP, GLIDE)} | axis_dials(names)
