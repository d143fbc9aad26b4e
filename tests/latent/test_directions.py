"""What all axes together tell: scikit-learn's regression, judged on sounds left out."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GroupKFold, cross_val_predict

from timbrespace.latent.directions import find_directions


def data(n: int = 2_000) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(0)
    x = torch.randn(n, 4, generator=g)
    y = x @ torch.tensor([[1.0, 2.0, 0.0, -2.0], [0.0, 0.0, 0.0, 0.0]]).T + torch.randn(n, 2, generator=g)
    return x, y, torch.arange(n) // 20


def test_the_share_explained_is_that_of_unseen_sounds() -> None:
    x, y, source = data()
    found = find_directions(x, y, source)
    told = cross_val_predict(LinearRegression(), x, y[:, 0], cv=GroupKFold(5), groups=source)
    expected = 1 - np.square(told - y[:, 0].numpy()).sum() / (np.var(y[:, 0].numpy()) * len(y))
    assert float(found.explained[0]) == pytest.approx(expected, abs=0.005)
    assert float(found.explained[1]) < 0.01


def test_directions_are_unit_vectors_of_the_weights() -> None:
    x, y, source = data(20_000)
    found = find_directions(x, y, source)
    torch.testing.assert_close(found.vectors[0], torch.tensor([1.0, 2.0, 0.0, -2.0]) / 3, atol=0.02, rtol=0)
    torch.testing.assert_close(found.vectors.norm(dim=1), torch.ones(2), atol=1e-5, rtol=0)


def test_sounds_learned_by_heart_do_not_count() -> None:
    g = torch.Generator().manual_seed(1)
    source = torch.arange(1_000) // 50
    x = torch.randn(20, 15, generator=g)[source] + 0.01 * torch.randn(1_000, 15, generator=g)
    y = torch.randn(20, 1, generator=g)[source]  # every sound has its own value: easy to fit, impossible to foretell
    assert float(find_directions(x, y, source).explained[0]) < 0.0


def test_what_cannot_be_known_is_nan() -> None:
    x, y, source = data()
    y[:, 0], y[:, 1] = math.nan, 1.0
    found = find_directions(x, y, source)
    assert bool(found.explained.isnan().all())
    assert not found.vectors.any()
    x[:, 3] = 0.0  # an axis along which nothing varies
    x_and_y = data()
    assert bool(find_directions(x, x_and_y[1], source).explained.isfinite().all())
