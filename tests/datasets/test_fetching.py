"""Fetching public data sets, from a server inside the test."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.datasets.idx_files import write_set
from timbrespace.core.errors import DataError, StorageError
from timbrespace.datasets import known
from timbrespace.datasets.fetching import fetch
from timbrespace.datasets.images import Images
from timbrespace.datasets.known import SETS, RemoteFile, RemoteSet, default_place, known_data


class _Handler(SimpleHTTPRequestHandler):
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        super().do_GET()

    def log_message(self, *_: Any) -> None: ...


class Server:
    """A folder of files, served; ``asked`` are the paths that were asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.asked = folder, []
        handler = type("Handler", (_Handler,), {"asked": self.asked})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder)))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server of a small data set, which then is the one called "mnist"."""
    folder = write_set(tmp_path / "served", packed=True)
    files = tuple(_described(path) for path in sorted(folder.iterdir()))
    server = Server(folder)
    small = RemoteSet("A small set", "MNIST", "none", (server.address,), files)
    monkeypatch.setitem(known.SETS, "mnist", small)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("TIMBRESPACE_DATA", raising=False)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    yield server
    server.close()


def _described(path: Path) -> RemoteFile:
    content = path.read_bytes()
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return RemoteFile(path.name, len(content), md5, hashlib.sha256(content).hexdigest())


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_files_are_fetched_and_can_be_learnt_from(server: Server, tmp_path: Path) -> None:
    calls: list[tuple[int, int, str]] = []
    place = fetch("mnist", tmp_path / "new" / "place", progress=lambda *call: calls.append(call))
    assert place == tmp_path / "new" / "place"
    assert contents(place) == contents(server.folder)
    assert len(Images(str(place), validation=10).prepare().split("train")) == 30
    done, total, what = zip(*calls, strict=True)
    assert list(done) == sorted(done)
    assert set(total) == {sum(file.size for file in SETS["mnist"].files)} == {done[-1]}
    assert {file.name for file in SETS["mnist"].files} <= set(what)


def test_what_is_there_and_right_is_kept(server: Server, tmp_path: Path) -> None:
    fetch("mnist", tmp_path / "to")
    server.asked.clear()
    fetch("mnist", tmp_path / "to")
    assert server.asked == []
    damaged, missing = sorted((tmp_path / "to").iterdir())[:2]
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"?")
    missing.unlink()
    fetch("mnist", tmp_path / "to")
    assert server.asked == [f"/{damaged.name}", f"/{missing.name}"]
    assert contents(tmp_path / "to") == contents(server.folder)


def test_an_interrupted_fetch_goes_on(server: Server, tmp_path: Path) -> None:
    """Strays of a crash are swept, whole files are not fetched again."""
    names = [file.name for file in SETS["mnist"].files]

    def stop(done: int, total: int, what: str) -> None:
        if what == names[2]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch("mnist", tmp_path / "to", progress=stop)
    assert sorted(contents(tmp_path / "to")) == names[:2]
    (tmp_path / "to" / ".train.partial-12345678.gz").write_bytes(b"half")
    server.asked.clear()
    fetch("mnist", tmp_path / "to")
    assert server.asked == [f"/{name}" for name in names[2:]]
    assert contents(tmp_path / "to") == contents(server.folder)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda c: c[:-1] + bytes([c[-1] ^ 1]), r"wrong checksum, SHA-256 [0-9a-f]{12}\.\.\. and not [0-9a-f]{12}"),
        (lambda c: c[:-1], r"[\d,]+ bytes instead of [\d,]+ bytes"),
        (lambda c: c + b"more", r"more instead of [\d,]+ bytes"),
        (lambda c: b"", r"0 bytes instead of [\d,]+ bytes"),
    ],
    ids=["other", "short", "long", "empty"],
)
def test_a_wrong_file_is_refused_and_not_kept(server: Server, tmp_path: Path, change: Any, reason: str) -> None:
    name = SETS["mnist"].files[1].name
    (server.folder / name).write_bytes(change((server.folder / name).read_bytes()))
    with pytest.raises(DataError, match=f"^{name} could not be fetched and nothing of it was kept .*{reason}"):
        fetch("mnist", tmp_path / "to")
    assert list(contents(tmp_path / "to")) == [SETS["mnist"].files[0].name], "what was right stays"


def test_a_wrong_file_does_not_replace_what_is_there(server: Server, tmp_path: Path) -> None:
    name = SETS["mnist"].files[0].name
    (server.folder / name).write_bytes(b"wrong")
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / name).write_bytes(b"mine")
    with pytest.raises(DataError, match="nothing of it was kept"):
        fetch("mnist", tmp_path / "to")
    assert (tmp_path / "to" / name).read_bytes() == b"mine"


def test_both_checksums_count(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = SETS["mnist"]
    for field in ("md5", "sha256"):
        first = RemoteFile(**{**vars(right.files[0]), field: "0" * 32})
        monkeypatch.setitem(known.SETS, "mnist", RemoteSet("", "MNIST", "", right.mirrors, (first, *right.files[1:])))
        with pytest.raises(DataError, match="could not be fetched"):
            fetch("mnist", tmp_path / field)


def test_a_second_address_helps(server: Server, tmp_path: Path) -> None:
    gone = "http://127.0.0.1:1"
    fetch("mnist", tmp_path / "a", mirrors=[gone, f"{server.address}/nowhere", f"{server.address}/"])
    assert contents(tmp_path / "a") == contents(server.folder)
    with pytest.raises(DataError, match=r"127.0.0.1:1/.*refused.*; .*/nowhere/.*404.*File not found") as caught:
        fetch("mnist", tmp_path / "b", mirrors=[gone, f"{server.address}/nowhere"])
    assert "put the file into" in str(caught.value)
    assert contents(tmp_path / "b") == {}


def test_what_cannot_be_fetched_gets_one_sentence(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="There is no data set 'mnits' to fetch. Did you mean 'mnist'?"):
        fetch("mnits", tmp_path)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="file"):
        fetch("mnist", tmp_path / "file")


def test_names_of_data_sets(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert known_data("digits") == "digits"
    assert known_data("some/folder") == "some/folder"
    assert known_data("./mnist") == "./mnist"
    with pytest.raises(DataError, match=r"is not on this machine; run: timbrespace data fetch mnist$"):
        known_data("mnist")
    place = fetch("mnist")
    assert place == default_place("mnist")
    assert tmp_path in place.parents
    assert known_data("mnist") == str(place)
    shared = write_set(tmp_path / "shared" / "images" / "MNIST" / "raw").parent
    assert known_data("mnist") == str(place)
    monkeypatch.setenv("TIMBRESPACE_DATA", str(tmp_path / "shared"))
    assert known_data("mnist") == str(shared)
    with pytest.raises(DataError, match="timbrespace data fetch fashion"):
        known_data("fashion")


def test_the_table_is_that_of_the_real_files(real_data: Path) -> None:
    assert SETS["tinysol"].files[0].is_at(real_data / "lookalikes" / "TinySOL" / "TinySOL_metadata.csv")
    for remote in (SETS["mnist"], SETS["fashion"]):
        for file in remote.files:
            path = real_data / "images" / remote.folder / "raw" / file.name
            assert file.is_at(path)
            assert not RemoteFile(**{**vars(file), "sha256": "0" * 64}).is_at(path)


def test_known_addresses_are_encrypted_and_sets_complete() -> None:
    for remote in SETS.values():
        assert all(address.startswith("https://") for address in remote.mirrors)
        assert all(len(file.md5) == 32 and len(file.sha256) == 64 and file.size for file in remote.files)
        assert bool(remote.files) == bool(remote.mirrors) != bool(remote.by_hand)
        assert (remote.kind == "sounds") == any(file.limits for file in remote.files) or remote.by_hand
