"""How much of a latent code is in use."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

from timbrespace.core.errors import ParameterError

Codes = Int[Tensor, "..."]


def active_units(means: Float[Tensor, "example latent"], threshold: float = 0.01) -> int:
    """The number of latents whose posterior mean has a variance above ``threshold`` over the examples.

    For a prior of unit variance. (Y. Burda, R. Grosse, R. Salakhutdinov, "Importance weighted autoencoders", 2016,
    https://arxiv.org/abs/1509.00519, section 5.2.)
    """
    if len(means) < 2:
        raise ParameterError(f"A variance needs 2 examples or more, not {len(means)}.")
    return int((means.double().var(0) > threshold).sum())


def perplexity(codes: Codes, n_codes: int) -> float:
    """``exp(-sum_k p_k log p_k)`` of the frequencies of ``codes``: 1 if all are alike, ``n_codes`` if in balance."""
    shares = (_counts(codes, n_codes) / codes.numel()).tolist()
    return math.exp(-math.fsum(p * math.log(p) for p in shares if p > 0))


def usage(codes: Codes, n_codes: int) -> float:
    """The share of the ``n_codes`` that occur in ``codes``."""
    return float((_counts(codes, n_codes) > 0).double().mean())


def _counts(codes: Tensor, n_codes: int) -> Tensor:
    if not codes.numel():
        raise ParameterError("There are no codes to count; encode 1 example or more.")
    low, high = int(codes.min()), int(codes.max())
    if low < 0 or high >= n_codes:
        raise ParameterError(
            f"The codes run from {low} to {high}; those of a book of {n_codes} from 0 to {n_codes - 1}."
        )
    return torch.bincount(codes.flatten(), minlength=n_codes).double()
