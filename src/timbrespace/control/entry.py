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
"""Of a thread that prepares what is not needed yet."""

T = TypeVar("T")


def enter(connection: Connection, module: str, name: str, gentle: bool) -> None:
    """Entry point: import what is needed, at low priority if ``gentle``, then do the jobs that are told.

    ``module`` and ``name`` say which of our own functions makes the instruments. They are names, for the function
    itself would have everything imported before this line is reached.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal reaches all; the owner decides
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    maker = gently(lambda: _maker(module, name), really=gentle)

    from timbrespace.control.process import run

    run(connection, maker)


def gently(action: Callable[[], T], *, really: bool = True) -> T:
    """What ``action`` returns or raises, done at low priority where a thread can have one of its own (Linux).

    A process may not raise its own priority again, but a thread of low priority may end.
    """
    if not really:
        return action()
    with ThreadPoolExecutor(1, initializer=_lower) as low:
        return low.submit(action).result()


def _maker(module: str, name: str) -> Any:
    importlib.import_module("timbrespace.control.process")
    return reduce(getattr, name.split("."), importlib.import_module(module))


def _lower() -> None:
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
