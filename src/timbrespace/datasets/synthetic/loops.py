"""Electronic loops of whole bars: drums, bass, chords, arpeggios, sweeps and mixes of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from timbrespace.core.errors import ParameterError
from timbrespace.core.seeds import numpy_generator
from timbrespace.datasets.synthetic.bass import BassPatch, bass_note, bass_patch
from timbrespace.datasets.synthetic.chords import ARP_VOICES, CHORD_VOICES, KeyPatch, key_patch
from timbrespace.datasets.synthetic.drums import MIX, VOICES
from timbrespace.datasets.synthetic.harmony import PROGRESSIONS, Scale, lead, near
from timbrespace.datasets.synthetic.mastering import master_loop
from timbrespace.datasets.synthetic.oscillators import frequency_of
from timbrespace.datasets.synthetic.rhythm import STEPS, Grid, Hand, spans, strokes, varied
from timbrespace.datasets.synthetic.sound import LabelledSound, Signal, check_request, labelled, nickname
from timbrespace.datasets.synthetic.space import loop_echo, loop_room
from timbrespace.datasets.synthetic.styles import STYLES, Style
from timbrespace.datasets.synthetic.sweeps import TEXTURES

KINDS = ("drums", "bass", "chords", "arp", "sweep", "mix")
VARIATIONS = 2
"""How many loops share a pattern, a tempo, a key and their sounds."""
_BASS_OFFSET = {"O": (0, 12), "f": (4, 0), "s": (6, 0), "r": (0, 0)}
_WHEN_TO_FILL = 0.6


@dataclass(frozen=True)
class Song:
    """What the variations of one loop share."""

    name: str
    kind: str
    style: Style
    grid: Grid
    scale: Scale
    degrees: tuple[int, ...]
    drums: dict[str, str]
    bass: str
    bass_sound: BassPatch
    chords: str
    chord_sound: str
    chord_patch: KeyPatch
    arp_sound: str
    arp_patch: KeyPatch
    texture: str
    kit_seed: int

    @property
    def chord_steps(self) -> int:
        """How many sixteenths a chord lasts."""
        return STEPS // 2 if self.style.half_bars else STEPS


def loops(count: int, *, seed: int = 0, sample_rate: int = 44_100, seconds: float = 4.8) -> Iterator[LabelledSound]:
    """``count`` electronic loops of 1, 2, 4, ... bars, whichever is nearest to ``seconds``.

    Kinds follow each other (drums, bass, chords, arp, sweep, mix), every pattern comes in two variations
    (``dub-bass-098-1``, ``dub-bass-098-2``) that differ in fills, touch and timing. Labels: kind, style, bpm,
    bars, key, mode, swing, seed. Loop i depends on ``seed`` and i alone; its end runs into its start.
    """
    check_request(count, sample_rate)
    if not 0.5 <= seconds <= 120.0:
        raise ParameterError(f"seconds is {seconds}, but a loop lasts 0.5 to 120 seconds; ask for several loops.")
    return (_loop(index, seed, sample_rate, seconds) for index in range(count))


def _loop(index: int, seed: int, sample_rate: int, seconds: float) -> LabelledSound:
    series, variation = divmod(index, VARIATIONS)
    song = compose(series, seed=seed, sample_rate=sample_rate, seconds=seconds)
    generator = numpy_generator(seed, "loops", series, "variation", variation)
    wave = master_loop(_render(song, generator, fresh=variation == 0), sample_rate, drive=generator.uniform(0.8, 1.4))
    labels = {
        "kind": song.kind,
        "style": song.style.name,
        "bpm": str(song.grid.bpm),
        "bars": str(song.grid.bars),
        "key": song.scale.key_name,
        "mode": song.scale.mode,
        "swing": f"{song.grid.swing:.2f}",
        "seed": str(seed),
    }
    return labelled(f"{song.name}-{variation + 1}", wave, sample_rate, labels)


def compose(series: int, *, seed: int, sample_rate: int, seconds: float) -> Song:
    """The song of a series: each block of 54 series meets every kind in every style once."""
    generator = numpy_generator(seed, "loops", series)
    block, place = divmod(series, len(KINDS) * len(STYLES))
    turn, kind = divmod(place, len(KINDS))
    start = int(numpy_generator(seed, "loops", "first style").integers(len(STYLES)))
    style = STYLES[(start + turn + 2 * kind) % len(STYLES)]
    bpm = int(generator.integers(style.bpm[0], style.bpm[1] + 1))
    bars = 2 ** max(0, round(np.log2(seconds * bpm / 240.0)))
    mode = str(generator.choice(style.modes))
    progressions = PROGRESSIONS[mode]
    chord_sound = str(generator.choice(style.chord_sounds))
    return Song(
        name=f"{style.name}-{KINDS[kind]}-{bpm:03d}" + (f"-{nickname(block - 1)}" if block else ""),
        kind=KINDS[kind],
        style=style,
        grid=Grid(bpm=bpm, bars=bars, swing=round(generator.uniform(*style.swing), 2), sample_rate=sample_rate),
        scale=Scale(key=int(generator.integers(12)), mode=mode),
        degrees=progressions[int(generator.integers(len(progressions)))],
        drums=style.drums[int(generator.integers(len(style.drums)))],
        bass=str(generator.choice(style.bass)),
        bass_sound=bass_patch(str(generator.choice(style.bass_sounds)), generator),
        chords=str(generator.choice(style.chords)),
        chord_sound=chord_sound,
        chord_patch=key_patch(generator),
        arp_sound=str(generator.choice(style.arp_sounds)),
        arp_patch=key_patch(generator),
        texture=tuple(TEXTURES)[(turn + start) % len(TEXTURES)],
        kit_seed=int(generator.integers(2**62)),
    )


def _render(song: Song, generator: np.random.Generator, *, fresh: bool) -> Signal:
    """The loop before mastering; ``fresh`` is the first variation, which plays the pattern as written."""
    match song.kind:
        case "drums":
            return drum_part(song, generator, fresh=fresh)
        case "bass":
            return bass_part(song, generator)
        case "chords":
            return chord_part(song, generator)
        case "arp":
            return arp_part(song, generator)
        case "sweep":
            return sweep_part(song, generator)
        case _:
            return mix_part(song, generator, fresh=fresh)


def harmony_of(song: Song, *, centre: int = 62, size: int = 4) -> list[tuple[int, ...]]:
    """The voiced chords of the loop, one per :attr:`Song.chord_steps`; the loop's last leads to its first."""
    count = song.grid.n_steps // song.chord_steps
    return lead([song.scale.chord(song.degrees[i % 4], size=size) for i in range(count)], centre=centre)


def drum_part(song: Song, generator: np.random.Generator, *, fresh: bool) -> Signal:
    """The drum machine, with a fill at the end of every variation but the first."""
    grid, total = song.grid, song.grid.silence()
    fill_from = grid.n_steps - int(generator.choice([4, 6, 8])) if not fresh else grid.n_steps
    for name, written in song.drums.items():
        kit = numpy_generator(song.kit_seed, name)
        takes = _takes(name, kit, song.style.deep, grid.sample_rate)
        hand = Hand(generator, timing=0.0 if name == "kick" else 0.002)
        pattern = written if fresh else "".join(varied(written, generator) for _ in range(grid.bars))
        for step, velocity in strokes(pattern, grid.n_steps):
            if step >= fill_from and name not in ("kick", "closed-hat"):
                continue
            take = takes[int(generator.integers(len(takes)))]
            grid.place(total, hand.velocity(velocity) * MIX[name] * take, step, late=hand.late())
    if not fresh:
        _fill(song, total, generator, fill_from)
    return loop_room(total, 0.25 + 0.7 * song.style.air, 0.12 + 0.3 * song.style.air**2, grid.sample_rate, generator)


def _takes(name: str, kit: np.random.Generator, deep: float, sample_rate: int) -> list[Signal]:
    """A few strokes of one drum, alike but not equal, each peaking at 1."""
    state = int(kit.integers(2**62))
    shared = [VOICES[name](np.random.default_rng(state), v, deep, sample_rate) for v in (1.0, 0.85, 0.92)]
    return [take / max(1e-9, float(np.abs(take).max())) for take in shared]


def _fill(song: Song, total: Signal, generator: np.random.Generator, start: int) -> None:
    """A run on snare, tom or rim into the end of the loop, growing louder."""
    grid = song.grid
    name = next((n for n in ("snare", "tom", "clap", "rim") if n in song.drums), "tom")
    takes = _takes(name, numpy_generator(song.kit_seed, name), song.style.deep, grid.sample_rate)
    hand = Hand(generator)
    for step in range(start, grid.n_steps):
        if generator.random() < _WHEN_TO_FILL:
            loud = 0.35 + 0.55 * (step - start + 1) / (grid.n_steps - start)
            take = takes[int(generator.integers(len(takes)))]
            grid.place(total, hand.velocity(loud) * MIX[name] * take, step, late=hand.late())


def bass_part(song: Song, generator: np.random.Generator) -> Signal:
    """The bass line on the roots of the chords, with slides and a few changed notes."""
    grid, total, hand = song.grid, song.grid.silence(), Hand(generator, timing=0.002)
    before: float | None = None
    for step, held, mark in spans(song.bass, grid.n_steps):
        degree = song.degrees[step // song.chord_steps % 4]
        degrees, semitones = _BASS_OFFSET[mark]
        root = near(song.scale.pitch(degree), 40)
        above = song.scale.pitch(degree + degrees) - song.scale.pitch(degree)
        frequency = frequency_of(root + above + semitones)
        slide = before if generator.random() < 0.2 else None
        seconds = 0.92 * (grid.seconds(step + held) - grid.seconds(step))
        velocity = float(np.clip(hand.velocity(0.95 if step % 4 == 0 else 0.75), 0.2, 1.0))
        note = bass_note(song.bass_sound, frequency, seconds, velocity, grid.sample_rate, generator, glide_from=slide)
        grid.place(total, note, step, late=hand.late())
        before = frequency
    return total


def chord_part(song: Song, generator: np.random.Generator) -> Signal:
    """Chords, each strummed by a few milliseconds, in an echo and a room."""
    grid, total, hand = song.grid, song.grid.silence(), Hand(generator, timing=0.003)
    voiced = harmony_of(song)
    voice = CHORD_VOICES[song.chord_sound]
    for step, held, _ in spans(song.chords, grid.n_steps):
        seconds = 0.95 * (grid.seconds(step + held) - grid.seconds(step))
        late = hand.late()
        for i, midi in enumerate(voiced[step // song.chord_steps % len(voiced)]):
            velocity = float(np.clip(hand.velocity(0.8), 0.2, 1.0))
            note = voice(song.chord_patch, frequency_of(midi), seconds, velocity, grid.sample_rate, generator)
            grid.place(total, note, step, late=late + 0.004 * i)
    if song.chord_sound in ("stab", "organ"):
        total = loop_echo(total, 3 * grid.step_seconds, 0.45, 0.15 + 0.4 * song.style.air, grid.sample_rate)
    return loop_room(total, 0.8 + 1.8 * song.style.air, 0.15 + 0.3 * song.style.air, grid.sample_rate, generator)


def arp_part(song: Song, generator: np.random.Generator) -> Signal:
    """Broken chords in sixteenths or eighths, up, down, or wandering, in a dotted echo."""
    grid, total, hand = song.grid, song.grid.silence(), Hand(generator, timing=0.0015)
    voiced = harmony_of(song, centre=67)
    voice = ARP_VOICES[song.arp_sound]
    shape = numpy_generator(song.kit_seed, "arp")
    stride = 2 if song.grid.bpm > 110 and shape.random() < 0.4 else 1
    order = _arp_order(shape)
    rests = shape.random(STEPS) < 0.2
    for number, step in enumerate(range(0, grid.n_steps, stride)):
        if rests[step % STEPS] and step % 4:
            continue
        tones = voiced[step // song.chord_steps % len(voiced)]
        tones = (*tones, tones[0] + 12, tones[1] + 12)
        place = order[number % len(order)] if generator.random() > 0.06 else int(generator.integers(len(tones)))
        velocity = float(np.clip(hand.velocity(0.9 if step % 4 == 0 else 0.65), 0.2, 1.0))
        note = voice(
            song.arp_patch,
            frequency_of(tones[place]),
            0.8 * stride * grid.step_seconds,
            velocity,
            grid.sample_rate,
            generator,
        )
        grid.place(total, note, step, late=hand.late())
    total = loop_echo(total, 3 * grid.step_seconds, 0.4, 0.35, grid.sample_rate)
    return loop_room(total, 0.6 + 1.6 * song.style.air, 0.15 + 0.25 * song.style.air, grid.sample_rate, generator)


def _arp_order(generator: np.random.Generator) -> tuple[int, ...]:
    """The order in which six chord tones are played."""
    orders: tuple[tuple[int, ...], ...] = (
        (0, 1, 2, 3, 4, 5),
        (5, 4, 3, 2, 1, 0),
        (0, 1, 2, 3, 4, 5, 4, 3, 2, 1),
        (0, 2, 1, 3, 2, 4, 3, 5),
        (*(int(i) for i in generator.permutation(6)), 0, 3),
    )
    return orders[int(generator.integers(len(orders)))]


def sweep_part(song: Song, generator: np.random.Generator) -> Signal:
    """A texture on the loop's chords in a large room."""
    total = TEXTURES[song.texture](song.grid, harmony_of(song, centre=60), generator)
    return loop_room(total / total.std(), 2.0 + song.style.air, 0.35, song.grid.sample_rate, generator)


def mix_part(song: Song, generator: np.random.Generator, *, fresh: bool) -> Signal:
    """Drums, bass and either chords or an arpeggio; the others duck under the kick."""
    duck = _ducking(song)
    drums = drum_part(song, generator, fresh=fresh)
    bass = bass_part(song, generator)
    upper = chord_part(song, generator) if song.kit_seed % 3 else arp_part(song, generator)
    parts = [drums / drums.std(), 0.65 * duck * bass / bass.std(), 0.5 * duck * upper / upper.std()]
    out: Signal = np.sum(parts, axis=0)
    return out


def _ducking(song: Song) -> Signal:
    """A gain that dips to 0.35 under every kick and is back within an eighth."""
    grid = song.grid
    gain = grid.silence()
    back = round(2 * grid.step_seconds * grid.sample_rate)
    dip = 0.5 + 0.5 * np.cos(np.pi * np.arange(back) / back)
    attack = round(0.004 * grid.sample_rate)
    shape = np.concatenate([np.linspace(0.0, 1.0, attack), dip])
    for step, velocity in strokes(song.drums.get("kick", "."), grid.n_steps):
        grid.place(gain, 0.65 * velocity * shape, step, late=-0.004)
    return 1.0 - np.minimum(gain, 0.65)
