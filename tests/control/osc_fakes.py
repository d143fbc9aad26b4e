"""An engine that only remembers what it was asked for."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import numpy.typing as npt

from timbrespace.control.meters import Deadline
from timbrespace.control.status import Status
from timbrespace.core.knob import Knob
from timbrespace.instruments.base import Action, Dial, checked_value, checked_values, find

LATENTS = tuple(f"z{i + 1}" for i in range(4))
DIALS = (
    Dial("gain_db", Knob(-60.0, 12.0, "dB"), 0.0, "Gain", "sound"),
    Dial("pitch", Knob(0.25, 4.0, "", "log"), 1.0, "Pitch", "grain"),
)
ACTIONS = (
    Action("play", state="playing", about="Sound."),
    Action("stop", state="playing", about="No sound."),
    Action("panic", state="playing", about="Silence."),
    Action("z", LATENTS, state="guide", about="A point.", alike=0),
    Action("coord", LATENTS, state="guide", about="A point.", alike=0),
    Action("xy", ("x", "y"), state="guide", about="A point of the map.", alike=0),
)


class Steered:
    """Four latents, a gain and a pitch."""

    def __init__(self) -> None:
        self.knobs = {dial.name: dial for dial in DIALS}
        self.actions = {action.name: action for action in ACTIONS}
        self.arrays: dict[str, npt.NDArray[Any]] = {"descriptors": np.arange(21.0).reshape(3, 7)}
        self.asked: list[tuple[str, tuple[float, ...]]] = []
        self.heard = threading.Event()
        self.moment = 1

    def send(self, name: str, *values: float, at: int | None = None) -> None:
        self._note(name, checked_values(find(name, self.actions, what="action"), values))

    def set(self, name: str, value: float, *, at: int | None = None) -> float:
        self._note(name, (value,))
        return checked_value(find(name, self.knobs, what="knob"), value)

    def _note(self, name: str, values: tuple[float, ...]) -> None:
        self.asked.append((name, values))
        self.heard.set()

    def status(self) -> Status:
        return Status(
            running=True, rendered=0, heard=0, fill=0, ahead_s=0.06, period_s=0.05, codec_latency_s=0.0,
            stage_latency_s=0.0, deadline=Deadline(), cpu=0.0, dropouts=3, missing=0, mended=0, limited=0, refused=0,
            restarts=0, peak=(0.5, 0.25), playing=True, sounding=True, moment=self.moment, place=(0.5, -1.0),
            knobs={}, recording_s=0.0, message="",
        )  # fmt: skip


STEERED = Steered()
