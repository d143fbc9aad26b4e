"""Loops: in time, in key, seamless, seeded."""

from __future__ import annotations

import itertools
from functools import cache

import librosa
import numpy as np
import pytest
import torch

from timbrespace.core.errors import ParameterError
from timbrespace.core.seeds import numpy_generator
from timbrespace.datasets.synthetic import LabelledSound, loops
from timbrespace.datasets.synthetic.harmony import KEYS, MODES, PROGRESSIONS, Scale, lead
from timbrespace.datasets.synthetic.loops import KINDS, VARIATIONS, compose, drum_part
from timbrespace.datasets.synthetic.rhythm import Grid, spans, strokes
from timbrespace.datasets.synthetic.space import add_wrapped, loop_echo
from timbrespace.datasets.synthetic.styles import STYLES

RATE = 44_100


@cache
def some() -> tuple[LabelledSound, ...]:
    return tuple(loops(24, seed=3))


def samples(sound: LabelledSound) -> np.ndarray:
    return sound.wave[0].numpy().astype(np.float64)


def of_kind(*kinds: str) -> list[LabelledSound]:
    return [s for s in some() if s.labels["kind"] in kinds]


def test_every_loop_lasts_whole_bars_and_peaks_at_minus_one_decibel_without_offset() -> None:
    for sound in some():
        wave = samples(sound)
        seconds = int(sound.labels["bars"]) * 240.0 / int(sound.labels["bpm"])
        assert wave.size == round(seconds * RATE)
        assert 20 * np.log10(np.abs(wave).max()) == pytest.approx(-1.0, abs=0.01)
        assert abs(wave.mean()) < 1e-4
        assert 84 <= int(sound.labels["bpm"]) <= 140


def test_the_end_runs_into_the_start() -> None:
    """The third difference, which a click lifts, is at the seam no higher than at ordinary attacks."""
    for sound in some():
        bend = np.abs(np.diff(np.roll(samples(sound), 100), 3))
        assert bend[96:103].max() <= 4.0 * np.quantile(bend, 0.999), sound.name


def test_a_loop_depends_on_seed_and_index_alone() -> None:
    for first, second in zip(some(), loops(7, seed=3), strict=False):
        assert first.name == second.name
        assert first.labels == second.labels
        assert torch.equal(first.wave, second.wave)


def test_seeds_and_variations_differ_audibly() -> None:
    def log_mel(sound: LabelledSound) -> np.ndarray:
        mel = librosa.feature.melspectrogram(y=samples(sound), sr=RATE, n_mels=48)
        return np.asarray(librosa.power_to_db(mel).mean(axis=1))

    for mine, other in zip(some(), loops(12, seed=4), strict=False):
        assert np.sqrt(np.mean((log_mel(mine) - log_mel(other)) ** 2)) > 1.0
    assert VARIATIONS == 2
    for one, two in zip(some()[::2], some()[1::2], strict=True):
        assert one.labels == two.labels
        assert one.name[:-1] == two.name[:-1]
        assert float((one.wave - two.wave).abs().mean()) > 1e-3


def test_names_are_unique_and_every_kind_meets_every_style() -> None:
    songs = [compose(i, seed=1, sample_rate=RATE, seconds=4.8) for i in range(3 * 54)]
    assert len({song.name for song in songs}) == len(songs)
    assert {(s.kind, s.style.name) for s in songs[:54]} == {(k, s.name) for k in KINDS for s in STYLES}


def test_chords_and_arpeggios_stay_in_key() -> None:
    for sound in of_kind("chords", "arp"):
        power = np.abs(np.fft.rfft(samples(sound))) ** 2
        frequency = np.fft.rfftfreq(sound.wave.shape[-1], 1 / RATE)
        kept = (frequency > 100) & (frequency < 1_500)
        tone = np.round(69 + 12 * np.log2(frequency[kept] / 440)).astype(int) % 12
        chroma = np.bincount(tone, weights=power[kept], minlength=12)
        scale = Scale(KEYS.index(sound.labels["key"]), sound.labels["mode"])
        assert chroma[list(scale.pitch_classes)].sum() / chroma.sum() > 0.88, sound.name


def test_librosa_hears_the_tempo_of_four_on_the_floor() -> None:
    steady, found = ("house", "techno", "synthwave"), 0
    for index in range(0, 54, len(KINDS)):
        song = compose(index, seed=0, sample_rate=RATE, seconds=4.8)
        if song.style.name in steady:
            wave = np.tile(drum_part(song, numpy_generator(0, index), fresh=True), 3)
            tempo = float(np.atleast_1d(librosa.beat.beat_track(y=wave, sr=RATE)[0])[0])
            assert min(abs(tempo * octave / song.grid.bpm - 1) for octave in (0.5, 1, 2)) < 0.04
            found += 1
    assert found == len(steady)


def test_hits_fall_on_the_swung_grid() -> None:
    songs = [compose(i, seed=0, sample_rate=RATE, seconds=4.8) for i in range(0, 54, len(KINDS))]
    song = next(s for s in songs if s.style.name == "garage")
    wave = drum_part(song, numpy_generator(0, "grid"), fresh=True)
    strength = librosa.onset.onset_strength(y=wave, sr=RATE, hop_length=128, n_fft=512)
    onsets = librosa.onset.onset_detect(onset_envelope=strength, sr=RATE, hop_length=128, units="time", delta=0.2)
    steps = np.array([song.grid.seconds(i) for i in range(song.grid.n_steps)])
    assert song.grid.swing > 0.55
    assert onsets.size >= 8
    assert np.mean(np.abs(onsets[:, None] - steps[None]).min(axis=1) < 0.012) > 0.85


def test_the_grid_swings_odd_steps_only() -> None:
    grid = Grid(bpm=120, bars=1, swing=0.6, sample_rate=RATE)
    assert [grid.seconds(i) for i in range(3)] == pytest.approx([0.0, 0.15, 0.25])
    assert grid.length == 2 * RATE


def test_patterns_read_as_written() -> None:
    assert list(strokes("x.o,", 8)) == [(0, 1.0), (2, 0.6), (3, 0.35), (4, 1.0), (6, 0.6), (7, 0.35)]
    assert list(spans("r--.O-", 6)) == [(0, 3, "r"), (4, 2, "O")]


def test_every_written_pattern_is_one_bar() -> None:
    for style in STYLES:
        patterns = [p for kit in style.drums for p in kit.values()] + [*style.bass, *style.chords]
        assert all(len(p) == 16 for p in patterns), style.name


@pytest.mark.parametrize("mode", list(MODES))
def test_progressions_are_diatonic_and_avoid_diminished_chords(mode: str) -> None:
    scale = Scale(2, mode)
    for degree in {d for progression in PROGRESSIONS[mode] for d in progression}:
        root, _, fifth, _ = scale.chord(degree)
        assert {tone % 12 for tone in scale.chord(degree)} <= scale.pitch_classes
        assert fifth - root == 7


def test_voices_lead_by_small_steps() -> None:
    for mode, progressions in PROGRESSIONS.items():
        for progression in progressions:
            voiced = lead([Scale(9, mode).chord(d) for d in progression])
            for before, after in itertools.pairwise(voiced):
                assert sum(abs(a - b) for a, b in zip(before, after, strict=True)) <= 14
                assert abs(np.mean(after) - 62) < 8


def test_what_reaches_over_the_end_goes_on_at_the_start() -> None:
    loop = np.zeros(4)
    add_wrapped(loop, np.arange(1.0, 11.0), 3)
    assert loop == pytest.approx([2 + 6 + 10, 3 + 7, 4 + 8, 1 + 5 + 9])


def test_the_echo_of_a_loop_is_its_own_steady_state() -> None:
    impulse = np.zeros(1_000)
    impulse[10] = 1.0
    wet = loop_echo(impulse, 300 / RATE, 0.5, 1.0, RATE) - impulse
    # The repeats 1 + 1/2 + 1/4 + ... all wrap into the loop, and the low-pass keeps their area.
    assert wet.sum() == pytest.approx(2.0, rel=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": -1}, "count is -1"),
        ({"count": 1, "sample_rate": 8_000}, "generated at 16000 to 192000 Hz"),
        ({"count": 1, "seconds": 0.0}, "lasts 0.5 to 120 seconds"),
    ],
)
def test_wrong_requests_are_refused_at_the_call(options: dict[str, int], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        loops(**options)
