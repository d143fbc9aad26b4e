"""Use of a code: closed forms and SciPy's entropy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
import torch

from timbrespace.core.errors import ParameterError
from timbrespace.metrics.codes import active_units, perplexity, usage


def test_active_units_are_those_that_move() -> None:
    means = torch.randn(4000, 4, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 0.09, 0.11, 0.0])
    assert active_units(means + 5.0) == 2  # variances of 1, 0.0081, 0.0121 and 0, wherever they lie
    assert active_units(means, threshold=0.001) == 3
    with pytest.raises(ParameterError, match="2 examples or more, not 1"):
        active_units(means[:1])


def test_perplexity_is_the_exponential_of_scipys_entropy() -> None:
    codes = (16 * torch.rand(7, 50, generator=torch.Generator().manual_seed(0)) ** 2).long()
    counts = np.bincount(codes.flatten().numpy(), minlength=32)
    assert perplexity(codes, 32) == pytest.approx(math.exp(scipy.stats.entropy(counts)))
    assert usage(codes, 32) == pytest.approx((counts > 0).mean())


def test_perplexity_and_usage_from_collapse_to_balance() -> None:
    assert perplexity(torch.arange(8).repeat(3), 8) == pytest.approx(8.0)
    assert perplexity(torch.arange(8), 512) == pytest.approx(8.0)
    assert perplexity(torch.full((2, 3, 4), 5), 8) == 1.0
    assert usage(torch.full((2, 3, 4), 5), 8) == 0.125


def test_codes_outside_the_book() -> None:
    with pytest.raises(ParameterError, match="from 0 to 8; those of a book of 8 from 0 to 7"):
        perplexity(torch.arange(9), 8)
    with pytest.raises(ParameterError, match="from -1 to 2"):
        usage(torch.tensor([-1, 2]), 8)
    with pytest.raises(ParameterError, match="no codes"):
        usage(torch.zeros(0, dtype=torch.long), 8)
