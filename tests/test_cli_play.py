"""The command 'play': what it refuses, in one sentence each, and what it plays without a page."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.bundles import bundle, copy_of_bundle, own_process  # noqa: F401  # a fixture
from timbrespace.__main__ import main
from timbrespace.core.errors import BundleError, StorageError
from timbrespace.web import play as playing
from timbrespace.web.serve import bind, bind_near

Ran = tuple[int, str, str]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    def call(*tokens: object) -> Ran:
        code = main(["play", *(str(token) for token in tokens)])
        return (code, *capsys.readouterr())

    return call


def refused(ran: Ran) -> str:
    """The sentence, if it is one and the exit code is 2."""
    code, out, err = ran
    assert (code, out) == (2, ""), ran
    (line,) = err.splitlines()
    assert line.startswith("timbrespace: ")
    return line.removeprefix("timbrespace: ")


@pytest.fixture
def edited(tmp_path: Path) -> Any:
    """A bundle whose configuration was changed."""

    def call(**changes: Any) -> Path:
        model = copy_of_bundle(tmp_path / "model")
        config = json.loads((model / "config.json").read_text())
        (model / "config.json").write_text(json.dumps(config | changes))
        return model

    return call


def test_without_a_model_it_says_how_to_get_one(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert refused(run()) == "There is no model to play here; name one, or make one first with: timbrespace demo"


def test_the_demo_is_played_if_it_is_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BundleError):
        playing.chosen_model(None)
    shutil.copytree(bundle(), tmp_path / "demo" / "model")
    assert playing.chosen_model(None) == Path("demo/model")
    assert playing.chosen_model(Path("other")) == Path("other")


def test_what_is_no_model(run: Any, tmp_path: Path) -> None:
    assert "give the folder of a trained model" in refused(run(tmp_path / "missing"))
    assert "is not a trained model" in refused(run(tmp_path))


def test_a_model_of_something_else_than_sound(run: Any, edited: Any) -> None:
    sentence = refused(run(edited(kind="ImageModel"), "--no-open"))
    assert "unknown kind 'ImageModel'" in sentence


def test_a_decoder_that_needs_the_whole(run: Any, edited: Any) -> None:
    model = json.loads((bundle() / "config.json").read_text())["model"]
    symmetric = edited(model=model | {"network": model["network"] | {"lookahead": None}})
    assert "cannot play live" in refused(run(symmetric, "--no-open"))


def test_a_model_without_its_sounds(edited: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    codec = playing.playable_codec(bundle())
    codec.latent.clear()
    monkeypatch.setattr(playing, "load_sound", lambda model: codec)
    with pytest.raises(BundleError, match="does not hold the latents of its training sounds"):
        playing.play(bundle(), port=0, open_page=False)


def test_a_busy_port_is_named_with_a_free_one(run: Any) -> None:
    with bind(0) as taken:
        port = taken.getsockname()[1]
        sentence = refused(run(bundle(), "--port", port, "--no-open"))
    assert sentence.startswith(f"Port {port} is in use by another program; try --port ")
    free = int(sentence.split("--port ")[1].split(",")[0])
    with socket.socket() as other:
        other.bind(("127.0.0.1", free))


@pytest.mark.parametrize("port", [-1, 80, 65_536, 10**9])
def test_ports_that_are_none(port: int, run: Any) -> None:
    assert "choose one from 1024 to 65535" in refused(run(bundle(), "--port", port, "--no-open"))


def test_without_a_port_the_next_free_one_is_taken() -> None:
    with bind(0) as taken, bind_near(taken.getsockname()[1]) as found:
        assert found.getsockname()[0] == "127.0.0.1"
        assert found.getsockname()[1] != taken.getsockname()[1]


def test_only_one_server_has_a_port() -> None:
    with bind(0) as taken, pytest.raises(StorageError, match="is in use"):
        bind(taken.getsockname()[1])


@pytest.mark.parametrize("output", ["walk.xyz", "walk", ""])
def test_outputs_that_do_not_exist(output: str, run: Any) -> None:
    assert "--output is 'browser', 'card', 'none' or a sound file" in refused(run(bundle(), "--output", output))


def test_a_file_needs_an_end(run: Any, tmp_path: Path) -> None:
    assert "with --seconds 30" in refused(run(bundle(), "--output", tmp_path / "walk.wav"))


@pytest.mark.parametrize("seconds", ["0", "-3", "nan", "inf", "1e9"])
def test_times_that_are_none(seconds: str, run: Any, tmp_path: Path) -> None:
    sentence = "lasts more than 0 s and up to a day"
    assert sentence in refused(run(bundle(), "--output", tmp_path / "walk.wav", "--seconds", seconds))
    assert sentence in refused(run(bundle(), "--port", "0", "--no-open", "--seconds", seconds))
    assert not (tmp_path / "walk.wav").exists()


def test_a_walk_into_a_file(run: Any, tmp_path: Path) -> None:
    out = tmp_path / "walk.wav"
    code, text, err = run(bundle(), "--output", out, "--seconds", "1", "--seed", "3", "--json")
    assert (code, err) == (0, "")
    status = json.loads(text)
    assert status["dropouts"] >= 0
    wave, rate = soundfile.read(out)
    assert (len(wave), rate) == (22_050, 22_050)
    assert 0.001 < np.abs(wave).max() <= 1
    assert "exists already" in refused(run(bundle(), "--output", out, "--seconds", "1"))


def test_a_browser_is_opened_only_where_somebody_sits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert not playing.screen_there()
    monkeypatch.setenv("DISPLAY", ":0")
    assert playing.screen_there()
    monkeypatch.setattr("sys.stdout.isatty", lambda: False, raising=False)
    assert not playing.screen_there()
