"""Single notes of sixteen instruments in four families."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from timbrespace.core.errors import ParameterError, did_you_mean
from timbrespace.core.seeds import numpy_generator
from timbrespace.datasets.synthetic.blown import BLOWN
from timbrespace.datasets.synthetic.bowed import BOWED
from timbrespace.datasets.synthetic.harmony import KEYS
from timbrespace.datasets.synthetic.instrument import DYNAMICS, PEAK_DB, Instrument, Note
from timbrespace.datasets.synthetic.mastering import master_shot
from timbrespace.datasets.synthetic.oscillators import frequency_of
from timbrespace.datasets.synthetic.plucked import PLUCKED
from timbrespace.datasets.synthetic.sound import LabelledSound, check_request, labelled
from timbrespace.datasets.synthetic.struck import STRUCK

INSTRUMENTS: dict[str, Instrument] = {
    instrument.name: instrument for family in zip(PLUCKED, BOWED, BLOWN, STRUCK, strict=True) for instrument in family
}
"""By name, the families taking turns."""
_ORDINARIO_SHARE = 0.6
T = TypeVar("T")


def notes(count: int, *, seed: int = 0, sample_rate: int = 44_100) -> Iterator[LabelledSound]:
    """``count`` single notes; the instruments take turns, pitch, dynamics and technique are drawn.

    Names read ``violin-tremolo-a4-mf-3``. Labels: instrument, family, pitch, midi, dynamics, technique,
    seed. The pitch is the one that sounds, also of harmonics. A note peaks between -13 dBFS (pp) and -1 dBFS
    (ff). Note i depends on ``seed`` and i alone.
    """
    check_request(count, sample_rate)
    return (_drawn(index, seed, sample_rate) for index in range(count))


def _drawn(index: int, seed: int, sample_rate: int) -> LabelledSound:
    generator = numpy_generator(seed, "notes", index)
    names = tuple(INSTRUMENTS)
    turn, place = divmod(index, len(names))
    instrument = INSTRUMENTS[names[place]]
    others = instrument.techniques[1:]
    ordinary = generator.random() < _ORDINARIO_SHARE
    return note(
        instrument.name,
        int(generator.integers(instrument.lowest, instrument.highest + 1)),
        dynamics=str(generator.choice(list(DYNAMICS))),
        technique="ordinario" if ordinary else str(generator.choice(others)),
        seconds=generator.uniform(1.2, 2.2),
        seed=seed,
        take=turn + 1,
        sample_rate=sample_rate,
    )


def note(
    instrument: str,
    midi: int,
    *,
    dynamics: str = "mf",
    technique: str = "ordinario",
    seconds: float = 1.6,
    seed: int = 0,
    take: int = 1,
    sample_rate: int = 44_100,
) -> LabelledSound:
    """One note of an instrument; ``take`` tells repetitions of the same note apart.

    Raises :class:`ParameterError` for an instrument, technique or dynamics that does not exist and for a
    pitch out of the instrument's range.
    """
    check_request(1, sample_rate)
    player = _known("instrument", instrument, INSTRUMENTS)
    if technique not in player.techniques:
        raise ParameterError(
            f"{instrument} has no technique {technique!r}. {did_you_mean(technique, player.techniques)}"
        )
    strength = _known("dynamics", dynamics, DYNAMICS)
    if not player.lowest <= midi <= player.highest:
        raise ParameterError(
            f"MIDI note {midi} is out of the range of {instrument}; choose {player.lowest} to {player.highest}."
        )
    if not 0.1 <= seconds <= 30.0:
        raise ParameterError(f"seconds is {seconds}, but a note lasts 0.1 to 30 seconds.")
    # The dynamics are left out, so that they alone make the difference between two notes.
    generator = numpy_generator(seed, "note", instrument, midi, technique, take)
    played = player.play(Note(frequency_of(midi), strength, technique, seconds), sample_rate, generator)
    pitch = pitch_name(midi)
    labels = {
        "instrument": instrument,
        "family": player.family,
        "pitch": pitch,
        "midi": str(midi),
        "dynamics": dynamics,
        "technique": technique,
        "seed": str(seed),
    }
    wave = master_shot(played, sample_rate, peak_db=PEAK_DB[dynamics], drive=0.2)
    return labelled(f"{instrument}-{technique}-{pitch}-{dynamics}-{take}", wave, sample_rate, labels)


def pitch_name(midi: int) -> str:
    """The name of a MIDI note, 60 being c4.

    >>> pitch_name(69)
    'a4'
    """
    return f"{KEYS[midi % 12]}{midi // 12 - 1}"


def _known(what: str, name: str, options: dict[str, T]) -> T:
    if name not in options:
        raise ParameterError(f"There is no {what} {name!r}. {did_you_mean(name, options)}")
    return options[name]
