"""Takes the pictures of the documentation: the page of the instrument and the report of a space.

    python docs/take_screenshots.py MODEL [--data FOLDER] [--out docs/images]

Needs a Chromium and the built page. The report is made of the sounds in FOLDER; without it, only the page is taken.
"""

from __future__ import annotations

import argparse
import math
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.page.browser import Tab, chromium, launched, module, tab
from tests.page.serving import serve

DESK = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
VIEWS = (("page", "light", DESK), ("page-dark", "dark", DESK), ("page-phone", "light", PHONE))
SETTLED = 13.0
"""Seconds after which the meters have forgotten how the page was opened."""
LIMIT = 400_000
"""Bytes of one picture; larger ones are taken with fewer colours."""


def main() -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--data", type=Path, help="sounds for the report")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "images")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    path = chromium()
    if path is None:
        sys.exit("Pictures need a Chromium: install it, or set TIMBRESPACE_CHROMIUM to its path.")
    with launched(path) as browser:
        take_page(browser, options.model, options.out)
        if options.data:
            take_report(browser, options.model, options.data, options.out)


def take_page(browser: Browser, model: Path, out: Path) -> None:
    """The instrument, light and dark, wide and on a phone, while it is being played."""
    command = [*module("timbrespace"), "play", str(model.resolve()), "--port", "0", "--no-open"]
    with tempfile.TemporaryDirectory() as folder, serve(command, folder=Path(folder)) as server:
        for name, scheme, size in VIEWS:
            with tab(browser, viewport=size, color_scheme=scheme, device_scale_factor=1.5) as seen:
                seen.open(server.address)
                seen.sounding()
                draw_a_curve(seen)
                seen.page.mouse.up()
                seen.wait(SETTLED)
                draw_a_curve(seen)
                save(seen, out / f"{name}.png")
                seen.page.mouse.up()


def draw_a_curve(seen: Tab) -> None:
    """Drag along a curve and stay there, the button held."""
    box = seen.map.bounding_box()
    assert box is not None
    for i in range(40):
        angle = 0.13 * i
        x = box["x"] + box["width"] * (0.5 + 0.17 * math.cos(angle))
        y = box["y"] + box["height"] * (0.52 + 0.2 * math.sin(angle))
        seen.page.mouse.move(x, y)
        if i == 0:
            seen.page.mouse.down()
        seen.wait(0.025)


def take_report(browser: Browser, model: Path, data: Path, out: Path) -> None:
    """The upper part of the report that ``timbrespace explore`` writes."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.html"
        command = [*module("timbrespace"), "explore", str(model), "--data", str(data), "-o", str(report)]
        subprocess.run(command, check=True)
        with tab(browser, viewport={"width": 1100, "height": 1400}, device_scale_factor=1) as seen:
            seen.page.goto(report.as_uri())
            seen.wait(0.5)
            save(seen, out / "report.png")


def save(seen: Tab, path: Path) -> None:
    """A picture of the window in at most LIMIT bytes."""
    seen.page.screenshot(path=path)
    if path.stat().st_size > LIMIT:
        Image.open(path).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path}: {path.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
