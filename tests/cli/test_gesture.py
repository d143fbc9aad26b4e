"""The command ``gesture``: what it prints and writes, and one sentence for everything one can do wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.bundles import bundle, sounds
from tests.cli.test_cli import Ran
from tests.cli.test_cli import run as run  # a fixture
from tests.motion import files
from timbrespace.codecs.loading import load_sound


@pytest.fixture
def hand(tmp_path: Path) -> Path:
    return files.uci(tmp_path / "a1_raw.csv")


def gesture(run: Any, *tokens: object) -> Ran:
    return run("gesture", bundle(), *tokens)


@pytest.mark.parametrize("mapping", ["pca", "range", "corpus"])
def test_a_gesture_is_heard_for_as_long_as_it_lasts(run: Any, hand: Path, tmp_path: Path, mapping: str) -> None:
    out = tmp_path / "out.wav"
    done = gesture(run, hand, "--gesture", 1, "--mapping", mapping, "-o", out, "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    sound, rate = soundfile.read(out)
    assert len(sound) / rate == pytest.approx(80 * 0.033, abs=0.1)
    assert np.abs(sound).max() > 0
    assert found["gesture"] == "a1_raw gesture 1"
    assert found["gestures"] == 2
    assert found["steps"] == 80
    assert found["mapping"]["kind"].lower() == mapping
    assert found["seconds"] == pytest.approx(len(sound) / rate)


def test_what_was_read_and_left_out_is_printed(run: Any, hand: Path, tmp_path: Path) -> None:
    done = gesture(run, hand, "--columns", "rhx, rhy", "-o", tmp_path / "o.wav")
    assert done.code == 0, done.err
    assert "a1_raw: 200 steps at 30.3 Hz, 2 columns (rhx, rhy)" in done.out
    assert "column phase holds text: it marks 2 gestures between rests" in done.out
    assert "the file holds 2 gestures" in done.out
    assert "mapped by pca" in done.out


def seconds(run: Any, hand: Path, *tokens: object) -> float:
    done = gesture(run, hand, "-o", hand.with_suffix(".wav"), "--force", "--json", *tokens)
    assert done.code == 0, done.err
    return float(json.loads(done.out)["seconds"])


def test_speed_seconds_and_gesture_by_label(run: Any, hand: Path) -> None:
    assert seconds(run, hand) == pytest.approx(6.6, abs=0.1)
    assert seconds(run, hand, "--speed", 2) == pytest.approx(3.3, abs=0.1)
    assert seconds(run, hand, "--seconds", 1.5) == pytest.approx(1.5, abs=0.1)
    assert seconds(run, hand, "--label", "gesture 2") == pytest.approx(50 * 0.033, abs=0.1)


def test_a_recording_is_followed(run: Any, hand: Path) -> None:
    sound = next(sounds().glob("*.wav"))
    assert seconds(run, hand, "--follow", sound, "--set", "axes=1", "--data", sounds()) > 6


def test_recordings_made_apart(run: Any, tmp_path: Path) -> None:
    path = files.point_history(tmp_path / "h.csv", [(1, files.circle(60), 1), (2, files.circle(90), 1)])
    done = gesture(run, path, "-o", tmp_path / "o.wav", "--json")
    found = json.loads(done.out)
    assert found["steps"] == 60
    assert "the file holds 2 gestures recorded apart; the first one was taken" in found["notes"]


def test_a_held_hand_is_said(run: Any, tmp_path: Path) -> None:
    still = 0.5 + 0.001 * files.circle(60)
    path = files.point_history(tmp_path / "h.csv", [(0, still, 1), (2, files.circle(90), 1)])
    assert "it moves by 0.1% of what all of the file does" in gesture(run, path, "-o", tmp_path / "o.wav").out


@pytest.mark.parametrize("as_table", [True, False])
def test_taught_by_sounds(run: Any, hand: Path, tmp_path: Path, as_table: bool) -> None:
    chosen = sorted(sounds().glob("*.wav"))[:2]
    if as_table:
        examples = tmp_path / "examples.csv"
        examples.write_text("time,sound,at\n" + "".join(f"{i + 1},{s},{0.1 * i}\n" for i, s in enumerate(chosen)))
    else:
        dims = load_sound(bundle()).latent_dim
        examples = tmp_path / "examples.json"
        shown = [{"time": 1.0, "sound": str(chosen[0])}, {"time": 2.0, "latents": [0.5] * dims}]
        examples.write_text(json.dumps({"examples": shown}))
    assert seconds(run, hand, "--mapping", "taught", "--examples", examples) > 6


def test_taught_by_a_table_of_latents(run: Any, hand: Path, tmp_path: Path) -> None:
    dims = load_sound(bundle()).latent_dim
    names = ["time", *(f"z{i}" for i in range(dims))]
    rows = np.array([[1.0, *([0.2] * dims)], [3.0, *([-0.4] * dims)], [4.0, *([0.1] * dims)]])
    examples = files.table(tmp_path / "e.csv", rows, ",".join(names))
    assert seconds(run, hand, "--mapping", "taught", "--examples", examples) > 6


def test_nothing_moves(run: Any, tmp_path: Path) -> None:
    path = files.table(tmp_path / "still.csv", np.full((90, 3), 0.5), "x,y,z")
    done = gesture(run, path, "-o", tmp_path / "o.wav")
    assert done.code == 0, done.err
    assert "nothing moves, so that the sound stands still" in done.out


@pytest.mark.parametrize(
    ("tokens", "sentence"),
    [
        (["nothing.csv"], "There is no file nothing.csv"),
        (["HAND", "--columns", "lhq"], "There is no column 'lhq' .* Did you mean 'lh"),
        (["HAND", "--gesture", "7"], "holds 2 gestures, 1 to 2, and none of number 7"),
        (["HAND", "--label", "stroke"], "No gesture of a1_raw is called 'stroke'"),
        (["HAND", "--label", "1", "--gesture", "1"], "not by both"),
        (["HAND", "--mapping", "pcaa"], "There is no mapping 'pcaa'. Did you mean 'pca'"),
        (["HAND", "--mapping", "taught"], "needs examples"),
        (["HAND", "--examples", "e.json"], "no other takes any"),
        (["HAND", "--mapping", "taught", "--examples", "none.json"], "There is no file none.json"),
        (["HAND", "--set", "amount=99"], "amount"),
        (["HAND", "--speed", "0"], "speed is from 0.01 to 100 times its own, not 0"),
        (["HAND", "--speed", "nan"], "speed is from 0.01 to 100 times its own, not nan"),
        (["HAND", "--seconds", "-1"], "not -1"),
        (["HAND", "--speed", "0.01", "--seconds", "99999"], "up to 1,800 seconds, not 99999"),
        (["HAND", "--smoothing", "nan"], "smoothing of a motion is from 0 to 1000, not nan"),
        (["HAND", "--rate", "0"], "rows a second, not 0"),
        (["HAND", "--follow", "none.wav"], "none.wav"),
        (["HAND", "--data", "nowhere"], "nowhere"),
        (["TEXT"], "no column of numbers"),
        (["NAN"], "holds no number in any column"),
    ],
)
def test_one_sentence(run: Any, hand: Path, tmp_path: Path, tokens: list[str], sentence: str) -> None:
    (tmp_path / "text.csv").write_text("a,b\nup,down\ndown,up\n")
    (tmp_path / "nan.csv").write_text("x,y\nnan,\nnan,nan\n,\n")
    named = {"HAND": hand, "TEXT": tmp_path / "text.csv", "NAN": tmp_path / "nan.csv"}
    done = gesture(run, *[named.get(t, t) for t in tokens], "-o", tmp_path / "o.wav")
    assert_matches(sentence, done.refused())
    assert not (tmp_path / "o.wav").exists()


EXAMPLES = [
    ("not json", "is no valid JSON|has no column 'time'|holds a header and no rows"),
    ("[1, 2]", "no list of examples"),
    ("[]", "holds 0 examples"),
    ('[{"sound": "a.wav"}]', "has no 'time'"),
    ('[{"time": 1}]', "has neither 'sound'"),
    ('[{"time": 1, "latents": [1]}]', "needs . finite numbers as latents"),
    ('[{"time": 1, "latents": "loud"}]', "finite numbers as latents"),
    ('[{"time": -1, "latents": [1]}]', "has no 'time' in seconds from zero up"),
    ('[{"time": 1, "sound": "none.wav"}]', "none.wav"),
    ('[{"time": 1, "sound": "SOUND", "at": 99}]', "ends before"),
    ("name,z\na,1\nb,2\n", "has no column 'time'"),
]


@pytest.mark.parametrize(("text", "sentence"), EXAMPLES)
def test_bad_examples(run: Any, hand: Path, tmp_path: Path, text: str, sentence: str) -> None:
    examples = tmp_path / "examples.txt"
    examples.write_text(text.replace("SOUND", str(next(sounds().glob("*.wav")))))
    done = gesture(run, hand, "--mapping", "taught", "--examples", examples, "-o", tmp_path / "o.wav")
    assert_matches(sentence, done.refused())


def test_existing_files_are_kept(run: Any, hand: Path, tmp_path: Path) -> None:
    (tmp_path / "o.wav").write_text("mine")
    assert "exists already" in gesture(run, hand, "-o", tmp_path / "o.wav").refused()
    assert (tmp_path / "o.wav").read_text() == "mine"


def assert_matches(pattern: str, text: str) -> None:
    import re

    assert re.search(pattern, text), text
