"""What a player finds on a granulator: its dials and its actions."""

from __future__ import annotations

from typing import Final

from timbrespace.core.knob import Knob
from timbrespace.instruments.base import Action, Dial
from timbrespace.instruments.latent_controls import (
    GAIN,
    GLIDE,
    LOOP,
    MOTION,
    PANIC,
    PLAY,
    RESET,
    axis_dials,
    guide_actions,
)

DENSITY: Final = Dial("density", Knob(0.5, 200.0, "grains/s", "log"), 20.0, "Density", "grain")
VOICES: Final = Dial("voices", Knob(1.0, 64.0), 32.0, "Voices", "grain")

_MAIN: Final = (
    GAIN,
    Dial("pitch", Knob(-24.0, 24.0, "semitones"), 0.0, "Pitch", "grain"),
    Dial("duration", Knob(5.0, 500.0, "ms", "log"), 100.0, "Duration", "grain"),
    DENSITY,
    Dial("deviation", Knob(0.0, 3.0, "sd"), 0.0, "Deviation", "grain"),
    Dial("jitter", Knob(0.0, 1.0), 0.2, "Jitter", "grain"),
    Dial("position", Knob(0.0, 1.0), 0.0, "Position", "grain"),
    Dial("phase", Knob(0.0, 1.0), 0.0, "Phase", "grain"),
    Dial("envelope", Knob(0.0, 1.0), 1.0, "Envelope", "grain"),
    Dial("pan", Knob(-1.0, 1.0), 0.0, "Pan", "grain"),
    Dial("spread", Knob(0.0, 1.0), 0.3, "Spread", "grain"),
    VOICES,
    MOTION,
    Dial("speed", Knob(-2.0, 4.0), 1.0, "Speed", "motion"),
    LOOP,
    GLIDE,
)
_STOP: Final = Action("stop", state="playing", about="No more grains; those there are end.")


def grain_actions(latent_dim: int) -> dict[str, Action]:
    """All actions of a granulator."""
    return {a.name: a for a in (PLAY, _STOP)} | guide_actions(latent_dim) | {a.name: a for a in (RESET, PANIC)}


def grain_dials(names: tuple[str, ...]) -> dict[str, Dial]:
    """The dials of a granulator in a space whose axes are called ``names``."""
    return {dial.name: dial for dial in _MAIN} | axis_dials(names)
