"""Grey values as probabilities of ink: binary pictures drawn from them, exactly and fast."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

Grey = UInt8[Tensor, "*shape"]
Binary = Float[Tensor, "*shape"]
Bytes = UInt8[Tensor, " count"]


def binarise(grey: Grey, *, generator: torch.Generator) -> Binary:
    """Independent draws that are 1 with probability ``grey / 255`` exactly, else 0.

    A cell is 1 where a number drawn evenly from 0 ... 254 lies below its grey value, which has that probability: 255
    always is, 0 never. (Salakhutdinov & Murray, "On the Quantitative Analysis of Deep Belief Networks", 2008,
    https://doi.org/10.1145/1390156.1390266, binarised MNIST so; "dynamically" is anew for every batch.)
    """
    drawn = _below_255(grey.numel(), generator).view(grey.shape)
    return torch.lt(drawn, grey, out=torch.empty(grey.shape, dtype=torch.float32))


def _below_255(count: int, generator: torch.Generator) -> Bytes:
    """Numbers evenly from 0 ... 254: random bytes, those that are 255 drawn again until none is.

    Eight bytes come from each 64-bit number: an eighth of the time of drawing each cell by itself.
    """
    drawn = _random_bytes(count, generator)
    values = drawn.numpy()  # the same memory
    again = np.flatnonzero(values == 255)
    while len(again):
        values[again] = _random_bytes(len(again), generator).numpy()
        again = again[values[again] == 255]
    return drawn


def _random_bytes(count: int, generator: torch.Generator) -> Bytes:
    words = torch.empty(-(-count // 8), dtype=torch.int64)
    words.random_(-(2**63), None, generator=generator)  # all of the 64 bits
    return words.view(torch.uint8)[:count]
