"""Where a process of the engine begins. Little is imported here, for the rest may be imported at low priority."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from multiprocessing.connection import Connection
from typing import Any, Final, TypeVar

NICE: Final = 10
"""How much lower the priority is of what is not needed yet, and may never be."""
WAITED_FOR: Final = 4
"""The same of what somebody waits for while another instrument plays."""

T = TypeVar("T")


def enter(connection: Connection, module: str, name: str, nice: int) -> None:
    """Entry point: import what is needed, at a priority lower by ``nice``, then do the jobs that are told.

    ``module`` and ``name`` say which of our own functions makes the instruments. They are names, for the function
    itself would have everything imported before this line is reached.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal reaches all; the owner decides
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    maker = gently(lambda: _maker(module, name), nice=nice)

    from timbrespace.control.process import run

    run(connection, maker)


def gently(action: Callable[[], T], *, nice: int) -> T:
    """What ``action`` returns or raises, done at a lower priority where a thread can have one of its own (Linux).

    A process may not raise its own priority again, but a thread of low priority may end.
    """
    if nice == 0:
        return action()
    with ThreadPoolExecutor(1, initializer=_lower, initargs=(nice,)) as low:
        return low.submit(action).result()


def _maker(module: str, name: str) -> Any:
    importlib.import_module("timbrespace.control.process")
    return reduce(getattr, name.split("."), importlib.import_module(module))


def _lower(nice: int) -> None:
    if sys.platform == "linux":
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + nice)
