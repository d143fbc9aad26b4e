"""The command 'path': all kinds, their settings, the report beside the sound, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.bundles import bundle, sounds
from timbrespace.__main__ import main
from timbrespace.cli import path as command
from timbrespace.latent.routes.choice import route_names


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)

    def call(*tokens: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["path", str(bundle()), *map(str, tokens)])
        return code, *capsys.readouterr()

    return call


def test_the_help_names_every_kind() -> None:
    assert command.__doc__ is not None
    told = command.__doc__.split("KIND: ")[1].split(".")[0].replace(" or ", ", ")
    assert tuple(told.split(", ")) == route_names()


def test_settings_and_files(run: Any) -> None:
    tokens = ["circle", "--set", "radius=2", "--set", "axes=1,3", "--seconds", "1", "--report", "p.html", "--save-path",
              "p.npz", "-o", "p.wav"]  # fmt: skip
    code, out, _ = run(*tokens, "--json")
    assert code == 0
    document = json.loads(out)
    assert document["route"]["axes"] == [1, 3]
    assert document["route"]["radius"] == 2.0
    assert {p.name for p in Path().iterdir()} == {"p.wav", "p.html", "p.json", "p.npz"}
    code, out, err = run(*tokens)
    assert (code, out) == (2, "")
    assert "exists already" in err
    assert run(*tokens, "--force")[1].endswith("open p.html in a browser\n")


def test_recordings_set_the_time(run: Any) -> None:
    own = next(sounds().glob("snare*.wav"))
    assert run("recording", "--from", own, "-o", "r.wav")[0] == 0
    info, made = soundfile.info(own), soundfile.info("r.wav")
    assert 0 <= made.frames / made.samplerate - info.frames / info.samplerate < 0.2
    assert run("recording", "--from", own, "--set", "direction=reverse", "--seconds", "0.5", "-o", "b.wav")[0] == 0
    assert soundfile.info("b.wav").duration == pytest.approx(0.5, abs=0.1)


def test_sounds_of_ones_own(run: Any) -> None:
    assert run("corpus", "--data", sounds(), "--seconds", "1", "-o", "c.wav")[0] == 0
    assert np.abs(soundfile.read("c.wav")[0]).max() > 0


@pytest.mark.parametrize(
    ("tokens", "sentence"),
    [
        (["cirkle"], "There is no path 'cirkle'. Did you mean 'circle'?"),
        (["circle", "--set", "radios=1"], "Circle has no argument 'radios'. Did you mean 'radius'?"),
        (["circle", "--set", "radius"], "A setting of a path reads name=value"),
        (["circle", "--set", "radius=99"], "outside its range 0 to 10"),
        (["circle", "--set", "axes=1,99"], "there is no axis 99 among them"),
        (["circle", "--set", "axes=1,1"], "A curve needs different axes"),
        (["walk", "--report", "p.txt"], "The report is an HTML file"),
        (["walk", "--report", "no/p.html"], "The folder no does not exist"),
        (["walk", "--save-path", "p.wav"], "Latents are written as .npz"),
        (["walk", "--seconds", "0.02", "--report", "p.html"], "Smoothness needs a path of 4 steps or more"),
        (["corpus", "--data", "nowhere"], "nowhere does not exist"),
        (["aligned", "--to", "none.wav"], "none.wav does not exist"),
    ],
)
def test_what_is_refused(run: Any, tmp_path: Path, tokens: list[str], sentence: str) -> None:
    code, out, err = run(*tokens, "-o", "x.wav")
    assert (code, out) == (2, "")
    assert err.startswith("timbrespace: ")
    assert err.count("\n") == 1
    assert sentence in err
    assert list(tmp_path.iterdir()) == []
