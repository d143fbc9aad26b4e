"""The sound card: what fits, what is refused, what is lost and comes back. A real one where there is one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.control import fakes
from timbrespace.control.card import Backend, Card, Device, Refused, Stream
from timbrespace.control.engine import Engine
from timbrespace.control.outputs import play_to_card
from timbrespace.core.errors import EngineError, ParameterError


class Output:
    """Keeps what is written; fails when its machine says so."""

    latency_s = 0.01

    def __init__(self, machine: Machine, channels: int) -> None:
        self.machine = machine
        self.channels = channels
        self.frames: list[np.ndarray] = []

    def write(self, frames: bytes) -> bool:
        if self.machine.unplugged:
            raise Refused("it was unplugged")
        self.frames.append(np.frombuffer(frames, np.float32).reshape(-1, self.channels))
        return False

    def close(self) -> None:
        self.machine.closed += 1


class Machine:
    """Devices with some faults."""

    def __init__(
        self, *devices: Device, rates: Sequence[int] = (), counts: Sequence[int] = (), busy: bool = False
    ) -> None:
        self.all = list(devices)
        self.rates, self.counts, self.busy = rates, counts, busy
        self.unplugged = False
        self.outputs: list[Output] = []
        self.asked: list[tuple[int, int]] = []
        self.closed = 0

    def devices(self, *, again: bool = False) -> Sequence[Device]:
        return [] if self.unplugged else self.all

    def open(self, device: Device, *, sample_rate: int, channels: int, block: int) -> Stream:
        self.asked.append((sample_rate, channels))
        if self.busy:
            raise Refused("Device unavailable")
        if self.rates and sample_rate not in self.rates:
            raise Refused("Invalid sample rate")
        if self.counts and channels not in self.counts:
            raise Refused("Invalid number of channels")
        self.outputs.append(Output(self, channels))
        return self.outputs[-1]

    @property
    def sound(self) -> np.ndarray:
        return np.concatenate([f for output in self.outputs for f in output.frames])


SPEAKERS = Device("Built-in Speakers", 2, 48000)
INTERFACE = Device("USB Interface", 8, 48000)


def noise(n: int, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, (n, channels)).astype(np.float32)


def test_the_fake_is_a_backend() -> None:
    assert isinstance(Machine(), Backend)
    assert isinstance(Output(Machine(), 1), Stream)


def test_a_device_that_fits_gets_what_is_written() -> None:
    machine = Machine(SPEAKERS)
    with Card(backend=machine, block=64) as card:
        card.open(44100, 2)
        frames = noise(300, 2)
        card.write(frames[:200])
        card.write(frames[200:])
    np.testing.assert_array_equal(machine.sound, frames)
    report = card.report()
    assert (report.device, report.sample_rate, report.channels, report.block) == ("Built-in Speakers", 44100, 2, 64)
    assert (report.latency_s, report.resampling_s, report.underflows, report.lost) == (0.01, 0.0, 0, 0)
    assert machine.closed == 1


def test_another_number_of_channels() -> None:
    machine = Machine(INTERFACE, counts=(8,))
    card = Card(backend=machine)
    card.open(48000, 1)
    mono = noise(10)
    card.write(mono)
    np.testing.assert_array_equal(machine.sound, np.repeat(mono, 8, axis=1))
    assert machine.asked == [(48000, 1), (48000, 2), (48000, 8)]
    mono_only = Machine(Device("Phone", 1, 48000))
    mono_only.counts = (1,)
    card = Card(backend=mono_only)
    with pytest.raises(EngineError, match="could not be opened"):
        Card(backend=Machine(SPEAKERS, counts=(3,))).open(48000, 2)
    card.open(48000, 2)
    stereo = noise(10, 2)
    card.write(stereo)
    np.testing.assert_allclose(mono_only.sound[:, 0], stereo.mean(axis=1), atol=1e-6)


def test_another_rate_is_resampled_as_it_comes() -> None:
    machine = Machine(SPEAKERS, rates=(48000,))
    card = Card(backend=machine)
    card.open(44100, 1)
    time_in = np.arange(44100) / 44100
    tone = 0.5 * np.sin(2 * np.pi * 1000 * time_in).astype(np.float32)[:, None]
    for first in range(0, 44100, 512):
        card.write(tone[first : first + 512])
    report = card.report()
    assert report.sample_rate == 48000
    assert 0 < report.resampling_s < 0.05
    assert report.latency_s == pytest.approx(0.01 + report.resampling_s)
    heard = machine.sound[:, 0]
    assert abs(len(heard) / 48000 + report.resampling_s - 1) < 0.02
    np.testing.assert_allclose(
        heard[2000:], 0.5 * np.sin(2 * np.pi * 1000 * np.arange(2000, len(heard)) / 48000), atol=1e-3
    )


def test_what_overshoots_in_resampling_is_held() -> None:
    machine = Machine(SPEAKERS, rates=(48000,))
    card = Card(backend=machine)
    card.open(44100, 1)
    card.write(np.repeat(np.array([1.0, -1.0] * 100, np.float32), 40)[:, None])
    assert np.abs(machine.sound).max() == 1.0


def test_names() -> None:
    machine = Machine(SPEAKERS, INTERFACE, Device("USB Interface 2", 2, 48000))
    assert Card("speakers", backend=machine).report().device == "Built-in Speakers"
    assert Card("USB Interface", backend=machine).report().device == "USB Interface"
    with pytest.raises(
        ParameterError, match="No sound card has 'Piano' in its name; --device takes one of 'Built-in Sp"
    ):
        Card("Piano", backend=machine)
    with pytest.raises(ParameterError, match="More than one .* one of 'USB Interface', 'USB Interface 2'"):
        Card("usb", backend=machine)
    with pytest.raises(EngineError, match="There is no sound card here"):
        Card(backend=Machine())
    with pytest.raises(ParameterError, match="blocks of 16 to 8192 frames, not 4"):
        Card(backend=machine, block=4)


def test_a_busy_device_says_so() -> None:
    with pytest.raises(
        EngineError, match=r"'Built-in Speakers' could not be opened \(Device unavailable\); close what"
    ):
        Card(backend=Machine(SPEAKERS, busy=True)).open(44100, 1)


def test_a_device_that_goes_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    machine = Machine(SPEAKERS)
    card = Card(backend=machine, say=said.append)
    card.open(8000, 1)
    card.write(noise(80))
    machine.unplugged = True
    start = time.perf_counter()
    for _ in range(20):  # 0.2 s
        card.write(noise(80))
    assert time.perf_counter() - start > 0.15  # at the pace of the clock
    assert (card.report().lost, len(said)) == (1, 1)
    assert "is gone (it was unplugged); it is tried again every second" in said[0]
    machine.unplugged = False
    card.write(noise(80))
    assert len(machine.outputs) == 1, "it is not tried all the time"
    monkeypatch.setattr(card, "_retry_at", 0.0)
    machine.busy = True
    card.write(noise(80))
    assert len(said) == 1
    machine.busy = False
    monkeypatch.setattr(card, "_retry_at", 0.0)
    card.write(noise(80))
    assert said[1:] == ["The sound card 'Built-in Speakers' is back."]
    assert len(machine.outputs) == 2
    assert machine.outputs[1].frames


def test_a_device_without_a_clock_is_held_up() -> None:
    card = Card(backend=Machine(SPEAKERS))
    card.open(8000, 1)
    start = time.perf_counter()
    for _ in range(100):
        card.write(noise(80))  # 1 s
    assert time.perf_counter() - start > 0.4


def test_an_engine_plays_on_a_card() -> None:
    machine = Machine(SPEAKERS)
    card = Card(backend=machine, block=80)
    status = play_to_card("x", card, seconds=0.5, engine=Engine("x", maker=fakes.sines, spare=False))
    assert len(machine.sound) == 4000
    assert np.abs(machine.sound).max() > 0.01
    assert status.running
    assert machine.closed == 1


PULSED = 'pcm.pulsed { type pulse hint { show on description "PulseAudio" } }\npcm.!default { type pulse }\n'
NULL = "pcm.!default { type null }\n"


def with_portaudio(script: str, folder: Path, configuration: str) -> subprocess.Popen[str]:
    """A program that runs under another configuration of ALSA, which is read when it starts."""
    file = folder / "asoundrc"
    file.write_text(configuration)
    return subprocess.Popen(
        [sys.executable, "-u", "-c", script], stdout=subprocess.PIPE, text=True,
        env=os.environ | {"ALSA_CONFIG_PATH": str(file), "XDG_RUNTIME_DIR": str(folder), "HOME": str(folder)},
    )  # fmt: skip


def printed(script: str, folder: Path, configuration: str) -> list[str]:
    """The lines that it prints."""
    return with_portaudio(script, folder, configuration).communicate(timeout=120)[0].splitlines()


def needs_portaudio(folder: Path, configuration: str) -> None:
    [found] = printed(
        "try:\n from timbrespace.control.portaudio import PortAudio\n print(len(PortAudio().devices()))\n"
        "except Exception as error:\n print(0, error)\n", folder, configuration,
    )  # fmt: skip
    if found.split()[0] == "0":
        pytest.skip(f"needs PortAudio and ALSA's plugins: {found}")


def test_portaudio_opens_the_null_device(tmp_path: Path) -> None:
    needs_portaudio(tmp_path, NULL)
    script = (
        "import numpy as np\nfrom timbrespace.control.card import Card\n"
        "with Card('default', block=256) as card:\n"
        "    card.open(22050, 2)\n"
        "    for _ in range(100): card.write(np.zeros((256, 2), np.float32))\n"
        "    report = card.report()\n"
        "    print(report.sample_rate, report.channels, report.latency_s > 0, report.lost)\n"
        "try:\n    Card('none of them')\nexcept Exception as error:\n    print(error)\n"
    )
    assert printed(script, tmp_path, NULL) == [
        "22050 2 True 0",
        "No sound card has 'none of them' in its name; --device takes one of 'default'.",
    ]


class Server:
    """A sound server of our own, whose device has a clock and no loudspeaker."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.start()

    def start(self) -> None:
        socket = self.folder / "pulse" / "native"
        socket.unlink(missing_ok=True)
        self._process = subprocess.Popen(
            ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "-L", "module-null-sink rate=48000", "-L",
             "module-native-protocol-unix"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=os.environ | {"XDG_RUNTIME_DIR": str(self.folder), "HOME": str(self.folder)},
        )  # fmt: skip
        deadline = time.monotonic() + 30
        while not socket.exists() and time.monotonic() < deadline:
            time.sleep(0.05)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    if shutil.which("pulseaudio") is None:
        pytest.skip("needs PulseAudio, whose null device has a clock")
    tmp_path.chmod(0o700)
    running = Server(tmp_path)
    needs_portaudio(tmp_path, PULSED)
    yield running
    running.kill()


def test_a_real_device_takes_sound_at_its_pace_and_may_be_gone_for_a_while(server: Server) -> None:
    script = (
        "import time, numpy as np\nfrom timbrespace.control.card import Card\n"
        "card = Card('pulsed', block=512, say=print)\ncard.open(44100, 1)\n"
        "block = np.zeros((512, 1), np.float32)\nstart = time.perf_counter()\n"
        "for _ in range(172): card.write(block)\n"
        "print(time.perf_counter() - start > 1.0, card.report().lost)\n"
        "deadline = time.monotonic() + 100\n"
        "while card.report().lost == 0 and time.monotonic() < deadline: card.write(block)\n"
        "while card._stream is None and time.monotonic() < deadline: card.write(block)\n"
        "for _ in range(20): card.write(block)\n"
        "print(card._stream is not None)\ncard.close()\n"
    )
    player = with_portaudio(script, server.folder, PULSED)
    assert player.stdout is not None
    assert player.stdout.readline() == "True 0\n"
    server.kill()
    assert player.stdout.readline().startswith("The sound card 'pulsed' is gone (")
    server.start()
    assert player.communicate(timeout=120)[0].splitlines() == ["The sound card 'pulsed' is back.", "True"]


def test_without_the_package_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(EngineError, match=r"add it with: pip install 'timbrespace\[live\]'"):
        Card()
