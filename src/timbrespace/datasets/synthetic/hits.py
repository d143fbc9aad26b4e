"""Percussion one-shots."""

from __future__ import annotations

from collections.abc import Iterator

from timbrespace.core.seeds import numpy_generator
from timbrespace.datasets.synthetic.drums import VOICES
from timbrespace.datasets.synthetic.mastering import master_shot
from timbrespace.datasets.synthetic.sound import LabelledSound, check_request, labelled, nickname
from timbrespace.datasets.synthetic.space import room

VARIATIONS = 2
"""How many hits are strokes on one and the same drum."""


def hits(count: int, *, seed: int = 0, sample_rate: int = 44_100) -> Iterator[LabelledSound]:
    """``count`` percussion hits under 1.5 s, each drum struck twice (``kick-amber-1``, ``kick-amber-2``).

    Labels: kind, velocity, seed. Hit i depends on ``seed`` and i alone.
    """
    check_request(count, sample_rate)
    return (_hit(index, seed, sample_rate) for index in range(count))


def _hit(index: int, seed: int, sample_rate: int) -> LabelledSound:
    series, variation = divmod(index, VARIATIONS)
    turn, place = divmod(series, len(VOICES))
    kind = tuple(VOICES)[place]
    # The drum's character comes from the series; the stroke's strength, drive and room from the variation.
    character = numpy_generator(seed, "hits", series)
    generator = numpy_generator(seed, "hits", series, variation)
    deep = float(character.random())
    air = float(character.choice([0.0, 0.1, 0.25]))
    velocity = float(generator.uniform(0.85, 1.0) if variation == 0 else generator.uniform(0.4, 0.8))
    dry = VOICES[kind](character, velocity, deep, sample_rate)
    wet = room(dry, 0.2 + 0.4 * deep, air, sample_rate, generator) if air else dry
    wave = master_shot(wet, sample_rate, drive=generator.uniform(0.4, 1.4))
    labels = {"kind": kind, "velocity": f"{velocity:.2f}", "seed": str(seed)}
    return labelled(f"{kind}-{nickname(turn)}-{variation + 1}", wave, sample_rate, labels)
