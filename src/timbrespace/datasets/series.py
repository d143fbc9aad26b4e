"""Which sounds belong together: ``kick1``, ``kick2`` and ``kick-03-soft`` are one series, by their names."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Final

# Words that tell takes of one thing apart; the thing itself is what remains.
_VARIATIONS: Final = frozenset(
    """
    long short slow fast soft hard loud quiet open closed dry wet clean faded rhythmic left right mono stereo
    alt var variation take version ver copy edit mix final new old rr vel velocity bpm ppp pp mp mf ff fff
    major minor maj min dim aug harmonic melodic natural half diminished augmented
    ionian dorian phrygian lydian mixolydian aeolian locrian one two three four five six seven
    """.split()  # noqa: SIM905  # reads better than fifty quotes
)
_REGISTER: Final = re.compile(r"(more|low|lower|lows|lo|mid|mids|high|higher|highs|hi|top|bottom|up|down)+")
# A note or a chord: C, Bb, F#m7, Em9, A4. FM and AM are ways of synthesis, not F minor and A minor.
_CHORD: Final = re.compile(r"[a-g][#b♯♭]?(m|maj|min|dim|aug|sus|add)?-?\d{0,2}")
_SYNTHESIS: Final = frozenset(("fm", "am"))
_SEPARATORS: Final = re.compile(r"[^\w#♯♭]+|_+")
# runningEcho -> running Echo; take2long -> take 2 long
_INSIDE: Final = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=\d)(?=[^\W\d])|(?<=[^\W\d])(?=\d)")


def series_of(name: str) -> str:
    """The series of a file called ``name`` (its path inside the folder, with forward slashes).

    The file's folder, and of its stem the words that are left, in alphabetic order and lower case, after
    taking out numbers, single letters, notes and chords (``Bb``, ``F#m7``), keys (``minor``), dynamics
    (``mf``), registers (``low``, ``highmid``) and the usual words for variants (``long``, ``soft``, ``wet``,
    ``take``). Words are told apart by separators, by capitals inside and by digits. When nothing is left,
    only numbers and single letters are taken out.

    The rule would rather join too much than too little: a series torn apart lets a model be tested on what
    it was trained on.

    >>> series_of("drums/kick1.wav") == series_of("drums/Kick-03-soft.wav")
    True
    >>> series_of("berklee/runningEcho2-long.flac")
    'berklee/echo-running'
    """
    path = PurePosixPath(name)
    tokens = [t for t in _SEPARATORS.split(path.stem) if t]
    words = [w.lower() for t in tokens if not _is_chord(t) for w in _INSIDE.split(t)]
    kept = [w for w in words if not _is_variation(w)]
    if not kept:
        kept = [w.lower() for t in tokens for w in _INSIDE.split(t) if len(w) > 1 and not w.isdigit()]
    stem = "-".join(sorted(kept)) or "numbered"
    return str(path.parent / stem)


def _is_chord(token: str) -> bool:
    lower = token.lower()
    return lower not in _SYNTHESIS and _CHORD.fullmatch(lower) is not None


def _is_variation(word: str) -> bool:
    return len(word) == 1 or word.isdigit() or word in _VARIATIONS or _REGISTER.fullmatch(word) is not None
