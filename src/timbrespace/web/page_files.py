"""The built page: a table of addresses made once, so that no request can name a file."""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from timbrespace.web.refusals import small_page

FOLDER: Final = "page"
_START: Final = "index.html"
_KINDS: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".wasm": "application/wasm",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}
_FOR_EVER: Final = "private, max-age=31536000, immutable"
_NOT_BUILT: Final = "The page is not built here; build it with 'make page', then start 'timbrespace play' again."


@dataclass(frozen=True)
class PageFile:
    """One file of the page: its address, its bytes, its media type, and how long a browser may keep it."""

    path: str
    content: bytes
    kind: str
    keep: str

    async def answer(self, request: Request) -> Response:
        """The file itself."""
        return Response(self.content, headers={"content-type": self.kind, "cache-control": self.keep})


def page_files(folder: Traversable | None = None) -> tuple[PageFile, ...]:
    """Every file of the built page by address; one page that says how to build it, if there is none.

    Names under ``assets/`` carry a hash of their content, so browsers may keep them.
    """
    root = folder or importlib.resources.files("timbrespace").joinpath(FOLDER)
    found = tuple(_files(root, "/")) if root.is_dir() else ()
    if any(file.path == "/" for file in found):
        return found
    return (PageFile("/", small_page("The page is missing", _NOT_BUILT), _KINDS[".html"], "no-store"),)


def _files(folder: Traversable, address: str) -> Iterator[PageFile]:
    for entry in sorted(folder.iterdir(), key=lambda e: e.name):
        path = address + entry.name
        if entry.is_dir():
            yield from _files(entry, path + "/")
        elif PurePosixPath(entry.name).suffix in _KINDS:
            yield _page_file("/" if path == f"/{_START}" else path, entry)


def _page_file(path: str, entry: Traversable) -> PageFile:
    keep = _FOR_EVER if path.startswith("/assets/") else "no-store"
    return PageFile(path, entry.read_bytes(), _KINDS[PurePosixPath(entry.name).suffix], keep)
