"""What is asked over HTTP, as the page and programs ask it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.web.conftest import Running
from tests.web.fake_engine import FakeEngine, atlas, dials
from tests.web.raw import Answer, ask
from tests.web.test_audio_socket import blocks
from tests.web.test_control_socket import remote
from timbrespace.core.errors import StorageError
from timbrespace.web.page_files import page_files
from timbrespace.web.stage import Stage


@pytest.fixture
def get(running: Running, do: Any) -> Any:
    def call(target: str, *, method: str = "GET") -> Answer:
        headers = [("Host", f"127.0.0.1:{running.port}"), *running.token.items()]
        answer = do(ask(running.port, target, headers, method=method))
        assert isinstance(answer, Answer)
        return answer

    return call


def test_osc_describes_every_address(get: Any) -> None:
    root = json.loads(get("/api/osc").body)
    described = root["CONTENTS"]["ts"]["CONTENTS"]["knob"]["CONTENTS"]
    assert set(described) == set(dials())
    for name, dial in dials().items():
        assert described[name]["RANGE"] == [{"MIN": dial.range.low, "MAX": dial.range.high}]
        assert described[name]["VALUE"] == [dial.default]


def test_info_says_what_is_played_and_how_late(get: Any) -> None:
    info = json.loads(get("/api/info").body)
    assert (info["model"], info["sample_rate"], info["channels"]) == ("m", 44_100, 1)
    parts = info["latency"]
    assert set(parts) == {"step", "codec", "stage", "engine", "lead", "total"}
    assert parts["codec"] == 100.0
    assert parts["step"] == 23.0  # half a latent step


def test_the_map_and_its_points_fit_together(get: Any) -> None:
    table = json.loads(get("/api/map").body)
    answer = get("/api/points")
    columns = int(answer.headers["x-columns"])
    points = np.frombuffer(answer.body, "<f4").reshape(-1, columns)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert points.shape == (table["moments"], 2 + len(table["axes"]) + len(table["descriptors"]))
    assert np.array_equal(points, atlas(50).points, equal_nan=True)
    assert points[:, 0].max() < len(table["sounds"])
    assert table["informative"]["0.95"] == 4
    assert {"index", "name", "title", "share", "low", "high", "deviation", "correlations"} <= set(table["axes"][0])


def test_knobs_come_with_range_and_value(get: Any, running: Running) -> None:
    found = {k["name"]: k for k in json.loads(get("/api/knobs").body)}
    assert set(found) == set(dials())
    loop = found["loop_s"]
    assert (loop["low"], loop["high"], loop["unit"], loop["scale"], loop["default"]) == (0.1, 4.0, "s", "log", 1.5)
    assert found["scale_3"]["axis"] == 2
    running.engine.set("motion", 0.25)
    assert {k["name"]: k["value"] for k in json.loads(get("/api/knobs").body)}["motion"] == 0.25


def test_what_was_heard_last_is_kept_as_a_file(get: Any, running: Running, do: Any, tmp_path: Path) -> None:
    async def hear() -> Any:
        running.engine.send("play")
        async with remote(running, "/ws/audio") as socket:
            return (await blocks(socket, 40))[0]

    heard = do(hear())
    made = json.loads(get("/api/takes/recent?seconds=0.3", method="POST").body)
    assert made["seconds"] == pytest.approx(0.3)
    assert json.loads(get("/api/takes").body)[0] == made
    answer = get(made["url"])
    assert answer.headers["content-type"] == "audio/wav"
    assert answer.headers["content-disposition"] == f'attachment; filename="{made["id"]}.wav"'
    assert answer.headers["accept-ranges"] == "none"
    (tmp_path / "take.wav").write_bytes(answer.body)
    wave, rate = soundfile.read(tmp_path / "take.wav", dtype="float32", always_2d=True)
    assert rate == 44_100
    overlap = _find(heard[:, 0], wave[:, 0])
    assert overlap >= 0.1 * 44_100  # what follows was still on its way when the listener left


def _find(heard: Any, wave: Any) -> int:
    """How many samples at the start of ``wave`` are, bit depth aside, a piece of ``heard``."""
    fits = np.flatnonzero(np.abs(heard[:-2000] - wave[0]) < 1e-6)
    for i in fits:
        n = min(len(heard) - i, len(wave))
        if np.abs(heard[i : i + n] - wave[:n]).max() < 1e-6:
            return n
    return 0


@pytest.mark.parametrize("seconds", ["0", "-1", "61", "nan", "inf", "1e30", "x", "", "0x10", "1,5"])
def test_seconds_that_make_no_sense_are_refused(seconds: str, get: Any, running: Running) -> None:
    before = running.stage.shelf.list()
    answer = get(f"/api/takes/recent?seconds={seconds}", method="POST")
    assert answer.status == 422
    assert json.loads(answer.body)["code"] == "bad_request"
    assert running.stage.shelf.list() == before


@pytest.mark.parametrize("name", ["take-1", "..", "%2e%2e", "..%5c..%5csecret", "C:secret", "%ff", "a" * 3000])
def test_ids_that_are_none_find_nothing(name: str, get: Any) -> None:
    answer = get(f"/api/takes/{name}.wav")
    assert answer.status == 404
    assert json.loads(answer.body)["message"].endswith(".")


def test_a_take_that_was_removed_is_not_there(get: Any, running: Running) -> None:
    running.engine.read(4410)  # something was heard
    made = json.loads(get("/api/takes/recent?seconds=0.1", method="POST").body)
    found = running.stage.shelf.find(made["id"])
    assert found is not None
    found.path.unlink()
    assert get(made["url"]).status == 404


def test_a_folder_for_takes_that_cannot_be_made_is_one_sentence(tmp_path: Path, do: Any) -> None:
    (tmp_path / "takes").write_text("a file, where a folder should be")
    stage = Stage(FakeEngine(tmp_path / "takes", moments=50), atlas(50), facts={})

    async def keep() -> None:
        with pytest.raises(StorageError, match="takes could not be written"):
            await stage.keep_recent(1.0)

    do(keep())


def test_the_description_names_every_address(get: Any, running: Running) -> None:
    described = json.loads(get("/api/openapi.json").body)["paths"]
    assert {"/api/info", "/api/map", "/api/points", "/api/knobs", "/api/takes", "/api/takes/{name}.wav"} <= set(
        described
    )
    assert described["/api/takes/recent"]["post"]["summary"]


@pytest.fixture
def built(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    for name in ("index.html", "assets/app-1a2b.js", "assets/core.wasm", "icon.svg", "notes.exe", "assets/style.css"):
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


def test_every_file_of_the_page_has_its_address_and_kind(built: Path) -> None:
    kinds = {file.path: file.kind for file in page_files(built)}
    assert kinds == {
        "/": "text/html; charset=utf-8",
        "/assets/app-1a2b.js": "text/javascript; charset=utf-8",
        "/assets/core.wasm": "application/wasm",
        "/assets/style.css": "text/css; charset=utf-8",
        "/icon.svg": "image/svg+xml",
    }


def test_names_with_a_hash_are_kept_and_others_are_asked_again(built: Path) -> None:
    keep = {file.path: file.keep for file in page_files(built)}
    assert keep["/assets/app-1a2b.js"] == "private, max-age=31536000, immutable"
    assert keep["/"] == keep["/icon.svg"] == "no-store"


def test_what_is_added_later_has_no_address(built: Path) -> None:
    files = page_files(built)
    (built / "later.js").write_text("x")
    assert "/later.js" not in {file.path for file in files}


@pytest.mark.parametrize("what", ["nothing", "no index", "a missing folder"])
def test_a_page_that_is_not_built_says_how(what: str, built: Path) -> None:
    if what == "no index":
        (built / "index.html").unlink()
    folder = {"nothing": built / "empty", "no index": built, "a missing folder": built / "missing"}[what]
    if what == "nothing":
        folder.mkdir()
    (only,) = page_files(folder)
    assert only.path == "/"
    assert b"make page" in only.content


def test_the_loop_is_not_held_up_by_a_take(running: Running, do: Any) -> None:
    async def both() -> None:
        async with remote(running, "/ws/audio") as socket:
            await blocks(socket, 8)
            headers = [("Host", f"127.0.0.1:{running.port}"), *running.token.items()]
            asking = asyncio.create_task(ask(running.port, "/api/takes/recent", headers, method="POST"))
            _, sequences, _ = await blocks(socket, 40)
            assert sequences == list(range(8, 48))
            assert (await asking).status == 200

    do(both())
