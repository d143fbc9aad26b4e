"""The build hook: the page is built into the package before the package is packed."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


def _page_builder(root: str) -> ModuleType | None:
    """``page/build.py``; None where the page's source was left out."""
    path = Path(root) / "page" / "build.py"
    if not path.is_file():
        return None
    spec = importlib.util.spec_from_file_location("timbrespace_page_build", path)
    if spec is None or spec.loader is None:
        return None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class PageHook(BuildHookInterface):
    """Builds the page where it is missing or older than its source; asks for Node.js only then."""

    def dependencies(self) -> list[str]:
        """The wheel that carries Node.js, if the page is to be built and the machine has none."""
        page = _page_builder(self.root)
        return [] if page is None or page.current() or page.system_node() else [page.NODE_WHEEL]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build; an editable installation goes on without a page, a package does not."""
        page = _page_builder(self.root)
        if page is None:
            return
        try:
            page.ensure()
        except page.PageError as error:
            if version != "editable":
                raise SystemExit(str(error)) from None
            print(error, file=sys.stderr)
