"""The page opens, shows the corpus, and asks nobody but its own server."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

from playwright.sync_api import Browser

from tests.page.browser import LOUD, Tab, level, tab
from tests.page.serving import Server

_WATCH = (
    "window.violations = []; addEventListener('securitypolicyviolation', (e) => violations.push(e.violatedDirective))"
)


def painted(tab: Tab) -> int:
    """Pixels of the map's points that are not empty."""
    return int(
        tab.ask(
            """(() => {
                const canvas = document.querySelector('[role=application] canvas');
                const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
                let count = 0;
                for (let i = 3; i < data.length; i += 4) count += data[i] > 0;
                return count;
            })()"""
        )
    )


def test_the_page_opens_with_its_token_and_shows_the_points(browser: Browser, server: Server) -> None:
    with tab(browser) as fresh:
        fresh.page.add_init_script(_WATCH)
        fresh.open(server.address)
        fresh.sounding()
        fresh.wait(0.3)
        assert fresh.page.url == f"{server.origin}/", "the token leaves the address"
        assert fresh.ask("window.violations") == []
        assert fresh.troubles == []
        assert {urlsplit(url).hostname for url in fresh.requests} == {"127.0.0.1"}
        moments = fresh.ask("t.instrument.corpus.size")
        assert moments == fresh.ask("t.instrument.corpus.info.moments") > 0
        assert painted(fresh) > 3 * min(moments, 300)
        assert fresh.ask("crossOriginIsolated && t.instrument.sound.shared"), "sound goes through shared memory"


def test_first_sound(browser: Browser, server: Server) -> None:
    """Measured: from asking for the page to sound at the worklet, play being pressed as soon as it is there."""
    with tab(browser) as fresh:
        start = time.monotonic()
        fresh.page.goto(server.address)
        fresh.page.get_by_role("button", name="Play", exact=True).click()
        fresh.until("() => Math.max(...(window.timbrespace?.instrument?.sound.peaks ?? [0])) > 1e-3")
        print(f"first sound after {time.monotonic() - start:.2f} s")
        assert level(fresh.heard(0.3)) > LOUD
        fresh.ask("t.instrument.remote.play(false)")


def test_without_the_token_there_is_no_page(browser: Browser, server: Server) -> None:
    with tab(browser) as fresh:
        answer = fresh.page.goto(server.origin + "/")
        assert answer is not None
        assert answer.status in (401, 403)


def test_where_memory_cannot_be_shared_sound_goes_by_messages(browser: Browser, server: Server) -> None:
    with tab(browser) as fresh:
        fresh.page.add_init_script("delete window.SharedArrayBuffer")
        fresh.open(server.address)
        fresh.page.get_by_role("button", name="Play", exact=True).click()
        wave = fresh.listen_until(lambda w: level(w) > LOUD)
        fresh.wait(1.0)
        lead = fresh.ask("[t.instrument.sound.leadMs, t.instrument.sound.levelMs]")
        fresh.ask("t.instrument.remote.play(false)")
        assert level(wave) > LOUD
        assert not fresh.ask("t.instrument.sound.shared")
        assert 0.3 * lead[0] < lead[1] < 1.5 * lead[0], "the server is told how much lies in hand"
