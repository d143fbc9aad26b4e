from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timbrespace.datasets.series import series_of

TOGETHER = [
    ("kick1.wav", "kick2.wav", "kick-03.flac", "Kick_4.aiff", "KICK 5 soft.wav", "kick (copy).wav", "kick_b.wav"),
    ("Analogsynth-octaves-high.flac", "Analogsynth-octaves-highmid.flac", "Analogsynth-octaves-low.flac"),
    ("guitar-riff-cutup1.flac", "guitar-riff-cutup4.flac"),
    ("runningEcho1-short.flac", "runningEcho2-long.flac", "running echo.wav"),
    ("syn-brass-1.flac", "syn-brass-2.flac"),
    ("fly-theremin-1.flac", "theremin-fly-2.flac"),
    ("Bb7-texture.flac", "C-texture.flac", "F#m7-texture.flac"),
    ("Guitar-Db-Minor-74BPM.flac", "Guitar-F-Harmonic-Minor-3-4-86BPM.flac"),
    ("Drums-5-8-75BPM.flac", "Drums-100BPM.flac"),
    ("piano_C4_mf.wav", "piano_A#3_pp.wav", "piano-Eb5-ff-2.wav"),
    ("01.wav", "002.wav", "3-4.wav"),
    ("take a.wav", "take b.wav"),
]


@pytest.mark.parametrize("names", TOGETHER, ids=lambda names: names[0])
def test_variants_of_one_sound_are_one_series(names):
    assert len({series_of(f"set/{name}") for name in names}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("kick1.wav", "snare1.wav"),
        ("syn-brass-1.flac", "syn-bass-1.flac"),
        ("a/kick1.wav", "b/kick1.wav"),
        ("FM-beat.flac", "metal-beat.flac"),
        ("tr808-kick.wav", "tr808-snare.wav"),
        ("bass.wav", "brass.wav"),
        ("largo.wav", "lento.wav"),
        ("Geräusch1.wav", "Gerät1.wav"),
    ],
)
def test_different_sounds_are_different_series(one, other):
    assert series_of(one) != series_of(other)


@given(st.text(st.characters(blacklist_characters="/\0", blacklist_categories=("Cs",)), min_size=1, max_size=20))
def test_every_name_has_a_series_of_its_folder(name):
    assert series_of(f"set/{name}.wav").startswith("set/")


def test_real_names(real_data: Path):
    names = [p.relative_to(real_data).as_posix() for p in (real_data / "loops").rglob("*.flac")]
    series = {series_of(n) for n in names}
    assert len(names) / 3 < len(series) < 2 * len(names) / 3
