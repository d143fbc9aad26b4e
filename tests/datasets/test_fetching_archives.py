"""Fetching sounds: archives, downloads that break off and go on, and where trainings look for them."""

from __future__ import annotations

import hashlib
import io
import random
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.datasets.collections import SOL
from timbrespace.core.errors import DataError
from timbrespace.datasets import known
from timbrespace.datasets.fetching import fetch
from timbrespace.datasets.known import RemoteFile, RemoteSet, default_place, known_data
from timbrespace.datasets.unpacking import Limits

NAMES = [row.split(",")[0] for row in SOL.splitlines()[1:]]
NOISE = bytes(range(256)) * 400


def archive(names: list[str]) -> bytes:
    tape = io.BytesIO()
    with tarfile.open(fileobj=tape, mode="w:gz") as packed:
        for name in names:
            member = tarfile.TarInfo(name)
            content = random.Random(name).randbytes(20_000)
            member.size = len(content)
            packed.addfile(member, io.BytesIO(content))
    return tape.getvalue()


class _Handler(BaseHTTPRequestHandler):
    """Serves ``files``; with ``limit`` breaks off after so many bytes, with ``ranges`` goes on where it is asked to."""

    files: ClassVar[dict[str, bytes]] = {}
    asked: ClassVar[list[str]] = []
    limit: ClassVar[int | None] = None
    ranges: ClassVar[bool] = True

    def do_GET(self) -> None:
        name, span = self.path[1:], self.headers.get("Range", "")
        self.asked.append(f"{name} {span}".strip())
        content = self.files[name]
        first = int(span.removeprefix("bytes=").rstrip("-")) if span and self.ranges else 0
        self.send_response(206 if first else 200)
        if first:
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - first))
        self.end_headers()
        self.wfile.write(content[first:][: self.limit])

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[_Handler]]:
    """A server of a small TinySOL, which then is the one called "tinysol"."""
    files = {"TinySOL_metadata.csv": SOL.encode(), "TinySOL.tar.gz": archive([f"TinySOL2020/{n}" for n in NAMES])}
    handler = type("Handler", (_Handler,), {"files": files, "asked": []})
    web = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    described = tuple(_described(n, c, Limits(50, 10**6) if n.endswith("gz") else None) for n, c in files.items())
    address = f"http://127.0.0.1:{web.server_address[1]}"
    monkeypatch.setitem(
        known.SETS, "tinysol", RemoteSet("A small TinySOL", "TinySOL", "", (address,), described, "sounds")
    )
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("TIMBRESPACE_DATA", raising=False)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    yield handler
    web.shutdown()
    thread.join()
    web.server_close()


def _described(name: str, content: bytes, limits: Limits | None) -> RemoteFile:
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return RemoteFile(name, len(content), md5, hashlib.sha256(content).hexdigest(), limits)


def names_in(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


WHOLE = sorted(["TinySOL_metadata.csv", *(f"TinySOL/{name}" for name in NAMES)])


def test_an_archive_is_fetched_unpacked_and_removed(server: type[_Handler], tmp_path: Path) -> None:
    calls: list[tuple[int, int, str]] = []
    place = fetch("tinysol", tmp_path / "to", progress=lambda *call: calls.append(call))
    assert names_in(place) == WHOLE
    done, total, what = zip(*calls, strict=True)
    assert list(done) == sorted(done)
    assert done[-1] == total[-1] == sum(map(len, server.files.values()))
    assert "unpacking TinySOL.tar.gz" in what
    server.asked.clear()
    assert fetch("tinysol", tmp_path / "to") == place
    assert server.asked == []


def test_an_archive_without_a_folder_of_its_own(server: type[_Handler], tmp_path: Path, monkeypatch: Any) -> None:
    content = archive(["Winds/a.wav", "Brass/b.wav"])
    server.files["TinySOL.tar.gz"] = content
    right = known.SETS["tinysol"]
    files = (right.files[0], _described("TinySOL.tar.gz", content, Limits(5, 10**6)))
    monkeypatch.setitem(known.SETS, "tinysol", RemoteSet("", "TinySOL", "", right.mirrors, files, "sounds"))
    assert names_in(fetch("tinysol", tmp_path)) == [
        "TinySOL/Brass/b.wav",
        "TinySOL/Winds/a.wav",
        "TinySOL_metadata.csv",
    ]


def test_a_download_that_breaks_off_goes_on(server: type[_Handler], tmp_path: Path) -> None:
    size = len(server.files["TinySOL.tar.gz"])
    server.limit = 1_000
    sentence = rf"TinySOL.tar.gz could not be fetched whole, 1,000 of {size:,} bytes are kept .*broke off.* goes on"
    with pytest.raises(DataError, match=sentence):
        fetch("tinysol", tmp_path)
    with pytest.raises(DataError, match="2,000 of"):
        fetch("tinysol", tmp_path)
    assert server.asked[-1] == "TinySOL.tar.gz bytes=1000-"
    server.limit = None
    server.asked.clear()
    fetch("tinysol", tmp_path)
    assert server.asked == ["TinySOL.tar.gz bytes=2000-"]
    assert names_in(tmp_path) == WHOLE


def test_a_server_that_cannot_go_on_starts_again(server: type[_Handler], tmp_path: Path) -> None:
    server.ranges = False
    (tmp_path / "TinySOL.tar.gz.part").write_bytes(server.files["TinySOL.tar.gz"][:500])
    assert names_in(fetch("tinysol", tmp_path)) == WHOLE
    assert server.asked == ["TinySOL_metadata.csv", "TinySOL.tar.gz bytes=500-"], "the answer was taken as it came"


@pytest.mark.parametrize("kept", [b"wrong from the start", NOISE], ids=["shorter", "longer"])
def test_a_wrong_beginning_is_thrown_away(server: type[_Handler], tmp_path: Path, kept: bytes) -> None:
    (tmp_path / "TinySOL.tar.gz.part").write_bytes(kept)
    assert names_in(fetch("tinysol", tmp_path)) == WHOLE


def test_a_wrong_archive_is_never_unpacked(server: type[_Handler], tmp_path: Path) -> None:
    content = server.files["TinySOL.tar.gz"]
    server.files["TinySOL.tar.gz"] = archive(["../escaped.wav"])[: len(content)].ljust(len(content), b"\0")
    with pytest.raises(DataError, match=r"TinySOL.tar.gz could not be fetched and nothing of it was kept .*checksum"):
        fetch("tinysol", tmp_path / "to")
    assert names_in(tmp_path) == ["to/TinySOL_metadata.csv"]


def test_an_archive_that_is_refused_leaves_nothing(server: type[_Handler], tmp_path: Path, monkeypatch: Any) -> None:
    content = archive(["fine.wav", "../escaped.wav"])
    server.files["TinySOL.tar.gz"] = content
    right = known.SETS["tinysol"]
    files = (_described("TinySOL.tar.gz", content, Limits(5, 10**6)),)
    monkeypatch.setitem(known.SETS, "tinysol", RemoteSet("", "TinySOL", "", right.mirrors, files, "sounds"))
    with pytest.raises(DataError, match="is no name inside a folder"):
        fetch("tinysol", tmp_path / "to")
    assert not (tmp_path / "to" / "TinySOL").exists()
    assert names_in(tmp_path) == ["to/TinySOL.tar.gz.part"]


def test_an_archive_put_there_by_hand_is_taken_and_stays(server: type[_Handler], tmp_path: Path) -> None:
    (tmp_path / "TinySOL.tar.gz").write_bytes(server.files["TinySOL.tar.gz"])
    fetch("tinysol", tmp_path)
    assert server.asked == ["TinySOL_metadata.csv"]
    assert names_in(tmp_path) == sorted([*WHOLE, "TinySOL.tar.gz"])


def test_trainings_find_what_was_fetched(
    server: type[_Handler], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        DataError, match=r"A small TinySOL is not on this machine; run: timbrespace data fetch tinysol$"
    ):
        known_data("tinysol")
    (tmp_path / "tinysol").mkdir()
    assert known_data("tinysol") == "tinysol", "a folder of that name right here, as before"
    place = fetch("tinysol")
    assert place == default_place("tinysol") == tmp_path / "home" / "timbrespace" / "sounds" / "TinySOL"
    assert known_data("tinysol") == str(place)
    assert known_data("./tinysol") == "./tinysol"
    shared = fetch("tinysol", tmp_path / "shared" / "sounds" / "TinySOL")
    monkeypatch.setenv("TIMBRESPACE_DATA", str(tmp_path / "shared"))
    assert known_data("tinysol") == str(shared)
    (shared / "TinySOL_metadata.csv").unlink()
    assert known_data("tinysol") == str(place), "what is not whole does not count"


def test_loops_are_fetched_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for ask in (fetch, known_data):
        with pytest.raises(
            DataError, match="no public source states a checksum of it; get FSL10K.zip .* and unpack it into"
        ):
            ask("fsl10k")
    (default_place("fsl10k") / "audio").mkdir(parents=True)
    (default_place("fsl10k") / "audio" / "1_2.wav").touch()
    assert known_data("fsl10k") == str(default_place("fsl10k"))
