"""What a process that runs somebody else's program gives up before it does."""

from __future__ import annotations

import ctypes
import signal
import sys
import sysconfig
from pathlib import Path

from timbrespace.codecs.torchscript.landlock import give_up_files
from timbrespace.codecs.torchscript.seccomp import give_up_calls

_NOT_READABLE_BY_OTHERS, _NO_NEW_PRIVILEGES = 4, 38
OPEN_FILES = 32
CALLS = "ends when it tries to write a file, to connect or to start a program"
FILES = "opens no files but to read those of Python and of the system's libraries"
SIZES = "writes no bytes into files"
MEMORY = "has limited memory"


def confine(memory_bytes: int) -> list[str]:
    """Give up files, network, other programs and most memory, for good; what of it this system can take, in words."""
    held: list[str] = []
    if sys.platform != "win32":
        held += _limit(memory_bytes)
    if sys.platform == "linux":
        library = ctypes.CDLL(None, use_errno=True)
        library.prctl(_NOT_READABLE_BY_OTHERS, 0, 0, 0, 0)
        library.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        held += [FILES] if give_up_files(_needed()) else []
        held += [CALLS] if give_up_calls() else []
    return held


def _limit(memory_bytes: int) -> list[str]:
    """The limits of POSIX: memory, written bytes, open files, no core file."""
    import resource

    # Python ignores this signal, and the writer would only see an error that it may swallow.
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    most = _in_use() + memory_bytes
    # Only Linux counts private memory of every kind as data.
    limits = {
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: OPEN_FILES,
        resource.RLIMIT_DATA: most,
    }
    for kind, wanted in limits.items():
        _, hard = resource.getrlimit(kind)  # what the user has forbidden already cannot be raised again
        lowest = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(kind, (lowest, lowest))
    return [SIZES, *([MEMORY] if sys.platform == "linux" else [])]


def allow_seconds(seconds: float) -> None:
    """Let the process compute for so long from now on, should nobody be there to stop it."""
    if sys.platform == "win32":
        return
    import resource
    import time

    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    cores = 4  # it may use more than one
    until = int(time.process_time() + cores * seconds) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (until if hard == resource.RLIM_INFINITY else min(until, hard), hard))


def _in_use() -> int:
    """Bytes of private memory now, where the kernel says."""
    try:
        status = Path("/proc/self/status").read_text()
        return 1024 * int(status.split("VmData:")[1].split()[0])
    except (OSError, IndexError, ValueError):
        return 0


def _needed() -> list[Path]:
    """Folders that torch and Python may still load parts of themselves from."""
    places = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    libraries = {f"{sys.base_prefix}/lib", "/lib", "/lib64", "/usr/lib", "/usr/lib64"}
    return [Path(p) for p in sorted(places | libraries)]
