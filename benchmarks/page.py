"""The page in a headless Chromium: first sound, lead and gaps at the worklet, pictures per second.

python benchmarks/page.py [MODEL] [--seconds 60]

Gaps are counted in the audio worklet, for a minute at rest and for a minute beside one low-priority process per
core that multiplies matrices. Pictures per second are those drawn of a map of 10,000 points while a pointer hovers,
drags, and magnifies. MODEL defaults to a tiny one, trained first.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser
from tests.page.browser import Tab, chromium, launched, module, tab
from tests.page.serving import serve

POINTS = 10_000
LOAD = "import numpy as np\na = np.random.rand(400, 400)\nwhile True: a = a @ a; a /= abs(a).max()"


@contextmanager
def low_priority_load() -> Iterator[None]:
    """One busy process per core, as nice as can be."""
    command = ["nice", "-n", "19", sys.executable, "-c", LOAD]
    busy = [subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"}) for _ in range(os.cpu_count() or 1)]
    try:
        time.sleep(1.0)
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


@contextmanager
def low_priority_training(sounds: Path, folder: Path) -> Iterator[None]:
    """A training of the temporal-vae recipe, one thread, as nice as can be; it has begun its steps."""
    command = ["nice", "-n", "19", *module("timbrespace"), "train", "temporal-vae", "--data", str(sounds)]
    command += ["--out", str(folder / "trained"), "--minutes", "20", "--set", "training.threads=1"]
    training = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    try:
        assert training.stderr is not None
        for line in training.stderr:
            if line.startswith("step "):
                break
        else:
            sys.exit(f"The training did not begin: {training.wait()}.")
        threading.Thread(target=training.stderr.read, daemon=True).start()
        yield
    finally:
        training.kill()
        training.wait()


def first_sound(browser: Browser, address: str) -> float:
    """Seconds from asking for the page to sound at the worklet, play being pressed as soon as it is there."""
    with tab(browser) as seen:
        start = time.monotonic()
        seen.page.goto(address)
        seen.page.get_by_role("button", name="Play", exact=True).click()
        seen.until("() => Math.max(...(window.timbrespace?.instrument?.sound.peaks ?? [0])) > 1e-4")
        took = time.monotonic() - start
        seen.ask("t.instrument.remote.play(false)")
        return took


def gaps(browser: Browser, address: str, seconds: float) -> dict[str, float]:
    """Underruns at the worklet and dropouts of the engine while a walk plays, and the lead at the end."""
    with tab(browser) as seen:
        seen.open(address)
        seen.sounding()
        seen.page.get_by_role("button", name="Walk", exact=True).click()
        seen.wait(2.0)
        state = "[t.instrument.sound.underruns, t.instrument.remote.status.dropouts]"
        before, leads, totals = seen.ask(state), [], []
        for _ in range(round(seconds)):
            seen.wait(1.0)
            leads.append(seen.ask("t.instrument.sound.leadMs"))
            totals.append(seen.ask("t.instrument.remote.status.latency_ms.total + t.instrument.sound.deviceMs"))
        after = seen.ask(state)
        load = seen.ask("t.instrument.remote.status.deadline.p99")
        seen.ask("t.instrument.remote.play(false)")
    return {
        "lead, highest (ms)": max(leads),
        "lead, at the end (ms)": leads[-1],
        "latency, mean (ms)": sum(totals) / len(totals),
        "gaps at the worklet": after[0] - before[0],
        "gaps of the engine": after[1] - before[1],
        "engine's load, p99 (%)": load,
    }


def pictures_per_second(seen: Tab, seconds: float, hand: str) -> tuple[float, float]:
    """Pictures drawn per second, and the longest time between two in ms, while ``hand`` does what it does."""
    box = seen.map.bounding_box()
    assert box is not None
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    seen.page.mouse.move(*middle)
    if hand == "drag":
        seen.page.mouse.down()
    seen.ask("(() => { let last = 0; window.longest = 0; requestAnimationFrame(function turn(now) {"
             " if (last) window.longest = Math.max(window.longest, now - last); last = now;"
             " requestAnimationFrame(turn); }); })()")  # fmt: skip
    start, first, step = time.monotonic(), seen.ask("t.pictures()"), 0
    while time.monotonic() - start < seconds:
        step += 1
        x, y = middle[0] + 250 * math.cos(0.11 * step), middle[1] + 150 * math.sin(0.17 * step)
        if hand == "magnify":
            seen.page.mouse.wheel(0, 60 * math.cos(0.2 * step))
        else:
            seen.page.mouse.move(x, y)
    elapsed = time.monotonic() - start
    drawn = seen.ask("t.pictures()") - first
    seen.page.mouse.up()
    return drawn / elapsed, float(seen.ask("window.longest"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", type=Path)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--training", type=Path, help="a folder of sounds to train on at low priority meanwhile")
    options = parser.parse_args()
    path = chromium()
    if path is None:
        sys.exit("This needs a Chromium: install it, or set TIMBRESPACE_CHROMIUM to its path.")
    model = options.model.resolve() if options.model else tiny_model()
    with tempfile.TemporaryDirectory() as name, launched(path) as browser:
        folder = Path(name)
        with serve([*module("timbrespace"), "play", str(model), "--port", "0", "--no-open"], folder=folder) as server:
            print(f"first sound: {first_sound(browser, server.address):.2f} s")
            report("at rest", gaps(browser, server.address, options.seconds))
            with low_priority_load():
                print(f"first sound beside a low-priority load: {first_sound(browser, server.address):.2f} s")
                report("beside a low-priority load on every core", gaps(browser, server.address, options.seconds))
            if options.training:
                with low_priority_training(options.training, folder):
                    report("beside a training at low priority", gaps(browser, server.address, options.seconds))
        command = [*module("tests.web.dev_server"), "--port", "0", "--moments", str(POINTS)]
        with serve(command, folder=folder) as server, tab(browser) as seen:
            seen.open(server.address)
            for hand in ("hover", "drag", "magnify"):
                rate, longest = pictures_per_second(seen, 5.0, hand)
                print(f"{POINTS} points, {hand}: {rate:.0f} pictures/s, longest wait {longest:.0f} ms")


def report(title: str, figures: dict[str, float]) -> None:
    """One line per figure."""
    print(f"\n{title}")
    for name, value in figures.items():
        print(f"  {name:26} {value:8.0f}")


def tiny_model() -> Path:
    """A model that trains in seconds."""
    from tests.bundles import bundle

    return bundle()


if __name__ == "__main__":
    main()
