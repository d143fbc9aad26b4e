"""Public sets of images, fetched over the network and checked before they are kept."""

from __future__ import annotations

import hashlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from timbrespace.core.errors import DataError
from timbrespace.core.files import atomic_file, storage_error, sweep
from timbrespace.core.version import __version__
from timbrespace.datasets.base import Progress
from timbrespace.datasets.known import RemoteFile, default_place, known_set

_PIECE: Final = 1 << 18
_SECONDS: Final = 30.0
"""How long a server may say nothing."""


def fetch(
    name: str,
    to: Path | None = None,
    *,
    progress: Progress | None = None,
    mirrors: Sequence[str] | None = None,
) -> Path:
    """Fetch the files of the set ``name`` into the folder ``to`` (by default the user's), and return that.

    Files that are there and right are kept; every other is written aside, checked (length, MD5, SHA-256) and only then
    given its name. ``mirrors`` replaces the addresses that are known; they are tried in turn. Called with ``progress``:
    bytes done, bytes in all, the file's name.

    Raises :class:`DataError` where no address gives the right file, :class:`StorageError` where the disk refuses.
    """
    remote = known_set(name)
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
        if not file.is_at(folder / file.name):
            addresses = remote.mirrors if mirrors is None else mirrors
            _fetch_file(file, folder, addresses, _Meter(progress, done, total))
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


def _fetch_file(file: RemoteFile, to: Path, addresses: Sequence[str], meter: _Meter) -> None:
    """The file from the first address that has the right one."""
    reasons = []
    for address in addresses:
        url = f"{address.rstrip('/')}/{file.name}"
        try:
            content = _download(url, file, meter)
        except (OSError, http.client.HTTPException) as error:
            reasons.append(f"{url}: {_reason(error)}")
            continue
        if file.matches(content):
            with atomic_file(to / file.name) as partial:
                partial.write_bytes(content)
            return
        reasons.append(f"{url}: {_found(content, file)}")
    raise DataError(
        f"{file.name} could not be fetched and nothing of it was kept ({'; '.join(reasons) or 'no address is known'});"
        f" try again later, or put the file into {to} yourself."
    )


def _download(url: str, file: RemoteFile, meter: _Meter) -> bytes:
    """The content at ``url``, of which no more is read than shows that it is too long."""
    request = urllib.request.Request(url, headers={"User-Agent": f"timbrespace/{__version__}"})
    content = bytearray()
    with urllib.request.urlopen(request, timeout=_SECONDS) as response:
        while len(content) <= file.size and (piece := response.read(min(_PIECE, file.size + 1 - len(content)))):
            content += piece
            meter.tell(min(len(content), file.size), file.name)
    return bytes(content)


def _found(content: bytes, file: RemoteFile) -> str:
    """What is wrong with content that is not the file's."""
    if len(content) != file.size:
        held = "more" if len(content) > file.size else f"{len(content):,} bytes"
        return f"{held} instead of {file.size:,} bytes"
    checksum = hashlib.sha256(content).hexdigest()
    return f"wrong checksum, SHA-256 {checksum[:12]}... and not {file.sha256[:12]}..."


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.URLError) and not isinstance(error, urllib.error.HTTPError):
        return str(error.reason)
    return str(error) or type(error).__name__
