"""Light and dark, wide and narrow, and readable by everybody."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.page.browser import Tab, tab
from tests.page.serving import Server

AXE = Path(__file__).parent.parent.parent / "page" / "node_modules" / "axe-core" / "axe.min.js"
SIZES = {"desk": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}
GRAVE = ("serious", "critical")


def findings(tab: Tab, part: str = "body") -> list[str]:
    """What axe-core finds grave in a part of the page."""
    if not AXE.is_file():
        pytest.skip("needs axe-core: run 'make page', which installs the page's tools")
    tab.page.evaluate(AXE.read_text(encoding="utf-8"))
    found = tab.page.evaluate("async (part) => (await axe.run(part)).violations", part)
    return [f"{v['id']}: {[n['html'][:120] for n in v['nodes']]}" for v in found if v["impact"] in GRAVE]


@pytest.mark.parametrize(("scheme", "size"), [("light", "desk"), ("dark", "desk"), ("light", "phone")])
def test_axe_finds_nothing_grave(browser: Browser, server: Server, scheme: str, size: str) -> None:
    with tab(browser, viewport=SIZES[size], color_scheme=scheme) as seen:
        seen.open(server.address)
        figures = seen.page.locator("button[aria-controls=latency-parts]")
        figures.click()
        assert findings(seen) == []
        figures.press("Escape")
        if size == "phone":
            return
        for leaf in ("Sounds", "Takes"):
            seen.page.get_by_role("tab", name=leaf).click()
            if leaf == "Sounds":
                seen.page.locator("#leaf .sound").first.click()
            assert findings(seen, "#leaf") == [], leaf
        seen.page.get_by_role("button", name="Help", exact=True).click()
        assert findings(seen, "dialog") == [], "help"


def test_the_theme_follows_the_system_until_it_is_chosen(browser: Browser, server: Server) -> None:
    paper = "getComputedStyle(document.documentElement).getPropertyValue('--paper')"
    with tab(browser, color_scheme="dark") as seen:
        seen.open(server.address)
        dark = seen.ask(paper)
        seen.page.emulate_media(color_scheme="light")
        seen.until("() => document.documentElement.dataset.theme === 'light'")
        assert seen.ask(paper) != dark
        seen.page.get_by_role("button", name="Dark colours").click()
        assert seen.ask(paper) == dark
        seen.page.reload()
        seen.until("() => window.timbrespace?.instrument?.corpus")
        assert seen.ask(paper) == dark, "and is remembered"


@pytest.mark.parametrize("size", SIZES)
def test_nothing_sticks_out_and_targets_are_large_enough(browser: Browser, server: Server, size: str) -> None:
    with tab(browser, viewport=SIZES[size]) as seen:
        seen.open(server.address)
        assert seen.ask("document.documentElement.scrollWidth <= innerWidth")
        small = seen.ask(
            """[...document.querySelectorAll('button, a, select, input, [role=slider]')]
            .map((e) => [e.outerHTML.slice(0, 90), e.getBoundingClientRect()])
            .filter(([, r]) => r.width > 0 && (r.width < 24 || r.height < 24)).map(([html]) => html)"""
        )
        assert small == []


def test_reduced_motion_leaves_no_trail(browser: Browser, server: Server) -> None:
    with tab(browser, reduced_motion="reduce") as calm:
        calm.open(server.address)
        times = "[...document.querySelectorAll('*')].map((e) => parseFloat(getComputedStyle(e).transitionDuration))"
        longest = calm.ask(f"Math.max(...{times})")
        assert longest == 0
