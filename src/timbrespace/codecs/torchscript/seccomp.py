"""A filter of system calls: what a model has no business with ends its process (Linux, seccomp(2), no privileges).

The numbers are the kernel's, per architecture.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from dataclasses import dataclass

_LOAD, _AND, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x06
_KILL, _FAIL, _ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_SET_SECCOMP, _FILTER_MODE = 22, 2
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_THREAD = 0x00010000
"""CLONE_THREAD."""


@dataclass(frozen=True)
class _Machine:
    audit: int
    opening: dict[int, int]
    """Call that opens a file: which argument holds its flags."""
    clone: int
    forbidden: tuple[int, ...]
    """Programs, processes, sockets, names of files, kernels' internals: the process ends."""
    failing: tuple[int, ...]
    """Has a harmless use, or another way around this filter: the call fails."""


_MACHINES = {
    "x86_64": _Machine(
        0xC000003E,
        {2: 1, 257: 2},
        56,
        # creat socket connect socketpair fork vfork execve execveat ptrace process_vm_*, then names of files:
        # truncate rename mkdir rmdir link unlink symlink chmod chown lchown mknod and their *at forms, then mount
        # unshare setns bpf userfaultfd perf_event_open and so on; what changes a file that is open for reading, or its
        # attributes and times (fchmod fchown *xattr utime*); other processes (rt_sigqueueinfo pidfd_open pidfd_getfd)
        (85, 41, 42, 53, 57, 58, 59, 322, 101, 310, 311, 76, 82, 83, 84, 86, 87, 88, 90, 92, 94, 133, 258, 259, 260,
         263, 264, 265, 266, 268, 316, 452, 165, 166, 272, 308, 321, 323, 298, 248, 249, 250,
         91, 93, 188, 189, 190, 197, 198, 199, 132, 235, 261, 280, 129, 297, 434, 438),
        (435, 437, 425, 62, 200, 234, 424),  # clone3 openat2 io_uring_setup kill tkill tgkill pidfd_send_signal
    ),
    "aarch64": _Machine(
        0xC00000B7,
        {56: 2},
        220,
        (198, 203, 199, 221, 281, 117, 270, 271, 45, 38, 34, 37, 35, 36, 53, 54, 33, 276, 452, 40, 39, 97, 268, 280,
         282, 241, 217, 218, 219, 52, 55, 5, 6, 7, 14, 15, 16, 88, 138, 240, 434, 438),
        (435, 437, 425, 129, 130, 131, 424),
    ),
}  # fmt: skip


def give_up_calls() -> bool:
    """From now on a forbidden call ends this process with SIGSYS; False where there is no such filter.

    The thread must have been told that it gets no new privileges (``PR_SET_NO_NEW_PRIVS``).
    """
    machine = _MACHINES.get(platform.machine())
    if machine is None or struct.calcsize("P") != 8:
        return False
    code = _program(machine)
    buffer = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("@HP", len(code) // 8, ctypes.addressof(buffer))
    library = ctypes.CDLL(None, use_errno=True)
    return bool(library.prctl(_SET_SECCOMP, _FILTER_MODE, header, 0, 0) == 0)


def _program(machine: _Machine) -> bytes:
    """The filter, as instructions (code, jump if true, jump if false, value)."""
    kill, allow = (_RETURN, 0, 0, _KILL), (_RETURN, 0, 0, _ALLOW)
    steps = [(_LOAD, 0, 0, _ARCHITECTURE), (_EQUAL, 1, 0, machine.audit), kill, (_LOAD, 0, 0, _NUMBER)]
    steps += [(_AT_LEAST, 0, 1, 0x40000000), kill]  # another numbering of the same calls
    for number in machine.forbidden:
        steps += [(_EQUAL, 0, 1, number), kill]
    for number in machine.failing:
        steps += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _FAIL | errno.ENOSYS)]
    for number, argument in machine.opening.items():
        steps += [(_EQUAL, 0, 4, number), (_LOAD, 0, 0, _FIRST_ARGUMENT + 8 * argument), (_AND, 0, 0, _WRITING)]
        steps += [(_EQUAL, 1, 0, 0), kill]
        steps += [(_LOAD, 0, 0, _NUMBER)]
    steps += [(_EQUAL, 0, 4, machine.clone), (_LOAD, 0, 0, _FIRST_ARGUMENT), (_AND, 0, 0, _THREAD), (_EQUAL, 0, 1, 0)]
    steps += [kill, allow]
    return b"".join(struct.pack("@HBBI", *step) for step in steps)
