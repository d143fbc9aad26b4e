"""What a player finds on a sound table: its dials and its actions."""

from __future__ import annotations

from typing import Final

from timbrespace.core.knob import Knob
from timbrespace.instruments.base import Action, Dial
from timbrespace.instruments.latent_controls import GAIN, PANIC, PLAY, RESET, STOP

FREQUENCY: Final = Dial("frequency", Knob(0.1, 2000.0, "Hz", "log"), 2.0, "Frequency", "table")
START: Final = Dial("start", Knob(0.0, 1.0), 0.0, "Start", "table")
CROSSFADE: Final = Dial("crossfade", Knob(0.0, 8192.0, "samples"), 1024.0, "Crossfade", "table")
SPEED: Final = Dial("speed", Knob(-4.0, 4.0, "tables/s"), 0.0, "Speed", "table")
TABLE_DIALS: Final = {dial.name: dial for dial in (GAIN, FREQUENCY, START, CROSSFADE, SPEED)}


def table_actions(latent_dim: int) -> dict[str, Action]:
    """All actions of a sound table."""
    latents = tuple(f"z{i + 1}" for i in range(latent_dim))
    end = "Make the table of the line through the middle of the space that ends here."
    made = (
        Action("end_point", latents, state="table", about=end, alike=0),
        Action("line", ("from", "to"), state="table", about="Make the table of the line between two moments."),
        Action("moment", ("moment",), state="table", about="Make the table of a moment's own sound."),
        Action("walk", ("seed",), state="table", about="Make the table of a walk at random."),
    )
    return {action.name: action for action in (PLAY, STOP, *made, RESET, PANIC)}
