"""Notes, hits, oscillators, strings and the written library."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from timbrespace.core.errors import ParameterError, StorageError
from timbrespace.datasets.synthetic import INSTRUMENTS, LabelledSound, hits, note, notes, write_library
from timbrespace.datasets.synthetic.filters import resonator, swept
from timbrespace.datasets.synthetic.instrument import DYNAMICS, PEAK_DB
from timbrespace.datasets.synthetic.notes import pitch_name
from timbrespace.datasets.synthetic.oscillators import fm, frequency_of, pulse, saw, steady_phase
from timbrespace.datasets.synthetic.sound import nickname
from timbrespace.datasets.synthetic.strings import string

RATE = 44_100


def samples(sound: LabelledSound) -> np.ndarray:
    return sound.wave[0].numpy().astype(np.float64)


def cents_off(wave: np.ndarray, frequency: float) -> float:
    """How far the strongest peak within a half tone of ``frequency`` lies from it."""
    size = 1 << 19
    power = np.abs(np.fft.rfft(wave * np.hanning(wave.size), size))
    axis = np.fft.rfftfreq(size, 1 / RATE)
    near = (axis > 0.97 * frequency) & (axis < 1.03 * frequency)
    return float(1200 * np.log2(axis[near][power[near].argmax()] / frequency))


def off_harmonics_db(wave: np.ndarray, frequency: float) -> float:
    """The energy that is on no harmonic, over all energy."""
    power = np.abs(np.fft.rfft(wave * np.blackman(wave.size))) ** 2
    axis = np.fft.rfftfreq(wave.size, 1 / RATE)
    off = np.abs(axis - frequency * np.round(axis / frequency)) > 8
    return float(10 * np.log10(power[off].sum() / power.sum()))


@pytest.mark.parametrize("frequency", [1_763.3, 2_637.7, 5_123.1])
def test_oscillators_do_not_alias(frequency: float) -> None:
    phase = steady_phase(frequency, 1 << 16, RATE)
    assert off_harmonics_db(saw(phase, frequency, RATE), frequency) < -60
    assert off_harmonics_db(pulse(phase, frequency, RATE, width=0.3), frequency) < -60
    wave = fm(phase, ratio=2.0, index=np.full(1 << 16, 8.0), highest=frequency, sample_rate=RATE)
    assert off_harmonics_db(wave, frequency) < -55


def test_a_low_saw_is_the_closed_form() -> None:
    phase = steady_phase(30.0, RATE, RATE)
    assert np.sqrt(np.mean((saw(phase, 30.0, RATE) - (1 - 2 * (phase % 1))) ** 2)) < 0.03


@pytest.mark.parametrize("midi", [40, 57, 69, 81, 93])
@pytest.mark.parametrize("damping", [0.1, 0.4])
def test_strings_are_tuned_within_three_cents(midi: int, damping: float) -> None:
    frequency = frequency_of(midi)
    generator = np.random.default_rng(0)
    wave = string(frequency, 2 * RATE, RATE, generator, seconds=4.0, hardness=0.5, damping=damping)
    assert abs(cents_off(wave, frequency)) < 3.0


def test_strings_and_modes_fall_by_sixty_decibels_in_the_time_they_say() -> None:
    impulse = np.zeros(2 * RATE)
    impulse[0] = 1.0
    ring = resonator(impulse, 441.0, 1.0, RATE)
    assert np.abs(ring[:200]).max() == pytest.approx(1.0, abs=0.02)
    assert 20 * np.log10(np.abs(ring[RATE : RATE + 200]).max()) == pytest.approx(-60.0, abs=0.3)
    wave = string(441.0, 2 * RATE, RATE, np.random.default_rng(1), seconds=2.0, hardness=0.2, damping=0.4)
    turn = np.exp(-2j * np.pi * 441.0 / RATE * np.arange(4_400))
    later = abs(wave[RATE + 4_400 : RATE + 8_800] @ turn) / abs(wave[4_400:8_800] @ turn)
    assert 20 * np.log10(later) == pytest.approx(-30.0, abs=0.5)


def test_the_swept_filter_halves_power_at_its_cutoff() -> None:
    tone = np.sin(2 * np.pi * 1_000 / RATE * np.arange(RATE))
    assert swept(tone, 1_000.0, RATE)[RATE // 2 :].std() == pytest.approx(0.5, rel=0.01)
    assert swept(tone, 1_000.0, RATE, mode="high")[RATE // 2 :].std() == pytest.approx(0.5, rel=0.01)
    assert swept(tone, 1_000.0, RATE, q=5.0, mode="band")[RATE // 2 :].std() == pytest.approx(np.sqrt(0.5), rel=0.01)


@pytest.mark.parametrize("name", list(INSTRUMENTS))
def test_instruments_are_in_tune(name: str) -> None:
    instrument = INSTRUMENTS[name]
    for midi in (instrument.lowest + 3, (instrument.lowest + instrument.highest) // 2, instrument.highest - 3):
        assert abs(cents_off(samples(note(name, midi))[4_000:44_000], frequency_of(midi))) < 10.0


@pytest.mark.parametrize("name", list(INSTRUMENTS))
def test_louder_is_brighter_and_every_technique_sounds_its_own(name: str) -> None:
    instrument = INSTRUMENTS[name]
    middle = (instrument.lowest + instrument.highest) // 2
    centroids = []
    for dynamics in DYNAMICS:
        wave = samples(note(name, middle, dynamics=dynamics))
        magnitude = np.abs(np.fft.rfft(wave))
        centroids.append((magnitude * np.fft.rfftfreq(wave.size, 1 / RATE)).sum() / magnitude.sum())
        assert 20 * np.log10(np.abs(wave).max()) == pytest.approx(PEAK_DB[dynamics], abs=0.01)
    assert np.all(np.diff(centroids) > 0)
    ordinary = np.abs(np.fft.rfft(samples(note(name, middle)), 1 << 17))
    for technique in instrument.techniques[1:]:
        sound = note(name, middle, technique=technique)
        other = np.abs(np.fft.rfft(samples(sound), 1 << 17))
        assert abs(float(sound.wave.mean())) < 1e-3
        likeness = float((ordinary * other).sum() / np.linalg.norm(ordinary) / np.linalg.norm(other))
        assert likeness < 0.995, technique


def test_notes_cover_the_instruments_and_are_seeded_one_by_one() -> None:
    made = list(notes(32, seed=5))
    assert {s.labels["instrument"] for s in made} == set(INSTRUMENTS)
    assert {s.labels["family"] for s in made} == {"plucked", "bowed", "blown", "struck"}
    assert len({s.name for s in made}) == len(made)
    for sound in made:
        assert pitch_name(int(sound.labels["midi"])) == sound.labels["pitch"]
        assert sound.labels["technique"] in INSTRUMENTS[sound.labels["instrument"]].techniques
        assert float(sound.wave[0, [0, -1]].abs().max()) < 1e-3
    assert all(torch.equal(a.wave, b.wave) for a, b in zip(made, notes(5, seed=5), strict=False))
    assert not torch.equal(next(notes(1, seed=6)).wave[..., :1_000], made[0].wave[..., :1_000])


def test_hits_are_short_loud_and_ordered_by_brightness() -> None:
    made = list(hits(44, seed=2))
    assert len({s.name for s in made}) == len(made)
    centroid: dict[str, list[float]] = {}
    for sound in made:
        wave = samples(sound)
        assert wave.size < 1.5 * RATE
        assert 20 * np.log10(np.abs(wave).max()) == pytest.approx(-1.0, abs=0.01)
        assert abs(wave.mean()) < 1e-3
        power = np.abs(np.fft.rfft(wave)) ** 2
        axis = np.fft.rfftfreq(wave.size, 1 / RATE)
        centroid.setdefault(sound.labels["kind"], []).append(float((power * axis).sum() / power.sum()))
    middle = {kind: float(np.median(values)) for kind, values in centroid.items()}
    assert middle["kick"] < min(150.0, middle["tom"])
    assert middle["tom"] < middle["clap"] < middle["closed-hat"]
    assert all(torch.equal(a.wave, b.wave) for a, b in zip(made, hits(3, seed=2), strict=False))


def test_nicknames_never_repeat() -> None:
    assert len({nickname(i) for i in range(2_000)}) == 2_000


@pytest.mark.parametrize("rate", [22_050, 48_000])
def test_other_rates_keep_the_pitch(rate: int) -> None:
    sound = note("clarinet", 69, sample_rate=rate)
    wave = samples(sound)
    power = np.abs(np.fft.rfft(wave * np.hanning(wave.size)))
    assert sound.sample_rate == rate
    assert np.fft.rfftfreq(wave.size, 1 / rate)[power.argmax()] == pytest.approx(440.0, abs=3.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"instrument": "violine", "midi": 69}, "Did you mean 'violin'"),
        ({"instrument": "violin", "midi": 20}, "out of the range of violin; choose 55 to 96"),
        ({"instrument": "violin", "midi": 69, "technique": "tremelo"}, "Did you mean 'tremolo'"),
        ({"instrument": "violin", "midi": 69, "dynamics": "fff"}, "There is no dynamics 'fff'"),
        ({"instrument": "violin", "midi": 69, "seconds": 0.0}, "a note lasts 0.1 to 30 seconds"),
    ],
)
def test_wrong_notes_get_one_sentence(options: dict[str, object], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        note(**options)  # type: ignore[arg-type]  # wrong on purpose


def test_the_library_is_written_with_its_labels(tmp_path: Path) -> None:
    folder = tmp_path / "sounds"
    paths = write_library(folder, loops=2, notes=3, hits=2, seed=1)
    with (folder / "labels.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [folder / row["file"] for row in rows] == paths
    assert [p.relative_to(folder).parts[0] for p in paths] == ["loops"] * 2 + ["notes"] * 3 + ["hits"] * 2
    assert paths[2].relative_to(folder).parts[:3] == ("notes", rows[2]["family"], rows[2]["instrument"])
    wave, rate = soundfile.read(paths[2])
    assert rate == RATE
    assert np.abs(wave - samples(next(notes(1, seed=1)))).max() < 1e-3
    with pytest.raises(StorageError, match="exists already"):
        write_library(folder, loops=0, notes=0, hits=0)
    assert write_library(folder, loops=0, notes=0, hits=1, force=True)[0].is_file()
