"""A headless Chromium on the instrument's page, for tests, measurements and pictures."""

from __future__ import annotations

import base64
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from playwright.sync_api import Browser, BrowserContext, Locator, Page, sync_playwright

FLAGS = ("--no-sandbox", "--autoplay-policy=no-user-gesture-required")
LOUD = 1e-4
"""What sounds has more than this (root mean square); what is silent has far less."""
Wave = npt.NDArray[np.float64]


def chromium() -> str | None:
    """The path of a Chromium: named by TIMBRESPACE_CHROMIUM, the system's, or Playwright's own."""
    named = os.environ.get("TIMBRESPACE_CHROMIUM")
    known = named or next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if known:
        return known
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).is_file() else None


@contextmanager
def launched(path: str) -> Iterator[Browser]:
    """The browser, until the end of the block."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Tab:
    """One tab with the instrument, and everything that went wrong in it."""

    page: Page
    troubles: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", lambda m: self.troubles.append(f"{m.type}: {m.text}") if m.type == "error" else None)
        self.page.on("pageerror", lambda error: self.troubles.append(f"exception: {error}"))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("websocket", lambda socket: self.requests.append(socket.url))

    def open(self, address: str) -> None:
        """Go to the address and wait until the points are there."""
        self.page.goto(address)
        self.until("() => window.timbrespace?.instrument?.corpus && window.timbrespace.where?.(0)")

    def until(self, condition: str, *, seconds: float = 40.0) -> None:
        """Wait for a JavaScript function to say something true."""
        self.page.wait_for_function(condition, timeout=1000 * seconds)

    def ask(self, expression: str, argument: Any = None) -> Any:
        """What a JavaScript function returns; ``t`` is the page's probe."""
        return self.page.evaluate(
            f"async (argument) => {{ const t = window.timbrespace; return {expression}; }}", argument
        )

    def wait(self, seconds: float) -> None:
        """Let the page live on for a while."""
        self.page.wait_for_timeout(1000 * seconds)

    def sounding(self) -> None:
        """Wait until the worklet plays the stream."""
        self.until("() => window.timbrespace.instrument.sound.running")

    def underruns(self) -> int:
        return int(self.ask("t.instrument.sound.underruns"))

    def heard(self, seconds: float) -> Wave:
        """What the worklet gave to the device in the last seconds (channel, time)."""
        code = """(await t.heard(argument)).map((channel) => {
            const bytes = new Uint8Array(channel.buffer, channel.byteOffset, channel.byteLength);
            let text = "";
            for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
            return btoa(text);
        })"""
        channels = [np.frombuffer(base64.b64decode(text), "<f4") for text in self.ask(code, seconds)]
        return np.stack(channels).astype(np.float64)

    def download(self, url: str) -> bytes:
        """A file of the server, asked for by the page itself."""
        code = """await (async () => {
            const answer = await fetch(argument);
            if (!answer.ok) throw new Error(`${answer.status}`);
            const bytes = new Uint8Array(await answer.arrayBuffer());
            let text = "";
            for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
            return btoa(text);
        })()"""
        return base64.b64decode(self.ask(code, url))

    def listen_until(self, good: Callable[[Wave], bool], *, seconds: float = 10.0, window: float = 0.3) -> Wave:
        """The first window of what is heard that satisfies ``good``, else the last one."""
        end = time.monotonic() + seconds
        while True:
            wave = self.heard(window)
            if good(wave) or time.monotonic() > end:
                return wave
            self.wait(0.05)

    @property
    def map(self) -> Locator:
        return self.page.get_by_role("application")

    def where(self, moment: int) -> tuple[float, float]:
        """The pixel of a moment."""
        place = self.ask("t.where(argument)", moment)
        return place["x"], place["y"]


@contextmanager
def tab(browser: Browser, **options: Any) -> Iterator[Tab]:
    """A tab of its own context: no cookie or memory of others."""
    context = browser.new_context(viewport=options.pop("viewport", {"width": 1280, "height": 800}), **options)
    try:
        yield Tab(context.new_page())
    finally:
        context.close()


def another_tab(context: BrowserContext) -> Tab:
    """A further tab of the same browser."""
    return Tab(context.new_page())


def level(wave: Wave) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(wave**2)))


def module(name: str) -> list[str]:
    """A command that runs a module of ours."""
    return [sys.executable, "-m", name]
