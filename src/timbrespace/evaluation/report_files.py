"""Where reports are written."""

from __future__ import annotations

import errno
from pathlib import Path

from timbrespace.core.errors import ParameterError
from timbrespace.core.files import refuse_existing, storage_error


def check_report(out: str | Path, *, force: bool) -> Path:
    """The place of an HTML report with its numbers beside it, refused before the work is done and not after it."""
    target = Path(out)
    if target.suffix.lower() not in (".html", ".htm"):
        raise ParameterError(f"The report is an HTML file, and {target.name!r} does not end so; name it report.html.")
    for path in (target, target.with_suffix(".json")):
        refuse_existing(path, force=force)
    if not target.parent.is_dir():
        raise storage_error(FileNotFoundError(errno.ENOENT, "no such folder"), target)
    return target
