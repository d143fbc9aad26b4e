"""One browser and one instrument for all tests of the page."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.bundles import bundle
from tests.page.browser import Tab, chromium, launched, module, tab
from tests.page.serving import Server, serve
from timbrespace.web.page_files import page_files


def _missing(sentence: str) -> None:
    if os.environ.get("TIMBRESPACE_REQUIRE_BROWSER"):
        pytest.fail(sentence)
    pytest.skip(sentence)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium; without one the tests are skipped, unless TIMBRESPACE_REQUIRE_BROWSER is set."""
    path = chromium()
    if path is None:
        _missing("needs Chromium: install it (Debian: apt install chromium), or set TIMBRESPACE_CHROMIUM to its path")
    if len(page_files()) < 2:
        _missing("needs the built page: run 'make page'")
    with launched(str(path)) as found:
        yield found


@pytest.fixture(scope="session")
def server(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """``timbrespace play``, as anybody would start it."""
    folder = tmp_path_factory.mktemp("playing")
    with serve([*module("timbrespace"), "play", str(bundle()), "--port", "0", "--no-open"], folder=folder) as running:
        yield running


@pytest.fixture
def player(browser: Browser, server: Server) -> Iterator[Tab]:
    """A fresh tab on the instrument, which is back at its start and silent; at the end, nothing may have gone wrong."""
    with tab(browser) as fresh:
        fresh.open(server.address)
        fresh.sounding()
        fresh.ask("t.instrument.remote.act('reset')")
        fresh.ask("t.instrument.remote.act('stop')")
        fresh.until("() => window.timbrespace.instrument.remote.status?.playing === false")
        fresh.wait(0.3)
        yield fresh
        assert fresh.troubles == []
        assert fresh.ask("[...t.instrument.notices.list]") == []
