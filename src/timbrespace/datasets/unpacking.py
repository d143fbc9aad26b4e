"""Archives unpacked without trust: plain files and folders, below one folder, of a bounded number and size."""

from __future__ import annotations

import errno
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Final

from timbrespace.core.errors import DataError
from timbrespace.core.files import storage_error

_PIECE: Final = 1 << 20
_LONGEST: Final = 240
"""Bytes of a name, in each of its parts: file systems take 255."""
_DEEPEST: Final = 16
_DAMAGE: Final = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, ValueError)
Told = Callable[[int], None]
"""Called with the bytes written so far."""


@dataclass(frozen=True)
class Limits:
    """The most files and folders, and the most bytes, that an archive may hold when unpacked."""

    entries: int
    size: int


@dataclass(frozen=True)
class _Entry:
    """A member of an archive: its name as written, its size, and how to read it if it is a file."""

    name: str
    size: int
    kind: str
    open: Callable[[], IO[bytes] | None]


def unpack(archive: Path, to: Path, limits: Limits, *, told: Told | None = None) -> int:
    """Unpack a ZIP or a TAR (plain or compressed) into the empty folder ``to``; the number of files.

    Raises :class:`DataError`, and names the entry, for anything but plain files and folders (links, devices, sparse or
    encrypted files), for names that lead out of ``to``, stand there twice or cannot be written everywhere, for more
    entries or bytes than ``limits``, and for damage. What is already written stays: unpack into a folder that vanishes.
    """
    entries, files, written = 0, 0, 0
    try:
        for entry in _entries(archive):
            entries += 1
            if entries > limits.entries:
                raise _refused(archive, f"it holds more than {limits.entries:,} entries")
            if entry.kind not in ("file", "folder"):
                raise _refused(archive, f"{entry.name!r} in it is {entry.kind}")
            target = to / _safe(archive, entry.name)
            if entry.kind == "folder":
                target.mkdir(parents=True, exist_ok=True)
                continue
            if written + entry.size > limits.size:
                raise _refused(archive, f"it would fill more than {limits.size:,} bytes")
            target.parent.mkdir(parents=True, exist_ok=True)
            written += _write(entry, target, limits.size - written)
            files += 1
            if told is not None:
                told(written)
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise _refused(archive, f"{Path(str(error.filename)).name!r} stands in it twice") from error
    except _DAMAGE as error:
        raise _refused(archive, f"it is damaged ({error or type(error).__name__})") from error
    except NotImplementedError as error:
        raise _refused(archive, f"it is packed in a way that is not known here ({error})") from error
    except OSError as error:
        if error.errno in (None, errno.EINVAL):  # gzip's and bz2's way to tell of damage; a place before the file
            raise _refused(archive, f"it is damaged ({error})") from error
        raise storage_error(error, to) from error
    return files


def _entries(archive: Path) -> Iterator[_Entry]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as packed:
            for info in packed.infolist():
                yield _Entry(info.filename, info.file_size, _zip_kind(info), partial(packed.open, info))
        return
    with tarfile.open(archive, "r|*") as tape:  # a stream: seeking back would unpack again from the start
        while (member := tape.next()) is not None:
            yield _Entry(member.name, member.size, _tar_kind(member), partial(tape.extractfile, member))
            tape.members = []  # type: ignore[attr-defined]  # it remembers all: hundreds of megabytes in a large archive


def _zip_kind(info: zipfile.ZipInfo) -> str:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if info.is_dir():
        return "folder"
    if kind in (0, stat.S_IFREG):
        return "an encrypted file" if info.flag_bits & 1 else "file"
    return "a link" if kind == stat.S_IFLNK else "no plain file"


def _tar_kind(member: tarfile.TarInfo) -> str:
    if member.isdir():
        return "folder"
    if member.issym() or member.islnk():
        return "a link"
    return "file" if member.isreg() and not member.issparse() else "no plain file"


def _safe(archive: Path, name: str) -> Path:
    """The name as a path that stays inside."""
    path = PurePosixPath(name)
    parts = path.parts
    bad = not parts or path.is_absolute() or ".." in parts or len(parts) > _DEEPEST
    if bad or any(_odd(part) for part in parts):
        raise _refused(archive, f"{name[:80]!r} in it is no name inside a folder")
    return Path(*parts)


def _odd(part: str) -> bool:
    """Whether the part of a name is too long, or has characters that mean something to some system, as in ``C:``."""
    return len(part.encode("utf-8", "replace")) > _LONGEST or any(c in '\\:*?"<>|' or not c.isprintable() for c in part)


def _write(entry: _Entry, target: Path, room: int) -> int:
    """Write one file, of no more bytes than there is ``room`` for, whatever size it claimed."""
    source = entry.open()
    if source is None:
        raise ValueError(f"{entry.name!r} has no content")
    size = 0
    with source, target.open("xb") as file:
        while piece := source.read(_PIECE):
            size += len(piece)
            if size > min(room, entry.size):
                raise ValueError(f"{entry.name!r} is longer than it says")
            file.write(piece)
    if size != entry.size:
        raise ValueError(f"{entry.name!r} is shorter than it says")
    return size


def _refused(archive: Path, reason: str) -> DataError:
    return DataError(f"{archive.name} is not unpacked: {reason}; fetch it again, or unpack it yourself.")
