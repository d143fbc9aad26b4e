"""Grains along a path, and sound tables, as files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.bundles import bundle
from timbrespace.codecs.loading import load_sound
from timbrespace.codecs.sound import SoundCodec
from timbrespace.control.grain_file import grains_to_files
from timbrespace.core.errors import ParameterError, StorageError


@pytest.fixture(scope="module")
def codec() -> SoundCodec:
    return load_sound(bundle())


def test_grains_and_table_of_a_walk(codec: SoundCodec, tmp_path: Path) -> None:
    out, table = tmp_path / "grains.wav", tmp_path / "table.wav"
    knobs = ["density=60", "duration=80", "spread=1"]
    done = grains_to_files(codec, "walk", out=out, table=table, seconds=1.5, knobs=knobs, seed=3)
    sound, rate = soundfile.read(out)
    assert rate == codec.sample_rate
    assert sound.shape[1] == 2
    assert len(sound) == pytest.approx(done["seconds"] * rate, rel=0.05)
    assert np.isfinite(sound).all()
    assert 1e-3 < np.abs(sound).max() <= 1.0
    assert not np.allclose(sound[:, 0], sound[:, 1])  # grains are spread
    loop, _ = soundfile.read(table)
    assert len(loop) == done["frames"]
    assert np.abs(loop).max() > 1e-3
    made = json.loads((tmp_path / "table.json").read_text(encoding="utf-8"))
    assert made["path"]["kind"] == "walk"
    assert done["sidecar"] == str(tmp_path / "table.json")


def test_the_same_seed_gives_the_same_files(codec: SoundCodec, tmp_path: Path) -> None:
    for name in ("a", "b"):
        grains_to_files(codec, "walk", out=tmp_path / f"{name}.wav", seconds=0.5, seed=1)
    first, second = (soundfile.read(tmp_path / f"{name}.wav")[0] for name in ("a", "b"))
    assert np.array_equal(first, second)


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({}, ParameterError, "Nothing is to be written: say where, with -o"),
        ({"knobs": ["density"]}, ParameterError, "reads name=number, as in density=40, not 'density'"),
        ({"knobs": ["densty=4"]}, ParameterError, "no knob 'densty'"),
        ({"knobs": ["density=nan"]}, ParameterError, "the knob stays"),
        ({"taken": True}, StorageError, "--force"),
        ({"table": "table.mp3"}, ParameterError, "A sound table is a .wav file"),
    ],
)
def test_wrong_wishes_get_one_sentence(
    codec: SoundCodec, tmp_path: Path, options: dict[str, object], error: type[Exception], sentence: str
) -> None:
    out = tmp_path / "grains.wav" if "knobs" in options or "taken" in options else None
    if options.get("taken"):
        (tmp_path / "grains.wav").touch()
    table = tmp_path / str(options["table"]) if "table" in options else None
    knobs = options.get("knobs", ())
    with pytest.raises(error, match=sentence):
        grains_to_files(codec, "line", out=out, table=table, seconds=0.3, knobs=knobs)  # type: ignore[arg-type]
