"""How long a live engine takes for blocks of sound, of any size, as a host asks for them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

BLOCKS = (64, 128, 256, 512, 1024, 2048, 4096)
"""Samples."""
SECONDS = 0.2
"""Of measuring per size of block, at most."""
FEWEST = 50


@dataclass(frozen=True)
class BlockSpeed:
    """Of blocks of ``block`` samples: mean, median and 99th percentile in milliseconds of a clock on the wall.

    ``real_time`` is how many times faster than the sound they came: duration of a block over ``mean_ms``.
    """

    block: int
    mean_ms: float
    median_ms: float
    p99_ms: float
    real_time: float


def block_speeds(
    step: Callable[[], object], *, quantum: int, sample_rate: int, blocks: tuple[int, ...] = BLOCKS
) -> list[BlockSpeed]:
    """Speeds of an engine whose ``step`` makes the next ``quantum`` samples.

    A block calls it as often as samples are missing: one smaller than the quantum only now and then, and then it waits
    for the whole step, which is what the percentile tells and the mean does not.
    """
    for _ in range(20):
        step()  # engines optimise themselves in their first calls
    return [_speed(step, quantum, sample_rate, block) for block in blocks]


def _speed(step: Callable[[], object], quantum: int, sample_rate: int, block: int) -> BlockSpeed:
    spent: list[float] = []
    ready, end = 0, time.perf_counter() + SECONDS
    while len(spent) < FEWEST or (time.perf_counter() < end and len(spent) < 100_000):
        begin = time.perf_counter()
        while ready < block:
            step()
            ready += quantum
        ready -= block
        spent.append(1000.0 * (time.perf_counter() - begin))
    mean = sum(spent) / len(spent)
    return BlockSpeed(
        block=block,
        mean_ms=mean,
        median_ms=float(np.median(spent)),
        p99_ms=float(np.percentile(spent, 99)),
        real_time=1000.0 * block / sample_rate / max(mean, 1e-9),
    )
