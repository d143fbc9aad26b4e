"""Settings of the whole process, made by entry points before heavy work, never on import."""

from __future__ import annotations

import ctypes
import os
import sys

import torch


def available_cores() -> int:
    """The cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def tune_process(*, threads: int) -> None:
    """Set the thread count, flush denormal numbers, and keep freed memory for reuse.

    Denormals make filters and decaying tails five times slower. glibc gives large blocks back to the kernel
    at once, and fetching them again costs a page fault for every 4 KiB.
    """
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    if sys.platform == "linux":
        _keep_freed_memory()


def _keep_freed_memory() -> None:
    m_trim_threshold, m_top_pad, m_mmap_threshold = -1, -2, -3
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library, such as musl
        return
    mallopt(m_mmap_threshold, 256 << 20)
    mallopt(m_trim_threshold, 512 << 20)
    mallopt(m_top_pad, 64 << 20)
