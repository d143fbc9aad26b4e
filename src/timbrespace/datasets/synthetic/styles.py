"""The genres: tempo, swing, keys, patterns and which instruments play them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Style:
    """One genre.

    Drum patterns are one bar of sixteenths: ``x`` accent, ``o`` normal, ``,`` ghost. Bass patterns: ``r``
    root, ``O`` octave, ``f`` fifth, ``s`` seventh. Chord patterns: ``x`` strike. ``-`` holds, ``.`` rests.
    ``half_bars`` says that chords change twice a bar. ``deep`` lowers and lengthens the drums, ``air`` is
    the amount of room.
    """

    name: str
    bpm: tuple[int, int]
    swing: tuple[float, float]
    modes: tuple[str, ...]
    drums: tuple[dict[str, str], ...]
    bass: tuple[str, ...]
    bass_sounds: tuple[str, ...]
    chords: tuple[str, ...]
    chord_sounds: tuple[str, ...]
    arp_sounds: tuple[str, ...]
    half_bars: bool = False
    deep: float = 0.5
    air: float = 0.3


STYLES: tuple[Style, ...] = (
    Style(
        name="house",
        bpm=(118, 126),
        swing=(0.52, 0.57),
        modes=("dorian", "minor"),
        drums=(
            {
                "kick": "x...x...x...x...",
                "clap": "....x.......x...",
                "closed-hat": "o.,.o.,.o.,.o.,o",
                "open-hat": "..x...x...x...x.",
                "shaker": "o,x,o,x,o,x,o,x,",
            },
            {
                "kick": "x...x...x...x..,",
                "snare": "....x.......x...",
                "closed-hat": "..o,..o...o,..oo",
                "open-hat": "..o...x...o...x.",
                "rim": "...o..o....o..o.",
            },
        ),
        bass=("..r-..r-..r-..O.", "r-..r..O..r-.f.s"),
        bass_sounds=("fm", "saw"),
        chords=("x--.....x-..x-..", "...x-..x-.......", "x..x..x....x--.."),
        chord_sounds=("stab", "epiano", "organ"),
        arp_sounds=("pluck", "bell"),
    ),
    Style(
        name="techno",
        bpm=(128, 136),
        swing=(0.5, 0.52),
        modes=("minor", "phrygian"),
        drums=(
            {
                "kick": "x...x...x...x...",
                "closed-hat": "o,o,o,o,o,o,o,o,",
                "open-hat": "..x...x...x...x.",
                "rim": "...o.....o..o...",
            },
            {
                "kick": "x...x...x...x.o.",
                "clap": "....o.......x...",
                "closed-hat": "..x...x...x...xo",
                "tom": "...o..,...o..o,.",
                "shaker": "oooooooooooooooo",
            },
        ),
        bass=(".rrr.rrr.rrr.rrO", "r.r.rOr.r.rfr.Or"),
        bass_sounds=("acid", "sub"),
        chords=("...x......x.....", "x.....x.....x..."),
        chord_sounds=("stab", "pad"),
        arp_sounds=("chip", "pluck"),
        deep=0.8,
        air=0.4,
    ),
    Style(
        name="dub",
        bpm=(84, 98),
        swing=(0.53, 0.6),
        modes=("minor", "dorian"),
        drums=(
            {
                "kick": "........x.......",
                "rim": "........x.....,.",
                "closed-hat": "x.o.x.o.x.o.x.oo",
                "open-hat": "..............o.",
            },
            {
                "kick": "x.......x.....o.",
                "snare": "........x.......",
                "closed-hat": "..x...x...x..,x.",
                "shaker": "o.,.o.,.o.,.o.,.",
                "tom": ".............o.o",
            },
        ),
        bass=("r---..r-f-..r-s-", "r--.r-O-..r-..f-", "..r-r-..O--.s-f-"),
        bass_sounds=("sub", "reese"),
        chords=("..x...x...x...x.", "....x-......x--."),
        chord_sounds=("organ", "stab"),
        arp_sounds=("bell", "string"),
        deep=0.8,
        air=0.7,
    ),
    Style(
        name="hiphop",
        bpm=(84, 96),
        swing=(0.56, 0.63),
        modes=("dorian", "minor", "major"),
        drums=(
            {
                "kick": "x......o..x.....",
                "snare": "....x.......x..,",
                "closed-hat": "x.o.x.o.x.o.x.oo",
            },
            {
                "kick": "x..o...,..xo....",
                "snare": "....x..,.,..x...",
                "closed-hat": "x.oox.o.x.o.xoo.",
                "rim": "......o.......o.",
            },
        ),
        bass=("r--....r..r-..f.", "r-...sr-..O-.f--"),
        bass_sounds=("sub", "fm"),
        chords=("x-----....x-----", "x---..x-....x-x."),
        chord_sounds=("epiano", "pad"),
        arp_sounds=("string", "bell"),
        half_bars=True,
        deep=0.6,
        air=0.25,
    ),
    Style(
        name="garage",
        bpm=(128, 134),
        swing=(0.58, 0.65),
        modes=("minor", "dorian"),
        drums=(
            {
                "kick": "x.........x...,.",
                "snare": "....x..,....x...",
                "closed-hat": "..x,..x...x,..xo",
                "rim": ".......o.o.....o",
            },
            {
                "kick": "x.....o...x.....",
                "clap": "....x.......x...",
                "closed-hat": "o.x.o.xoo.x.o.xo",
                "open-hat": "......o.......x.",
                "shaker": ",o,o,o,o,o,o,o,o",
            },
        ),
        bass=("r--...r..r-...s.", "r-..O.r-..f-..r."),
        bass_sounds=("reese", "fm"),
        chords=("x..x......x..x..", "...x-.....x-...."),
        chord_sounds=("organ", "stab", "epiano"),
        arp_sounds=("pluck", "bell"),
    ),
    Style(
        name="electro",
        bpm=(104, 116),
        swing=(0.5, 0.53),
        modes=("minor", "phrygian"),
        drums=(
            {
                "kick": "x.....x...x..x..",
                "snare": "....x.......x...",
                "closed-hat": "ooxoooxoooxoooxo",
                "cowbell": "x..x..x..x..o...",
            },
            {
                "kick": "x..x...,..x.....",
                "clap": "....x.......x..x",
                "closed-hat": "o.oox.ooo.oox.oo",
                "open-hat": "..............x.",
                "zap": "..........o.....",
            },
        ),
        bass=("r.rr..O.r.rr.f.s", "r-.r..r-O..r..rO"),
        bass_sounds=("acid", "saw"),
        chords=("x.....x.....x...", "x---....x---...."),
        chord_sounds=("stab", "pad"),
        arp_sounds=("chip", "pluck"),
        deep=0.7,
        air=0.2,
    ),
    Style(
        name="ambient",
        bpm=(84, 100),
        swing=(0.5, 0.55),
        modes=("lydian", "major", "dorian"),
        drums=(
            {
                "kick": "x.........o.....",
                "rim": "......o.....o..,",
                "shaker": "o.,.o.,.o.,.o.,.",
                "closed-hat": "....,.......o...",
            },
            {
                "kick": "x...............",
                "tom": "......o....o..,.",
                "shaker": ",,o,,,o,,,o,,,o,",
                "rim": "........o.......",
            },
        ),
        bass=("r--------------.", "r------.f------."),
        bass_sounds=("sub", "reese"),
        chords=("x---------------", "x-------x-------"),
        chord_sounds=("pad", "epiano"),
        arp_sounds=("bell", "string"),
        deep=0.9,
        air=0.9,
    ),
    Style(
        name="synthwave",
        bpm=(96, 112),
        swing=(0.5, 0.51),
        modes=("minor", "major", "mixolydian"),
        drums=(
            {
                "kick": "x...x...x...x...",
                "snare": "....x.......x...",
                "closed-hat": "x.o.x.o.x.o.x.o.",
                "tom": "..............oo",
            },
            {
                "kick": "x.....x.x.......",
                "snare": "....x.......x...",
                "closed-hat": "xoooxoooxoooxooo",
                "open-hat": "..............x.",
                "clap": "....o.......o...",
            },
        ),
        bass=("r.r.r.r.r.r.r.r.", "r.rOr.rOr.rOr.rO", "rrOrrrOrrrOrrrOr"),
        bass_sounds=("saw", "reese"),
        chords=("x---------------", "x-----x---x-----"),
        chord_sounds=("pad", "stab"),
        arp_sounds=("pluck", "chip"),
        half_bars=True,
        deep=0.4,
        air=0.5,
    ),
    Style(
        name="breaks",
        bpm=(124, 140),
        swing=(0.51, 0.58),
        modes=("minor", "dorian", "mixolydian"),
        drums=(
            {
                "kick": "x.x.......xo....",
                "snare": "....x..,.,..x..,",
                "closed-hat": "x.o.x.o.x.o.x.o.",
                "open-hat": "..............o.",
            },
            {
                "kick": "x..o...,..x.....",
                "snare": "....x..o.,..x.o.",
                "closed-hat": "o.x.o.x.o.x.o.xo",
                "shaker": "o,o,o,o,o,o,o,o,",
            },
        ),
        bass=("r--r..O-..r-.s.f", "r-..r-f.O-..r--."),
        bass_sounds=("reese", "acid"),
        chords=("x--.....x--.....", "x.....x...x....."),
        chord_sounds=("pad", "organ"),
        arp_sounds=("chip", "string"),
        deep=0.5,
    ),
)
