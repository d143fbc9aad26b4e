"""The whole of it: 'timbrespace play' with a trained model in a process of its own, as a person starts it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest
import soundfile
from websockets.asyncio.client import connect

from tests.bundles import bundle
from tests.web.conftest import run_apart
from tests.web.raw import Answer, ask
from tests.web.test_audio_socket import blocks
from tests.web.test_control_socket import next_of, say
from timbrespace.web.play import asked_to_end

WATCH = """
import os, sys
def note(event, args):
    if event in ("socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname", "socket.bind"):
        with open(os.environ["WATCHED"], "a") as file:
            file.write(f"{event} {args[1:]}\\n")
sys.addaudithook(note)
"""
"""Loaded by every Python process started from here: writes down whatever touches the network."""


@dataclass
class Playing:
    """A running 'timbrespace play'."""

    process: subprocess.Popen[str]
    url: str
    folder: Path

    @property
    def port(self) -> int:
        return int(self.url.split(":")[2].split("/")[0])

    @property
    def token(self) -> dict[str, str]:
        return {"X-Timbrespace-Token": self.url.split("token=")[1]}

    def get(self, target: str, *, method: str = "GET") -> Answer:
        headers = [("Host", f"127.0.0.1:{self.port}"), *self.token.items()]
        return run_apart(ask(self.port, target, headers, method=method))

    def connect(self, name: str) -> Any:
        options: dict[str, Any] = {"max_queue": None, "close_timeout": 1, "additional_headers": self.token}
        return connect(f"ws://127.0.0.1:{self.port}/ws/{name}", **options)

    def end(self, number: int = signal.SIGINT) -> tuple[int, str]:
        """Exit code and what was written to standard error."""
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=60)
        return self.process.returncode, errors


def start(folder: Path, *options: str) -> Playing:
    """Start playing the tiny model in ``folder`` and wait for its address."""
    (folder / "watch").mkdir(exist_ok=True)
    (folder / "watch" / "sitecustomize.py").write_text(WATCH)
    environment = os.environ | {"PYTHONPATH": str(folder / "watch"), "WATCHED": str(folder / "watched")}
    command = [sys.executable, "-m", "timbrespace", "play", str(bundle()), "--no-open", "--json", *options]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=pipe, stderr=pipe, text=True)
    line = _line(process.stdout)
    if not line:
        raise AssertionError(process.communicate()[1])
    return Playing(process, json.loads(line)["url"], folder)


def _line(stream: IO[str] | None) -> str:
    assert stream is not None
    return stream.readline()


@pytest.fixture(scope="module")
def playing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playing]:
    found = start(tmp_path_factory.mktemp("play"), "--port", "0")
    yield found
    if found.process.poll() is None:
        found.end()
    for stream in (found.process.stdout, found.process.stderr):
        if stream is not None:
            stream.close()


def brightness(wave: Any) -> float:
    """The centroid of the spectrum, in bins."""
    spectrum = np.abs(np.fft.rfft(wave[:, 0]))
    return float((spectrum * np.arange(len(spectrum))).sum() / spectrum.sum())


def test_a_model_is_heard_and_moved(playing: Playing, do: Any) -> None:
    async def play() -> None:
        async with playing.connect("control") as control, playing.connect("audio") as sound:
            silence, _, _ = await blocks(sound, 4)
            assert np.abs(silence).max() == 0
            await say(control, type="event", name="play")
            wave, sequences, indices = await blocks(sound, 150)
            assert np.array_equal(np.diff(sequences), np.ones(149))
            assert np.array_equal(np.diff(indices), np.full(149, len(wave) // 150))
            assert np.isfinite(wave).all()
            assert 0.001 < np.abs(wave).max() <= 1
            status = await next_of(control, "status")
            assert status["playing"]
            assert len(status["place"]) == 4
            await say(control, type="set", name="gain_db", value=-60)
            assert (await next_of(control, "knob"))["value"] == -60
            quiet, _, _ = await blocks(sound, 60)
            assert np.abs(quiet[-2000:]).max() < 0.01 * np.abs(wave).max() + 1e-4
            await say(control, type="event", name="reset")
            await say(control, type="event", name="stop")

    do(play())


def test_the_map_is_that_of_the_model(playing: Playing) -> None:
    table = json.loads(playing.get("/api/map").body)
    answer = playing.get("/api/points")
    points = np.frombuffer(answer.body, "<f4").reshape(-1, int(answer.headers["x-columns"]))
    assert len(table["axes"]) == 4
    assert points.shape == (table["moments"], 2 + 4 + len(table["descriptors"]))
    assert sum(axis["share"] for axis in table["axes"]) == pytest.approx(1.0)
    assert table["informative"]["0.8"] <= table["informative"]["0.99"] <= 4
    axis = table["axes"][0]
    assert axis["low"] - 3 * axis["deviation"] < points[:, 2].mean() < axis["high"] + 3 * axis["deviation"]
    info = json.loads(playing.get("/api/info").body)
    assert info["sounds"] == len(table["sounds"])
    assert info["latency"]["codec"] > 0


def test_a_take_holds_what_was_heard(playing: Playing, do: Any) -> None:
    async def play() -> tuple[dict[str, Any], Any]:
        async with playing.connect("control") as control, playing.connect("audio") as sound:
            await say(control, type="event", name="play")
            await blocks(sound, 20)
            await say(control, type="record", on=True)
            await asyncio.sleep(0.1)
            heard, _, _ = await blocks(sound, 60)
            await say(control, type="record", on=False)
            take = await next_of(control, "take")
            await say(control, type="event", name="stop")
            return take, heard

    take, heard = do(play())
    answer = playing.get(take["url"])
    path = playing.folder / "fetched.wav"
    path.write_bytes(answer.body)
    wave, rate = soundfile.read(path, dtype="float32", always_2d=True)
    assert rate == 22_050
    found = np.correlate(np.pad(wave[:, 0], len(heard)), heard[:, 0], "valid")
    best = int(found.argmax()) - len(heard)
    begin, end = max(0, best), min(len(wave), best + len(heard))
    assert end - begin > 0.5 * len(heard)
    assert np.abs(wave[begin:end] - heard[begin - best : end - best]).max() < 2**-22
    assert (playing.folder / "takes" / f"{take['id']}.wav").is_file()


def test_nothing_of_it_leaves_the_machine(playing: Playing) -> None:
    watched = (playing.folder / "watched").read_text().splitlines()
    assert [line for line in watched if line.startswith("socket.bind")] != []  # the watch works
    assert all(line.startswith("socket.bind (('127.0.0.1'") for line in watched), watched


def test_it_listens_on_the_loopback_alone(playing: Playing) -> None:
    for address in {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}:
        if address.startswith("127."):
            continue
        with socket.socket() as outside, pytest.raises((ConnectionError, TimeoutError)):
            outside.settimeout(1)
            outside.connect((address, playing.port))


def test_ctrl_c_ends_it_cleanly(playing: Playing) -> None:
    """The last one: it ends what the others used."""
    children = _children(playing.process.pid)
    shared = _shared_memory(playing.process.pid)
    code, errors = playing.end()
    assert (code, errors) == (0, "")
    assert not [pid for pid in children if _alive(pid)]
    assert not [path for path in shared if path.exists()]


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_the_system_may_end_it_too(name: str) -> None:
    number = getattr(signal, name)
    before = signal.getsignal(number)
    with asked_to_end() as ended:
        assert not ended()
        os.kill(os.getpid(), number)
        assert ended()
    assert signal.getsignal(number) == before


def test_what_was_started_to_be_left_alone_is() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with asked_to_end() as ended:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not ended()
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_terminal_sees_the_address_once_and_nothing_else(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "timbrespace", "play", str(bundle()), "--port", "0", "--seconds", "0.2"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True)
    assert done.stderr == ""
    (line,) = done.stdout.splitlines()
    assert line.startswith("Play at http://127.0.0.1:")
    assert line.count("token=") == 1


def _children(pid: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(line) for line in found.stdout.split()]


def _shared_memory(pid: int) -> list[Path]:
    """The shared memory a process uses, where the system tells."""
    maps = Path(f"/proc/{pid}/maps")
    lines = maps.read_text().splitlines() if maps.is_file() else []
    return [Path(line.split()[-1]) for line in lines if "/dev/shm/" in line]


def _alive(pid: int) -> bool:
    """Whether a process is there, a moment after it was told to end."""
    for _ in range(20):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        time.sleep(0.1)
    return True
