"""A hand's motion from a file, led through a codec's space and heard."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from timbrespace.codecs.examples import read_examples
from timbrespace.codecs.rendering import MAX_MINUTES, check_target, render_path
from timbrespace.codecs.surroundings import surroundings_of
from timbrespace.core.codec import Codec
from timbrespace.core.codec import rate_hz as rate_of
from timbrespace.core.errors import ParameterError
from timbrespace.datasets.base import Progress
from timbrespace.latent.mappings import Mapping
from timbrespace.latent.mappings.choice import mapping_of
from timbrespace.latent.paths import Path
from timbrespace.latent.surroundings import Surroundings
from timbrespace.motion.preparing import Preparation, prepare
from timbrespace.motion.reading import read_motion
from timbrespace.motion.track import Track, gesture, gestures

TAUGHT = "taught"
HARDLY = 0.1
"""A gesture that moves by a smaller share of what its file does is said to hardly move."""
LEAST_SPEED, MOST_SPEED = 0.01, 100.0


@dataclass(frozen=True)
class Gesture:
    """A motion ready to be mapped, and how many gestures its file holds."""

    track: Track
    found: int

    def facts(self) -> dict[str, Any]:
        """What was read, and what was left out or assumed."""
        return {
            "gesture": self.track.label,
            "gestures": self.found,
            "rate_hz": round(self.track.rate_hz, 3),
            "steps": len(self.track.values),
            "columns": list(self.track.names),
            "notes": list(self.track.notes),
        }


def chosen_columns(text: str) -> list[str]:
    """The names in ``"x, y,z"``."""
    return [name.strip() for name in text.split(",") if name.strip()]


def read_gesture(
    file: str | FilePath,
    *,
    columns: Sequence[str] = (),
    number: int | None = None,
    label: str | None = None,
    rate_hz: float | None = None,
    preparation: Preparation | None = None,
) -> Gesture:
    """A gesture of a file, mended and smoothed: by ``number`` from 1 or a text in its ``label``, else the whole motion.

    Where the file's recordings were made apart the first one stands for the whole. ``rate_hz`` is for files without
    times.
    """
    if number is not None and label is not None:
        raise ParameterError("A gesture is chosen by its number or by its label, not by both; leave one out.")
    track = read_motion(file, columns=columns, rate_hz=rate_hz)
    found = len(gestures(track))
    which = number if label is None else label
    if which is None and track.apart:
        which = 1
        track = track.noted([f"the file holds {found} gestures recorded apart; the first one was taken"])
    chosen = track if which is None else gesture(track, which)
    if chosen.extent < HARDLY * track.extent:
        share = chosen.extent / track.extent
        chosen = chosen.noted([f"it moves by {share:.1%} of what all of the file does, drawn out to the full range"])
    return Gesture(prepare(chosen, preparation), found)


def gesture_path(
    hand: Gesture,
    mapping: Mapping,
    surroundings: Surroundings,
    *,
    rate_hz: float,
    speed: float = 1.0,
    seconds: float | None = None,
) -> Path:
    """The path of a gesture at its own pace times ``speed``, or in ``seconds``."""
    if seconds is not None and not (math.isfinite(seconds) and 0 < seconds <= MAX_MINUTES * 60):
        raise ParameterError(
            f"A gesture lasts up to {MAX_MINUTES * 60:,.0f} seconds, not {seconds:g}; give another time."
        )
    pace = speed if seconds is None else hand.track.seconds / seconds
    if seconds is None and not LEAST_SPEED <= speed <= MOST_SPEED:
        raise ParameterError(
            f"A gesture's speed is from {LEAST_SPEED:g} to {MOST_SPEED:g} times its own, not {speed:g}."
        )
    if hand.track.seconds / pace > MAX_MINUTES * 60:
        raise ParameterError(
            f"A path lasts up to {MAX_MINUTES:g} minutes, and this one would last longer; choose a part."
        )
    # The mapping sees the motion at its own pace, so that times of examples and smoothing mean the same at any speed.
    return Path(mapping.path(hand.track, surroundings, rate_hz=rate_hz / pace).points, rate_hz)


def chosen_mapping(
    codec: Codec, name: str, settings: Sequence[str] = (), *, examples: str | FilePath | None = None
) -> Mapping:
    """A mapping by its name, with settings as in ``amount=0.8``; ``taught`` by a file of examples.

    See :func:`~timbrespace.codecs.examples.read_examples` for the file. Raises :class:`ParameterError`.
    """
    if (examples is None) == (name.lower() == TAUGHT):
        raise ParameterError(
            "The mapping 'taught' needs examples, and no other takes any; give --examples with it alone."
        )
    shown = {} if examples is None else read_examples(codec, examples)
    return mapping_of(name, settings, **shown)


def render_gesture(
    codec: Codec,
    hand: Gesture,
    mapping: Mapping,
    out: str | FilePath,
    *,
    data: str | FilePath | None = None,
    follow: str | FilePath | None = None,
    speed: float = 1.0,
    seconds: float | None = None,
    seed: int = 0,
    force: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Write the sound of a gesture; returns what was read, how it was mapped, and the sound's seconds.

    ``data`` is a folder of sounds for codecs that do not know theirs, ``follow`` a recording that the axes follow which
    the motion does not lead.
    """
    check_target(FilePath(out), force=force)
    surroundings = surroundings_of(codec, data=data, start=follow, seed=seed, progress=progress)
    path = gesture_path(hand, mapping, surroundings, rate_hz=rate_of(codec), speed=speed, seconds=seconds)
    lasts = render_path(codec, path, out, force=force)
    return {"out": str(out), "seconds": lasts, **hand.facts(), "mapping": mapping.config()}


def summary(done: dict[str, Any]) -> str:
    """What was read and left out, and where the sound is, in lines."""
    columns = ", ".join(done["columns"][:8]) + (", ..." if len(done["columns"]) > 8 else "")
    lines = [
        f"{done['gesture']}: {done['steps']} steps at {done['rate_hz']:.4g} Hz, {len(done['columns'])} columns"
        f" ({columns})",
        *(f"  {note}" for note in done["notes"]),
        f"{done['out']}: {done['seconds']:.2f} s of sound, mapped by {done['mapping']['kind'].lower()}",
    ]
    if done["gestures"] > 1:
        lines.insert(1, f"  the file holds {done['gestures']} gestures, to be chosen by --gesture")
    return "\n".join(lines)
