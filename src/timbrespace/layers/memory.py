"""What a convolution reads beside its input: padding when the whole is there, memory when it comes in blocks."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

Signal = Float[Tensor, "batch channel step"]
Extended = Float[Tensor, "batch channel more"]


class Memory:
    """The past that the layers of a streaming network remember, in the order in which they ask.

    One pass through the network makes one call of :meth:`extend` per layer; :meth:`state` is then what the next
    pass starts from. A memory without a past remembers zeros, which is what a causal layer is padded with when
    it sees a whole signal: both give the same.
    """

    def __init__(self, past: Sequence[Tensor] = ()) -> None:
        self._past = list(past)
        self._next: list[Tensor] = []

    def extend(self, x: Signal, reach: int) -> Extended:
        """``x`` (batch, channel, step) with the ``reach`` steps before it in front."""
        index = len(self._next)
        past = self._past[index] if index < len(self._past) else x.new_zeros(*x.shape[:2], reach)
        extended = torch.cat([past, x], dim=2)
        self._next.append(extended[..., extended.shape[2] - reach :])
        return extended

    def remembered(self, initial: Sequence[Tensor], *, like: Tensor) -> tuple[Tensor, ...]:
        """What :meth:`keep` was given at this place in the pass before, or ``initial`` on the device of ``like``."""
        first = len(self._next)
        past = self._past[first : first + len(initial)]
        return tuple(past) if past else tuple(x.to(like.device) for x in initial)

    def keep(self, *tensors: Tensor) -> None:
        """Remember ``tensors`` for the next pass; one :meth:`remembered` of as many comes before."""
        self._next.extend(tensors)

    def state(self) -> tuple[Tensor, ...]:
        """What was seen last, one tensor (batch, channel, reach) per layer."""
        return tuple(self._next)


def with_surroundings(x: Signal, reach: int, *, causal: bool, memory: Memory | None = None) -> Extended:
    """``x`` with ``reach`` further steps: remembered ones, or zeros before it, or (not causal) half on each side."""
    if memory is not None:
        return memory.extend(x, reach)
    return F.pad(x, (reach, 0) if causal else (reach // 2, reach - reach // 2))
