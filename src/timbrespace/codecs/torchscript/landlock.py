"""Landlock: a Linux process gives up opening files, without privileges (kernel.org, userspace-api/landlock)."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG = 1
_PATH_BENEATH = 1
_READ = 1 << 2 | 1 << 3
"""READ_FILE and READ_DIR."""
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 5: 16}
"""The number of rights on files that each version knows."""
_TCP = 0b11
_SCOPES = 0b11
"""Abstract sockets and signals."""


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


def give_up_files(readable: Iterable[Path]) -> bool:
    """From now on this thread and its children open nothing but to read below ``readable``; False where it cannot be.

    The thread must have been told that it gets no new privileges (``PR_SET_NO_NEW_PRIVS``).
    """
    call = ctypes.CDLL(None, use_errno=True).syscall
    version = call(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION_FLAG))
    if version < 1:
        return False
    rights = (1 << max(n for v, n in _FILE_RIGHTS.items() if v <= version)) - 1
    rules = _Ruleset(rights, _TCP if version >= 4 else 0, _SCOPES if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = call(_CREATE_RULESET, ctypes.byref(rules), ctypes.c_size_t(size), ctypes.c_uint32(0))
    if ruleset < 0:
        return False
    try:
        for folder in readable:
            _allow(call, ruleset, folder)
        return bool(call(_RESTRICT_SELF, ruleset, ctypes.c_uint32(0)) == 0)
    finally:
        os.close(ruleset)


def _allow(call: ctypes._NamedFuncPointer, ruleset: int, folder: Path) -> None:
    """Reading below a folder; one that does not exist needs no rule."""
    try:
        descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        rule = _Beneath(_READ, descriptor)
        call(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), ctypes.c_uint32(0))
    finally:
        os.close(descriptor)
