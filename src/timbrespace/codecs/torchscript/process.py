"""The confined process of a scripted model, from outside: asked within a deadline, ended when it does not keep it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import weakref
from io import BufferedIOBase
from pathlib import Path
from typing import Any

from timbrespace.codecs.torchscript.protocol import ProtocolError, receive, send
from timbrespace.core.errors import BundleError

START_SECONDS = 60.0
"""For Python and torch to start on a slow machine, before the model's own time begins."""
_KEPT = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "VIRTUAL_ENV", "LANG")
"""What the process sees of the environment: no tokens, no names."""
_FORBIDDEN = {
    getattr(signal, "SIGSYS", None): "tried to write a file, to open a connection or to start a program",
    getattr(signal, "SIGXFSZ", None): "tried to write a file",
    getattr(signal, "SIGXCPU", None): "computed without end",
}


class ConfinedProcess:
    """One scripted model in one process; ``facts`` is what it says of itself, ``confined`` what the process gave up.

    Raises :class:`BundleError`, one sentence with the file's name, at everything the model does wrong; the process
    is then gone.
    """

    def __init__(self, name: str, content: bytes, *, seconds: float, memory_gb: float) -> None:
        self.name, self.seconds, self.memory_gb = name, seconds, memory_gb
        self._lock = threading.Lock()
        self._folder = tempfile.mkdtemp(prefix="timbrespace-")
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "timbrespace.codecs.torchscript.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=self._folder,
            env=_environment(),
        )
        assert self._process.stdin is not None  # it was asked for
        assert self._process.stdout is not None
        self._inward: BufferedIOBase = self._process.stdin  # type: ignore[assignment]  # buffered bytes
        self._outward: BufferedIOBase = self._process.stdout  # type: ignore[assignment]
        self.close = weakref.finalize(self, _end, self._process, self._folder)
        try:
            ready, _ = self.ask({"memory_bytes": int(memory_gb * 2**30)}, within=START_SECONDS)
            answer, _ = self.ask({}, content)
        except BundleError:
            self.close()
            raise
        self.confined: list[str] = [str(c) for c in ready.get("confined", [])]
        self.facts: dict[str, Any] = dict(answer.get("facts", {}))

    def ask(
        self, fields: dict[str, Any], payload: bytes = b"", *, within: float | None = None, most: int = 0
    ) -> tuple[dict[str, Any], bytearray]:
        """The answer to a request, within ``seconds``, with a payload of at most ``most`` bytes."""
        with self._lock:
            if not self.close.alive:
                raise BundleError(f"{self.name} was ended; open it again.")
            late = threading.Event()
            watch = threading.Timer(within or self.seconds, self._stop, args=(late,))
            watch.daemon = True
            watch.start()
            try:
                send(self._inward, fields | {"seconds": self.seconds}, payload)
                answer, content = receive(self._outward, most=most)
            except (EOFError, OSError, ProtocolError) as error:
                raise self._ended(late, error) from None
            except BaseException:  # stopped between question and answer: the next answer would be the wrong one
                self.close()
                raise
            finally:
                watch.cancel()
        if "error" in answer:
            raise self._refused(str(answer["error"]))
        return answer, content

    def _stop(self, late: threading.Event) -> None:
        late.set()
        self._process.kill()

    def _ended(self, late: threading.Event, error: Exception) -> BundleError:
        """The sentence for a process that is no more."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=1.0)
        code = self._process.poll()
        self.close()
        if late.is_set():
            return BundleError(
                f"{self.name} did not answer within {self.seconds:g} s and was stopped; it may run for ever,"
                " use another model."
            )
        if isinstance(error, ProtocolError):
            return BundleError(f"{self.name} was stopped, for its process answered {error}; use another model.")
        forbidden = _FORBIDDEN.get(_signal(code))
        if forbidden:
            return BundleError(f"{self.name} {forbidden}, and was stopped; do not trust this file.")
        how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        return BundleError(
            f"{self.name} ended its own process ({how}); the file is damaged or does not fit this torch."
        )

    def _refused(self, why: str) -> BundleError:
        """The sentence for an error that the model gave."""
        if why == "memory":
            return BundleError(
                f"{self.name} asked for more than {self.memory_gb:g} GB of memory and did not get it;"
                " use another model, or a shorter sound."
            )
        return BundleError(f"{self.name} cannot be used: {why[:300]}.")


def _signal(code: int | None) -> signal.Signals | None:
    try:
        return signal.Signals(-code) if code is not None and code < 0 else None
    except ValueError:
        return None


def _environment() -> dict[str, str]:
    """One thread, and nothing that is nobody's business."""
    kept = {k: os.environ[k] for k in _KEPT if k in os.environ}
    if "PYTHONPATH" in kept:  # the process stands elsewhere
        kept["PYTHONPATH"] = os.pathsep.join(str(Path(p).absolute()) for p in kept["PYTHONPATH"].split(os.pathsep) if p)
    return kept | {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONWARNINGS": "ignore"}


def _end(process: subprocess.Popen[bytes], folder: str) -> None:
    """End the process and take its empty folder away."""
    process.kill()
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):
            pipe.close()  # type: ignore[union-attr]  # both were asked for
    process.wait()
    with contextlib.suppress(OSError):
        os.rmdir(folder)  # noqa: PTH106  # only if it is empty, as it must be
