"""Side-by-side timing: contestants take turns in one process, so a slow second hits all of them."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping


def interleaved(
    contestants: Mapping[str, Callable[[], object]], *, rounds: int = 9, warm_up: int = 2
) -> dict[str, float]:
    """Median processor seconds per call of each contestant over ``rounds`` turns.

    Processor time of this process is not blurred by neighbours; run with one thread.
    """
    for call in contestants.values():
        for _ in range(warm_up):
            call()
    spent: dict[str, list[float]] = {name: [] for name in contestants}
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for name, call in contestants.items():
                begin = time.process_time()
                call()
                spent[name].append(time.process_time() - begin)
    finally:
        gc.enable()
    return {name: statistics.median(seconds) for name, seconds in spent.items()}
