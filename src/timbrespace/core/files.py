"""Files that are either there and whole, or not there.

Everything is written aside, flushed to the disk, then renamed; a crash at any moment leaves the old file
or the new one, never half of one.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from timbrespace.core.errors import StorageError

PARTIAL = ".partial-"
"""What every unfinished file or folder carries in its name."""


def _aside(path: Path) -> Path:
    # The suffix stays last: libraries choose the format by it.
    return path.with_name(f".{path.stem}{PARTIAL}{uuid.uuid4().hex[:8]}{path.suffix}")


def _sync(path: Path) -> None:
    # Folders can be flushed on POSIX only; elsewhere the rename itself is what we get.
    flags = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) if path.is_dir() else os.O_RDWR
    try:
        descriptor = os.open(path, flags)
    except (PermissionError, IsADirectoryError):
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def storage_error(error: OSError, path: Path) -> StorageError:
    """The sentence for an operating system's refusal to write ``path``."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageError(
            f"The disk is full: {path} could not be written and nothing of it was kept; free some space and try again."
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return StorageError(f"{path} may not be written ({error.strerror}); choose another place.")
    if error.errno == errno.ENOENT:
        return StorageError(f"The folder {path.parent} does not exist; make it first or choose another place.")
    return StorageError(f"{path} could not be written: {error.strerror or error}.")


def refuse_existing(path: Path, *, force: bool) -> None:
    """Raise :class:`StorageError` if ``path`` exists and overwriting was not asked for."""
    if path.exists() and not force:
        raise StorageError(f"{path} exists already; choose another name or add --force to replace it.")


@contextmanager
def atomic_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a path to write to; on success it becomes ``path``, on any error it vanishes.

    Raises :class:`StorageError` when the disk is full or refuses.
    """
    target = Path(path)
    partial = _aside(target)
    try:
        yield partial
        _sync(partial)
        os.replace(partial, target)
        _sync(target.parent)
    except OSError as error:
        if (
            error.filename is not None
            and Path(str(error.filename)) not in (partial, target)
            and error.errno == errno.ENOENT
        ):
            raise  # another file was missing: not ours to explain
        raise storage_error(error, target) from error
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: str | os.PathLike[str], *, force: bool = False, keep: tuple[str, ...] = ()) -> Iterator[Path]:
    """Yield a new folder to fill; on success it becomes ``path``, on any error it vanishes.

    With ``force`` an existing folder is moved out of the way and removed after the new one stands; the
    entries named in ``keep`` are carried over from it.
    """
    target = Path(path)
    refuse_existing(target, force=force)
    partial = _aside(target)
    old = _aside(target)
    try:
        partial.mkdir(parents=True)
        yield partial
        for file in partial.rglob("*"):
            if file.is_file():
                _sync(file)
        if target.exists():
            for name in keep:
                if (target / name).exists():
                    os.replace(target / name, partial / name)
            os.replace(target, old)
        os.replace(partial, target)
        _sync(target.parent)
    except OSError as error:
        raise storage_error(error, target) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def sweep(folder: Path) -> int:
    """Remove what a crash left unfinished directly inside ``folder``; return how many entries."""
    strays = [p for p in folder.iterdir() if PARTIAL in p.name] if folder.is_dir() else []
    for stray in strays:
        shutil.rmtree(stray, ignore_errors=True) if stray.is_dir() else stray.unlink(missing_ok=True)
    return len(strays)


def write_json(path: str | os.PathLike[str], data: Any) -> None:
    """Write ``data`` as indented JSON, atomically; non-finite numbers are refused."""
    text = json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    with atomic_file(path) as partial:
        partial.write_text(text, encoding="utf-8")


def sha256(path: str | os.PathLike[str]) -> str:
    """The SHA-256 of a file's content, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def exclusive(path: Path, *, sentence: str) -> Iterator[None]:
    """Hold a lock file for the time of the block.

    Raises :class:`StorageError` with ``sentence`` if another process holds it. The lock dies with its process,
    however that ends. Without POSIX locks (Windows) nothing is locked.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StorageError(sentence) from None
        yield
