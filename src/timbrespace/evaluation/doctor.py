"""What this machine can do for timbrespace."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import time
from importlib import metadata
from typing import Any

import soundfile
import torch

from timbrespace.core.energy import EnergyMeter
from timbrespace.core.version import __version__
from timbrespace.training.runtime import available_cores, tune_process
from timbrespace.transforms.mel import LogMel


def examine() -> dict[str, Any]:
    """Versions, cores, memory, disk, formats, energy counter and two speeds, by name."""
    free = shutil.disk_usage(".").free
    speed = _speeds()
    return {
        "timbrespace": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numba": metadata.version("numba"),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": available_cores(),
        "memory_gib": _memory_gib(),
        "disk_free_gib": round(free / 2**30, 1),
        "cuda": torch.cuda.get_device_name(0) if torch.cuda.is_available() else "none",
        "sound_formats": " ".join(sorted(soundfile.available_formats())),
        "energy": EnergyMeter().read().provenance,
        "log_mel_x_realtime": speed[0],
        "inverse_x_realtime": speed[1],
        "terminal": sys.stdout.isatty(),
    }


def _speeds() -> tuple[int, int]:
    """Seconds of sound per second, one thread: to frames, and back to sound."""
    tune_process(threads=1)
    transform = LogMel(44_100)
    wave = 0.1 * torch.randn(1, 1, 5 * 44_100, generator=torch.Generator().manual_seed(0))
    frames = transform(wave)
    transform.invert(frames)  # compiled kernels are loaded here
    start = time.perf_counter()
    transform(wave)
    there = time.perf_counter()
    transform.invert(frames)
    back = time.perf_counter()
    return round(5 / (there - start)), round(5 / (back - there))


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, ValueError, OSError):  # not a POSIX system
        return None
