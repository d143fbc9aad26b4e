"""What a classifier says about examples."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

from timbrespace.core.errors import ParameterError
from timbrespace.core.shapes import PerExample

# Its length is checked here, in words.
Labels = Int[Tensor, "_example"]


def accuracy(logits: Float[Tensor, "example class"], labels: Labels) -> float:
    """The share of examples whose largest of ``logits`` is that of their label."""
    _some(logits)
    if len(labels) != len(logits):
        raise ParameterError(f"There are {len(logits)} examples and {len(labels)} labels; give one label for each.")
    return float((logits.argmax(1) == labels).double().mean())


def entropy(logits: Float[Tensor, "batch class"]) -> PerExample:
    """``-sum_c p_c log p_c`` in nats per example: 0 where the classifier is sure, ``log C`` where it has no idea."""
    logs = logits.log_softmax(1)
    probabilities = logs.exp()
    # A class that is ruled out adds nothing, and would add 0 times minus infinity.
    return -torch.where(probabilities > 0, probabilities * logs, 0.0).sum(1)


def class_balance(logits: Float[Tensor, "example class"]) -> float:
    """Entropy in nats of the shares of the predicted classes: ``log C`` where all are as frequent, 0 where one is all.

    That of the training set says how high it can be expected to be.
    """
    _some(logits)
    shares = torch.bincount(logits.argmax(1), minlength=logits.shape[1]).double() / len(logits)
    return -math.fsum(p * math.log(p) for p in shares.tolist() if p > 0)


def _some(logits: Tensor) -> None:
    if not len(logits):
        raise ParameterError("There are no examples to judge; give 1 or more.")
