"""Public data sets, fetched over the network and checked before they are kept."""

from __future__ import annotations

import http.client
import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from timbrespace.core.errors import DataError
from timbrespace.core.files import atomic_file, atomic_folder, storage_error, sweep
from timbrespace.core.version import __version__
from timbrespace.datasets.base import Progress
from timbrespace.datasets.known import RemoteFile, default_place, known_set, not_fetched
from timbrespace.datasets.unpacking import Limits, unpack

_PIECE: Final = 1 << 18
_SECONDS: Final = 30.0
"""How long a server may say nothing."""
_PART: Final = ".part"
"""What a download that broke off is called, besides its name."""


def fetch(
    name: str,
    to: Path | None = None,
    *,
    progress: Progress | None = None,
    mirrors: Sequence[str] | None = None,
) -> Path:
    """Fetch the files of the set ``name`` into the folder ``to`` (by default the user's), and return that.

    Files that are there and right are kept; every other is written aside, checked (length, MD5, SHA-256) and only then
    given its name. A download that breaks off is kept aside, and the next call goes on from there. Archives, once
    checked, are unpacked aside into a folder of their own name, which then appears at once, and removed; one that
    somebody put into the folder is taken instead of a download, and stays. ``mirrors`` replaces the addresses that are
    known; they are tried in turn. Called with ``progress``: bytes done, bytes in all, the file's name.

    Raises :class:`DataError` where no address gives the right file, :class:`StorageError` where the disk refuses.
    """
    remote = known_set(name)
    if not remote.files:
        raise not_fetched(name)
    folder = default_place(name) if to is None else to
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage_error(error, folder) from error
    sweep(folder)
    done, total = 0, sum(file.size for file in remote.files)
    for file in remote.files:
        if progress is not None:
            progress(done, total, file.name)
        _bring(file, folder, remote.mirrors if mirrors is None else mirrors, _Meter(progress, done, total))
        done += file.size
    if progress is not None:
        progress(total, total, "done")
    return folder


@dataclass(frozen=True)
class _Meter:
    """Tells how far a file has come."""

    progress: Progress | None
    before: int
    total: int

    def tell(self, done: int, what: str) -> None:
        if self.progress is not None:
            self.progress(self.before + done, self.total, what)


def _bring(file: RemoteFile, folder: Path, addresses: Sequence[str], meter: _Meter) -> None:
    """The file in its place, an archive unpacked in its folder, unless it is there already."""
    target = folder / file.name
    if file.limits is None:
        if not file.is_at(target):
            part = _downloaded(file, folder, addresses, meter)
            with atomic_file(target) as partial:
                os.replace(part, partial)
        return
    if (folder / file.folder).is_dir():
        return
    brought = file.is_at(target)
    archive = target if brought else _downloaded(file, folder, addresses, meter)
    meter.tell(file.size, f"unpacking {file.name}")
    _unpack_into(archive, folder / file.folder, file.limits)
    if not brought:
        archive.unlink()


def _unpack_into(archive: Path, folder: Path, limits: Limits) -> None:
    """The archive's content as ``folder``; a single folder that all of it lies in is left out."""
    with atomic_folder(folder) as aside:
        unpack(archive, aside, limits)
        inside = list(aside.iterdir())
        if len(inside) == 1 and inside[0].is_dir():
            only = inside[0].rename(aside / f"{inside[0].name}.inner")
            for path in list(only.iterdir()):
                shutil.move(path, aside / path.name)
            only.rmdir()


def _downloaded(file: RemoteFile, to: Path, addresses: Sequence[str], meter: _Meter) -> Path:
    """The file, right and whole, but still under its unfinished name, from the first address that has it."""
    part = to / f"{file.name}{_PART}"
    reasons = []
    for url in [f"{address.rstrip('/')}/{file.name}" for address in addresses]:
        for fresh in (not part.exists(), True):  # what was kept may have been wrong: once more from the start
            reason = _try(url, file, part, meter)
            if not reason:
                return part
            if fresh or part.exists():
                break
        reasons.append(f"{url}: {reason}")
    told = "; ".join(reasons) or "no address is known"
    if part.exists():
        raise DataError(
            f"{file.name} could not be fetched whole, {part.stat().st_size:,} of {file.size:,} bytes are kept ({told});"
            " the same command goes on from there."
        )
    raise DataError(
        f"{file.name} could not be fetched and nothing of it was kept ({told});"
        f" try again later, or put the file into {to} yourself."
    )


def _try(url: str, file: RemoteFile, part: Path, meter: _Meter) -> str:
    """Fetch what is missing of ``part`` from one address; why it is not the file, nothing if it is.

    Afterwards ``part`` is right and whole, or a beginning worth going on with, or not there.
    """
    try:
        whole = _download(url, file, part, meter)
    except (OSError, http.client.HTTPException) as error:
        if not part.exists() or part.stat().st_size == 0:
            part.unlink(missing_ok=True)
        return _reason(error)
    if not whole:
        return "the connection broke off"
    fault = file.fault(part)
    if fault:
        part.unlink()
    return fault


def _download(url: str, file: RemoteFile, part: Path, meter: _Meter) -> bool:
    """Append to ``part`` what it lacks, no more than shows that it is too long; whether the answer came whole."""
    kept = part.stat().st_size if part.exists() else 0
    if kept >= file.size:
        return True
    headers = {"User-Agent": f"timbrespace/{__version__}"} | ({"Range": f"bytes={kept}-"} if kept else {})
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=_SECONDS) as response:
        goes_on = response.status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {kept}-")
        done = kept if goes_on else 0
        expected = response.length
        with _open(part, "ab" if goes_on else "wb") as out:
            before = done
            while done <= file.size and (piece := response.read(min(_PIECE, file.size + 1 - done))):
                _write(out, piece, part)
                done += len(piece)
                meter.tell(min(done, file.size), file.name)
    return expected is None or done - before >= expected or done > file.size


def _open(part: Path, mode: str) -> IO[bytes]:
    try:
        return part.open(mode)
    except OSError as error:
        raise storage_error(error, part) from error


def _write(out: IO[bytes], piece: bytes, part: Path) -> None:
    """Write; if the disk refuses, nothing is kept: a full one needs the room."""
    try:
        out.write(piece)
        out.flush()
    except OSError as error:
        part.unlink(missing_ok=True)
        raise storage_error(error, part) from error


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.URLError) and not isinstance(error, urllib.error.HTTPError):
        return str(error.reason)
    return str(error) or type(error).__name__
