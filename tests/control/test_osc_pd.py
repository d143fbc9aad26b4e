"""Real Pure Data, without a screen, plays the patches of examples/: the sound changes as it says."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from tests.bundles import bundle, own_process  # noqa: F401  # a fixture
from tests.control import fakes
from tests.control.test_osc_receiver import free_port
from tests.instruments.fakes import SineCodec, corpus_steps
from timbrespace.codecs.loading import load_sound
from timbrespace.control.engine import Engine
from timbrespace.control.osc.playing import play_steered
from timbrespace.control.osc.ports import OscPorts
from timbrespace.control.osc.receiver import OscReceiver

PATCHES = Path(__file__).parents[2] / "examples" / "pd"
QUANTILES = (0.01, 0.99)

Wave = npt.NDArray[np.float64]
Step = tuple[int, str]
"""Milliseconds to wait, and what is then sent inside Pd: a receiver of the patch and its value."""


@pytest.fixture(scope="module")
def pd() -> str:
    """The program; without it the tests are skipped, unless TIMBRESPACE_REQUIRE_PD is set."""
    found = shutil.which("pd")
    if found is None and os.environ.get("TIMBRESPACE_REQUIRE_PD"):
        pytest.fail("Pure Data is not installed: apt-get install puredata-core pd-mrpeach")
    if found is None:
        pytest.skip("needs Pure Data: apt-get install puredata-core pd-mrpeach")
    return found


def driver(path: Path, steps: Sequence[Step]) -> Path:
    """A patch that waits for the first meter, then sends what it is told, then ends Pd."""
    lines = [
        "#N canvas 0 0 600 400 12;",
        "#X obj 10 10 r ts-out-moment;",
        "#X obj 10 30 spigot 1;",
        "#X obj 10 50 t b b;",
    ]
    lines += ["#X msg 100 50 0;", "#X obj 300 10 r ts-out-moment;", "#X obj 300 30 print moment;"]
    cords = [(0, 0, 1, 0), (1, 0, 2, 0), (2, 1, 3, 0), (3, 0, 1, 1), (4, 0, 5, 0)]
    at, before = 0, 2
    for wait, what in [*steps, (100, "pd quit")]:
        at += wait
        lines += [f"#X obj 10 100 del {at};", f"#X msg 10 120 \\; {what};"]
        n = len(lines) - 1
        cords += [(before, 0, n - 2, 0), (n - 2, 0, n - 1, 0)]
    lines += [f"#X connect {a} {out} {b} {inlet};" for a, out, b, inlet in cords]
    path.write_text("\n".join(lines) + "\n")
    return path


def start(pd: str, patch: str, port: int, steps: Sequence[Step], folder: Path) -> subprocess.Popen[str]:
    """Pd with a patch of examples/ and the driver."""
    told = driver(folder / "driver.pd", steps)
    options = ["-nogui", "-noaudio", "-nomidi", "-stderr", "-send", f"ts-port {port}"]
    files = ["-open", str(PATCHES / patch), "-open", str(told)]
    return subprocess.Popen([pd, *options, *files], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def said(process: subprocess.Popen[str]) -> str:
    """What Pd printed until it ended itself."""
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "couldn't create" not in err
    return out + err


def sounds(wave: Wave, rate: int) -> list[Wave]:
    """The runs of sound between runs of silence of 100 ms or more, without their first third and last sixth."""
    heard = np.convolve(np.abs(wave) > 1e-5, np.ones(rate // 10), "same") > 0
    edges = np.flatnonzero(np.diff(np.concatenate([[0], heard.astype(int), [0]])))
    runs = [wave[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True)]
    return [run[len(run) // 3 : -len(run) // 6] for run in runs]


def played(*settings: str, ms: int = 900) -> list[Step]:
    """After silence: settings, then sound for a while."""
    return [(350, "ts-stop bang"), *((10, s) for s in settings), (400, "ts-play bang"), (ms, "ts-stop bang")]


def amplitudes(sound: Wave) -> Wave:
    """Of the sines of :class:`SineCodec`, by correlation with each; gaps of a machine that is late only lower it."""
    period = 4 * SineCodec().ratio
    frames = sound[: len(sound) // period * period].reshape(-1, period)
    turns = np.exp(-2j * np.pi * 16 * np.outer([1, 2, 3], np.arange(period)) / period)
    return np.asarray(np.quantile(2 * np.abs(frames @ turns.T) / period, 0.8, axis=0))


@pytest.mark.slow
@pytest.mark.parametrize("patch", ["vanilla.pd", "mrpeach.pd"])
def test_sliders_move_latents_that_are_heard_one_by_one(pd: str, patch: str, tmp_path: Path) -> None:
    ports = OscPorts(free_port())
    steps = [(200, "ts-motion 0")]
    steps += played("ts-coord-1 1", "ts-coord-2 0", "ts-coord-3 0.25")
    steps += played("ts-coord-2 0.75")
    steps += played("ts-coord 0.2 0.5 0.6")
    steps += played("ts-gain -20")
    process = start(pd, patch, ports.port, steps, tmp_path)
    out = tmp_path / "sound.wav"
    with OscReceiver(ports) as receiver:
        engine = Engine("no-model", maker=fakes.sines)
        status, counts = play_steered(engine, receiver, out=out, seconds=sum(wait for wait, _ in steps) / 1000 + 2)
    assert "moment: " in said(process)
    assert counts.refused == {}
    assert counts.messages > len(steps) - 2
    wave, rate = soundfile.read(out)
    low, high = np.quantile(corpus_steps()[0], QUANTILES, axis=0)
    coords = np.array([(1, 0, 0.25), (1, 0.75, 0.25), (0.2, 0.5, 0.6), (0.2, 0.5, 0.6)])
    expected = 0.02 * np.abs(low + coords * (high - low)) * np.array([[1], [1], [1], [0.1]])
    found = np.array([amplitudes(sound) for sound in sounds(wave, rate)[-4:]])
    np.testing.assert_allclose(found, expected, rtol=0.01, atol=2e-4)
    assert status.running


@pytest.mark.slow
@pytest.mark.parametrize("patch", ["vanilla.pd", "mrpeach.pd"])
def test_a_model_is_played_from_the_command_line(pd: str, patch: str, tmp_path: Path) -> None:
    port, out, size = free_port(), tmp_path / "sound.wav", load_sound(bundle()).latent_dim
    low, high = (" ".join([value] * size) for value in ("0.05", "0.95"))
    steps = [(200, "ts-motion 0"), *played(f"ts-coord {low}"), *played(f"ts-coord {high}"), *played(f"ts-coord {low}")]
    steps += [(350, "ts-play bang"), (300, "ts-panic bang")]
    seconds = sum(wait for wait, _ in steps) / 1000 + 3
    process = start(pd, patch, port, steps, tmp_path)
    command = [sys.executable, "-m", "timbrespace", "play", str(bundle()), "--osc", str(port), "--output", str(out)]
    done = subprocess.run(
        [*command, "--seconds", f"{seconds:g}", "--json"], capture_output=True, text=True, timeout=120, check=True
    )
    said(process)
    told = json.loads(done.stdout)
    assert told["osc"]["refused"] == {}
    assert told["osc"]["commands"] >= 10
    assert done.stderr == ""
    wave, rate = soundfile.read(out)
    assert not wave[-rate // 2 :].any()
    first, second, third = log_spectra(sounds(wave, rate)[-4:-1])
    assert np.abs(first - third).mean() < 0.3 * np.abs(first - second).mean()


def log_spectra(parts: Sequence[Wave]) -> Wave:
    """Of each sound the median power per frequency over frames of 1024 samples, in dB, down to 60 below the highest."""
    frames = [np.lib.stride_tricks.sliding_window_view(sound, 1024)[::256] * np.hanning(1024) for sound in parts]
    powers = np.stack([np.median(np.abs(np.fft.rfft(f)) ** 2, axis=0) for f in frames])
    return np.asarray(10 * np.log10(np.maximum(powers, 1e-6 * powers.max())))


@pytest.mark.parametrize("patch", ["vanilla.pd", "mrpeach.pd", "nn.pd"])
def test_patches_open_without_a_complaint(pd: str, patch: str, tmp_path: Path) -> None:
    quit_at_once = tmp_path / "quit.pd"
    quit_at_once.write_text(
        "#N canvas 0 0 9 9 12;\n#X obj 9 9 loadbang;\n#X msg 9 9 \\; pd quit;\n#X connect 0 0 1 0;\n"
    )
    options = ["-nogui", "-noaudio", "-nomidi", "-stderr", "-send", f"ts-port {free_port()}"]
    done = subprocess.run(
        [pd, *options, "-open", str(PATCHES / patch), "-open", str(quit_at_once)],
        capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    told = done.stdout + done.stderr
    lacking = set(re.findall(r"verbose\(0\): (\S+)[^\n]*\n[^\n]*couldn't create", told))
    assert lacking <= ({"nn~"} if patch == "nn.pd" else set())  # an external that has to be built
    assert [line for line in told.splitlines() if line.startswith("error") and "ts-port" not in line] == []
