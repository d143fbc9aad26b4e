"""Archives of every kind, and what must not come out of them."""

from __future__ import annotations

import contextlib
import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from timbrespace.core.errors import DataError
from timbrespace.datasets.unpacking import Limits, unpack

ROOM = Limits(entries=10, size=10_000)
FILES = {"a#1.wav": b"one", "deep/er/b.wav": b"", "deep/c.txt": b"x" * 5_000}


def tape(path: Path, files: dict[str, bytes], *, mode: str = "w:gz", change: Callable[..., None] | None = None) -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            if change is not None:
                change(member)
            archive.addfile(member, io.BytesIO(content))
    return path


def packed(path: Path, files: dict[str, bytes], *, mode: int = 0) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr, info.compress_type = mode << 16, zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def to(tmp_path: Path) -> Path:
    folder = tmp_path / "outer" / "to"
    folder.mkdir(parents=True)
    return folder


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_tape_comes_out_as_it_went_in(mode: str, tmp_path: Path, to: Path) -> None:
    told: list[int] = []
    assert unpack(tape(tmp_path / "a.tar", FILES, mode=mode), to, ROOM, told=told.append) == 3
    assert contents(to) == FILES
    assert told[-1] == 5_003


def test_a_zip_comes_out_as_it_went_in(tmp_path: Path, to: Path) -> None:
    archive = packed(tmp_path / "a.zip", FILES)
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr("folder/", b"")
    assert unpack(archive, to, ROOM) == 3
    assert contents(to) == FILES
    assert (to / "folder").is_dir()


BAD_NAMES = ["/abs.wav", "../up.wav", "a/../../up.wav", "C:\\x.wav", "a\\..\\b", "x" * 300, "a\nb", "d/" * 20 + "x"]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_names_that_lead_out_are_refused(name: str, tmp_path: Path, to: Path) -> None:
    for archive in (tape(tmp_path / "a.tar", {name: b"x"}), packed(tmp_path / "a.zip", {name: b"x"})):
        with pytest.raises(DataError, match=r"a\.(tar|zip) is not unpacked: .* is no name inside a folder; fetch it"):
            unpack(archive, to, ROOM)
    assert contents(tmp_path / "outer") == {}


@given(st.lists(st.text("./\\ab:\0#", min_size=1, max_size=8), min_size=1, max_size=4))
@settings(max_examples=100, deadline=None)
def test_no_name_leads_out(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    outer = tmp_path_factory.mktemp("outer")
    (outer / "to").mkdir()
    archive = tape(outer / "a.tar", dict.fromkeys(names, b"x"), mode="w")
    with contextlib.suppress(DataError):
        unpack(archive, outer / "to", ROOM)
    assert {p.name for p in outer.iterdir()} == {"a.tar", "to"}


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (tarfile.SYMTYPE, "a link"), (tarfile.LNKTYPE, "a link"), (tarfile.FIFOTYPE, "no plain file"),
        (tarfile.CHRTYPE, "no plain file"), (tarfile.BLKTYPE, "no plain file"), (tarfile.CONTTYPE, ""),
    ],
)  # fmt: skip
def test_only_plain_files_come_off_a_tape(kind: bytes, said: str, tmp_path: Path, to: Path) -> None:
    def change(member: tarfile.TarInfo) -> None:
        member.type, member.linkname = kind, "/etc/passwd"

    archive = tape(tmp_path / "a.tar", {"x": b""}, change=change)
    if not said:
        assert unpack(archive, to, ROOM) == 1
        return
    with pytest.raises(DataError, match=f"'x' in it is {said}"):
        unpack(archive, to, ROOM)
    assert list(to.iterdir()) == []


def test_a_link_then_a_file_behind_it(tmp_path: Path, to: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        link = tarfile.TarInfo("door")
        link.type, link.linkname = tarfile.SYMTYPE, ".."
        archive.addfile(link)
        archive.addfile(tarfile.TarInfo("door/escaped"))
    with pytest.raises(DataError, match="'door' in it is a link"):
        unpack(tmp_path / "a.tar", to, ROOM)
    assert contents(tmp_path / "outer") == {}


@pytest.mark.parametrize(("mode", "said"), [(stat.S_IFLNK | 0o777, "a link"), (stat.S_IFIFO, "no plain file")])
def test_only_plain_files_come_out_of_a_zip(mode: int, said: str, tmp_path: Path, to: Path) -> None:
    with pytest.raises(DataError, match=f"'x' in it is {said}"):
        unpack(packed(tmp_path / "a.zip", {"x": b"/etc/passwd"}, mode=mode), to, ROOM)


def test_an_encrypted_zip_is_refused(tmp_path: Path, to: Path) -> None:
    content = bytearray(packed(tmp_path / "a.zip", {"x": b"y"}).read_bytes())
    content[6] |= 1
    content[content.index(b"PK\1\2") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(DataError, match="'x' in it is an encrypted file"):
        unpack(tmp_path / "a.zip", to, ROOM)


def test_a_name_stands_once(tmp_path: Path, to: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("x"))
        archive.addfile(tarfile.TarInfo("x"))
    with pytest.raises(DataError, match="'x' stands in it twice"):
        unpack(tmp_path / "a.tar", to, ROOM)


def test_a_file_is_no_folder(tmp_path: Path, to: Path) -> None:
    with pytest.raises(DataError, match="stands in it twice"):
        unpack(tape(tmp_path / "a.tar", {"x": b"", "x/y": b""}), to, ROOM)


def test_number_and_size_are_bounded(tmp_path: Path, to: Path) -> None:
    many = {str(i): b"" for i in range(11)}
    for archive in (tape(tmp_path / "a.tar", many), packed(tmp_path / "a.zip", many)):
        with pytest.raises(DataError, match="it holds more than 10 entries"):
            unpack(archive, to / archive.suffix, ROOM)
    (tmp_path / "b").mkdir()
    bomb = {"zeros": bytes(2_000_000)}
    for archive in (tape(tmp_path / "b.tar", bomb), packed(tmp_path / "b.zip", bomb)):
        assert archive.stat().st_size < 10_000
        with pytest.raises(DataError, match="it would fill more than 10,000 bytes"):
            unpack(archive, tmp_path / "b", ROOM)
    assert contents(tmp_path / "b") == {}


def test_sizes_that_lie_write_no_more_than_they_say(tmp_path: Path, to: Path) -> None:
    content = packed(tmp_path / "a.zip", {"x": bytes(100_000)}).read_bytes()
    (tmp_path / "a.zip").write_bytes(content.replace((100_000).to_bytes(4, "little"), (7).to_bytes(4, "little")))
    with pytest.raises(DataError, match=r"a\.zip is not unpacked: it is damaged"):
        unpack(tmp_path / "a.zip", to, ROOM)
    assert sum(map(len, contents(to).values())) <= 7


@pytest.mark.parametrize("make", [tape, packed])
def test_damage_gets_one_sentence(make: Callable[[Path, dict[str, bytes]], Path], tmp_path: Path) -> None:
    whole = make(tmp_path / "a", FILES).read_bytes()
    damaged = [whole[:n] for n in range(1, len(whole), 7)]
    damaged += [whole[:n] + bytes([whole[n] ^ 0x55]) + whole[n + 1 :] for n in range(0, len(whole), 3)]
    whole_ones = 0
    for number, content in enumerate(damaged):
        (tmp_path / "a").write_bytes(content)
        (tmp_path / str(number)).mkdir()
        with contextlib.suppress(DataError):
            unpack(tmp_path / "a", tmp_path / str(number), ROOM)
            whole_ones += 1
    assert whole_ones < len(damaged) // 2


def test_what_is_no_archive(tmp_path: Path, to: Path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(b"<html>not found</html>")
    with pytest.raises(DataError, match=r"a\.tar\.gz is not unpacked: it is damaged"):
        unpack(tmp_path / "a.tar.gz", to, ROOM)
