"""Keys, modes, diatonic chords and how they lead into each other."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

# Flats only: a sharp sign in a file name would end a web address.
KEYS = ("c", "db", "d", "eb", "e", "f", "gb", "g", "ab", "a", "bb", "b")
MODES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
}
# Scale degrees from 0, four chords each; none rests on the mode's diminished chord.
PROGRESSIONS: dict[str, tuple[tuple[int, ...], ...]] = {
    "major": ((0, 4, 5, 3), (0, 5, 3, 4), (3, 0, 4, 5), (0, 2, 3, 4), (1, 4, 0, 5)),
    "minor": ((0, 5, 2, 6), (0, 3, 5, 6), (0, 6, 5, 6), (0, 2, 3, 5), (5, 6, 0, 0)),
    "dorian": ((0, 3, 0, 3), (0, 3, 6, 0), (0, 1, 2, 3), (0, 6, 3, 0), (0, 4, 3, 6)),
    "phrygian": ((0, 1, 0, 1), (0, 1, 2, 1), (0, 6, 1, 0), (0, 3, 1, 0)),
    "lydian": ((0, 1, 0, 1), (0, 1, 4, 2), (0, 4, 1, 0), (5, 1, 0, 4)),
    "mixolydian": ((0, 6, 3, 0), (0, 3, 6, 3), (0, 6, 0, 3), (0, 4, 6, 3)),
}


@dataclass(frozen=True)
class Scale:
    """A key (0 = C) and a mode."""

    key: int
    mode: str

    def pitch(self, degree: int) -> int:
        """Semitones above C of a scale degree, which may reach over the octave."""
        octave, step = divmod(degree, 7)
        return self.key + MODES[self.mode][step] + 12 * octave

    @property
    def pitch_classes(self) -> frozenset[int]:
        """The seven tones of the scale, 0 to 11."""
        return frozenset((self.key + step) % 12 for step in MODES[self.mode])

    def chord(self, degree: int, *, size: int = 4) -> tuple[int, ...]:
        """Thirds stacked on ``degree``: 3 tones a triad, 4 a seventh, 5 a ninth chord."""
        return tuple(self.pitch(degree + 2 * i) for i in range(size))

    @property
    def key_name(self) -> str:
        return KEYS[self.key % 12]


def near(pitch: int, midi: int) -> int:
    """The octave of ``pitch`` that is nearest to a MIDI note."""
    return midi + (pitch - midi + 6) % 12 - 6


def voicings(chord: tuple[int, ...], centre: int) -> list[tuple[int, ...]]:
    """Close positions of a chord, one per inversion and octave, whose middle is within an octave of ``centre``."""
    classes = sorted({tone % 12 for tone in chord})
    found = []
    for turn, octave in itertools.product(range(len(classes)), range(10)):
        tones = tuple(c + 12 * (octave + (i < turn)) for i, c in enumerate(classes))
        ordered = tuple(sorted(tones))
        if abs(sum(ordered) / len(ordered) - centre) <= 12:
            found.append(ordered)
    return found


def lead(chords: list[tuple[int, ...]], *, centre: int = 62) -> list[tuple[int, ...]]:
    """Voice ``chords`` (of equal size) as MIDI notes so that each tone moves as little as possible.

    The first chord lies nearest to ``centre``; every next one minimises the summed movement in semitones,
    with a slight pull back to the centre and none of them rubbing a semitone on top if it can be helped.
    """
    voiced: list[tuple[int, ...]] = []
    for chord in chords:
        before = voiced[-1] if voiced else None

        def cost(tones: tuple[int, ...], before: tuple[int, ...] | None = before) -> float:
            away = abs(sum(tones) / len(tones) - centre) + 4.0 * (tones[-1] - tones[-2] == 1)
            if before is None:
                return away
            return sum(abs(a - b) for a, b in zip(tones, before, strict=True)) + 0.3 * away

        voiced.append(min(voicings(chord, centre), key=cost))
    return voiced
