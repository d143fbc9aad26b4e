"""Settings of the whole process, made by entry points before heavy work, never on import."""

from __future__ import annotations

import ctypes
import math
import os
import sys
import time
from typing import Final, Literal

import torch

MOST_ERROR: Final = 1e-6
"""Of a product, relative to its norm: single precision gives 2e-7 to 4e-7, bfloat16 3e-3."""

CLEARLY_FASTER: Final = 1.25
"""So many times as fast must another way of multiplying be: enough that one machine always decides alike, and a
training that goes on after an interruption rounds as before."""


def available_cores() -> int:
    """The cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def tune_process(*, threads: int, products: bool = False) -> None:
    """Set the thread count, flush denormal numbers, and keep freed memory for reuse; for training, ``products`` too.

    Denormals make filters and decaying tails five times slower. glibc gives large blocks back to the kernel
    at once, and fetching them again costs a page fault for every 4 KiB.
    """
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    if products:
        torch.set_float32_matmul_precision("highest")
        torch.set_float32_matmul_precision(fastest_products())
    if sys.platform == "linux":
        _keep_freed_memory()


def fastest_products() -> Literal["highest", "medium"]:
    """Which of torch's precisions of matrix products to train with on a processor.

    "medium" means that oneDNN multiplies instead of MKL: in single precision too, and twice as fast where MKL does not
    use the processor's widest instructions; but with 8 bits where there are matrix units for bfloat16. So both are
    tried on a layer's product: "medium" is for where it is as exact and clearly faster, since small products take
    longer with it.
    """
    before = torch.get_float32_matmul_precision()
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(128, 512, generator=generator), torch.randn(512, 512, generator=generator))
    exact = a.double() @ b.double()
    seconds = {"highest": math.inf, "medium": math.inf}
    try:
        for precision in list(seconds) * 8:
            torch.set_float32_matmul_precision(precision)
            started = time.perf_counter()
            product = a @ b
            seconds[precision] = min(seconds[precision], time.perf_counter() - started)
    finally:
        torch.set_float32_matmul_precision(before)
    error = float((product - exact).norm() / exact.norm())  # of the last, "medium"
    return "medium" if error <= MOST_ERROR and CLEARLY_FASTER * seconds["medium"] < seconds["highest"] else "highest"


def _keep_freed_memory() -> None:
    m_trim_threshold, m_top_pad, m_mmap_threshold = -1, -2, -3
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library, such as musl
        return
    mallopt(m_mmap_threshold, 256 << 20)
    mallopt(m_trim_threshold, 512 << 20)
    mallopt(m_top_pad, 64 << 20)
