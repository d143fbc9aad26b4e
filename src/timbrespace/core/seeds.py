"""Random generators derived from a seed and counters, so that no state has to be carried.

Step 5,000 of a training draws the same numbers whether it is reached in one run or after a resume,
because its generator depends on ``(seed, purpose, step)`` alone.
"""

from __future__ import annotations

import hashlib

import numpy as np
import torch


def derived_seed(seed: int, *counters: int | str) -> int:
    """A 63-bit seed that depends on ``seed`` and on every counter, and on nothing else."""
    text = "\x1f".join([str(int(seed)), *(str(c) for c in counters)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") >> 1


def torch_generator(seed: int, *counters: int | str, device: torch.device | str = "cpu") -> torch.Generator:
    """A torch generator for ``(seed, *counters)`` on ``device``."""
    return torch.Generator(device=device).manual_seed(derived_seed(seed, *counters))


def numpy_generator(seed: int, *counters: int | str) -> np.random.Generator:
    """A NumPy generator for ``(seed, *counters)``."""
    return np.random.default_rng(derived_seed(seed, *counters))
