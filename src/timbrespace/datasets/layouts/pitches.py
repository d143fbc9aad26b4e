"""Notes by name and by MIDI number: C4 is 60, as in the collections read here."""

from __future__ import annotations

import re
from typing import Final

_NAMES: Final = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_NOTE: Final = re.compile(r"([A-G])([#b♯♭]?)(-?\d)")
_STEPS: Final = {"": 0, "#": 1, "♯": 1, "b": -1, "♭": -1}


def midi_of(note: str) -> int | None:
    """The MIDI number of a note, in 0 ... 127.

    >>> midi_of("F#1"), midi_of("H2")
    (30, None)
    """
    found = _NOTE.fullmatch(note)
    if found is None:
        return None
    letter, sign, octave = found.groups()
    midi = 12 * (int(octave) + 1) + _NAMES.index(letter) + _STEPS[sign]
    return midi if 0 <= midi <= 127 else None


def note_of(midi: int) -> str:
    """The name of a note by its MIDI number, nothing outside 0 ... 127.

    >>> note_of(60)
    'C4'
    """
    return f"{_NAMES[midi % 12]}{midi // 12 - 1}" if 0 <= midi <= 127 else ""
