"""What a data set hands to a model."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """One batch of examples.

    ``x`` is the input and ``target`` what should come out, the same tensor unless a data set pairs
    sounds (dry and wet). ``labels`` maps a label's name to one integer per example, ``condition``
    holds one row of parameters per example. The first axis of every tensor is the batch.
    """

    x: Tensor
    target: Tensor
    labels: dict[str, Tensor] = field(default_factory=dict)
    condition: Tensor | None = None

    @classmethod
    def of(cls, x: Tensor) -> Batch:
        """A batch whose target is its input."""
        return cls(x=x, target=x)

    def __len__(self) -> int:
        return self.x.shape[0]

    def to(self, device: torch.device | str) -> Batch:
        """The same batch on ``device``; a shared target stays shared."""
        x = self.x.to(device)
        return dataclasses.replace(
            self,
            x=x,
            target=x if self.target is self.x else self.target.to(device),
            labels={name: label.to(device) for name, label in self.labels.items()},
            condition=None if self.condition is None else self.condition.to(device),
        )
