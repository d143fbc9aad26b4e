"""'timbrespace play --osc': beside the page, which shows what is turned; alone, into a file; and what is refused."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile

from tests.bundles import bundle, own_process  # noqa: F401  # a fixture
from tests.control.test_osc_receiver import free_port
from tests.web.test_control_socket import next_of
from tests.web.test_play import start
from timbrespace.__main__ import main
from timbrespace.control.osc.packets import message


@contextlib.contextmanager
def sent(port: int, *packets: bytes) -> Iterator[None]:
    """Packets that are sent again and again meanwhile."""
    done = threading.Event()

    def send() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
            while not done.is_set():
                for packet in packets:
                    line.sendto(packet, ("127.0.0.1", port))
                time.sleep(0.05)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@pytest.mark.slow
def test_the_page_shows_what_is_turned_by_osc(tmp_path: Path, do: Any) -> None:
    port = free_port()
    playing = start(tmp_path, "--port", "0", "--osc", str(port))

    async def listen() -> dict[str, Any]:
        async with playing.connect("control") as control:
            await next_of(control, "hello")
            with sent(port, message("/ts/knob/motion", 0.25), b"garbage."):
                told: dict[str, Any] = await next_of(control, "knob")
            return told

    told = do(listen())
    code, errors = playing.end()
    assert (told["name"], told["value"], told["by"]) == ("motion", 0.25, None)
    assert code == 0
    assert errors == "OSC: An OSC packet begins with '/' or '#bundle'.\n"
    binds = [line for line in (tmp_path / "watched").read_text().splitlines() if "bind" in line]
    assert any(f"'127.0.0.1', {port}" in line for line in binds)
    assert all("127.0.0.1" in line for line in binds)


def refused(capsys: pytest.CaptureFixture[str], *tokens: object) -> str:
    """The sentence, if it is one and the exit code is 2."""
    code = main(["play", str(bundle()), *(str(token) for token in tokens)])
    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    (line,) = err.splitlines()
    return line.removeprefix("timbrespace: ")


def test_a_busy_port_is_told_before_anything_plays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle()
    capsys.readouterr()
    out = tmp_path / "out.wav"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        expected = f"OSC port {port} is in use by another program; try --osc "
        assert refused(capsys, "--osc", port, "--port", 0, "--no-open").startswith(expected)
        assert refused(capsys, "--osc", port, "--output", out, "--seconds", 1).startswith(expected)
    assert not out.exists()
    assert "--osc is a port from 1024" in refused(capsys, "--osc", 80, "--output", "none", "--seconds", 1)
    away = ("--osc", free_port(), "--osc-host", "192.0.2.1", "--output", "none", "--seconds", 1)
    assert "--osc-host is an address of this machine" in refused(capsys, *away)


@pytest.mark.slow
def test_without_a_page_it_sounds_at_once_and_tells_what_came(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle()
    capsys.readouterr()
    port, out = free_port(), tmp_path / "out.wav"
    tokens = ("--osc", str(port), "--output", str(out), "--seconds", "1.5", "--json")
    with sent(port, message("/ts/xy", 0.25, 0.5), message("/ts/xyz", 1.0)):
        code = main(["play", str(bundle()), *tokens])
    told, err = capsys.readouterr()
    osc = json.loads(told)["osc"]
    assert code == 0
    assert err == "OSC: There is no address /ts/xyz. Did you mean '/ts/xy'?\n"
    assert osc["commands"] > 5
    assert osc["refused"] == {"unknown": osc["packets"] - osc["messages"]}
    wave, rate = soundfile.read(out)
    assert len(wave) == round(1.5 * rate)
    assert abs(wave[rate // 2 : rate]).max() > 1e-3
    assert "exists already" in refused(capsys, "--osc", port, "--output", out, "--seconds", 1)
