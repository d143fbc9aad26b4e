"""The instrument's server as a process of its own."""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
START_S = 90.0


@dataclass
class Server:
    """A running server: its address with the token, and its process."""

    address: str
    process: subprocess.Popen[str]

    @property
    def origin(self) -> str:
        return self.address.split("/?")[0]

    def children(self) -> list[int]:
        """Process numbers of its children."""
        folder = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in folder.read_text().split()]


@contextmanager
def serve(command: Sequence[str], *, folder: Path, **environment: str) -> Iterator[Server]:
    """Run a command that prints the address of its page, until the end of the block."""
    settings = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **environment}
    process = subprocess.Popen(
        command, cwd=folder, env=settings, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    lines: queue.Queue[str] = queue.Queue()
    listening = threading.Thread(target=_collect, args=(process, lines), daemon=True)
    listening.start()
    try:
        yield Server(_address(lines), process)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        listening.join(5)
        if process.stdout is not None and not listening.is_alive():
            process.stdout.close()


def _collect(process: subprocess.Popen[str], lines: queue.Queue[str]) -> None:
    for line in process.stdout or []:
        lines.put(line)


def _address(lines: queue.Queue[str]) -> str:
    seen = ""
    while True:
        try:
            seen += lines.get(timeout=START_S)
        except queue.Empty:
            raise RuntimeError(f"The server did not start. It said: {seen}") from None
        if found := re.search(r"http://127\.0\.0\.1:\d+/\?token=[\w-]+", seen):
            return found[0]
