"""What a classifier says, beside scikit-learn and SciPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
import torch
from sklearn.metrics import accuracy_score

from timbrespace.core.errors import ParameterError
from timbrespace.metrics.classification import accuracy, class_balance, entropy


def logits(n: int = 200, classes: int = 10) -> torch.Tensor:
    return 3 * torch.randn(n, classes, generator=torch.Generator().manual_seed(0))


def test_accuracy_is_scikit_learns() -> None:
    scores = logits()
    labels = torch.where(torch.arange(200) % 3 > 0, scores.argmax(1), 4)
    assert accuracy(scores, labels) == pytest.approx(accuracy_score(labels.numpy(), scores.argmax(1).numpy()))
    assert accuracy(scores, scores.argmax(1)) == 1.0


def test_entropy_is_scipys() -> None:
    scores = logits()
    expected = scipy.stats.entropy(scores.double().softmax(1).numpy(), axis=1)
    np.testing.assert_allclose(entropy(scores).numpy(), expected, rtol=1e-4, atol=1e-6)


def test_entropy_from_sure_to_clueless() -> None:
    scores = torch.tensor([[0.0, -math.inf, -math.inf], [1e4, 0.0, 0.0], [5.0, 5.0, 5.0], [2.0, 2.0, -math.inf]])
    assert entropy(scores).tolist() == pytest.approx([0.0, 0.0, math.log(3), math.log(2)], abs=1e-6)


def test_class_balance_is_the_entropy_of_what_is_predicted() -> None:
    even = torch.eye(4).repeat(5, 1)
    assert class_balance(even) == pytest.approx(math.log(4))
    assert class_balance(0.001 * even) == pytest.approx(math.log(4))  # how sure it is does not matter
    assert class_balance(torch.eye(4)[[1, 1, 1]]) == 0.0
    counts = torch.bincount(logits().argmax(1), minlength=10).numpy()
    assert class_balance(logits()) == pytest.approx(scipy.stats.entropy(counts))


def test_what_cannot_be_judged() -> None:
    with pytest.raises(ParameterError, match="200 examples and 3 labels"):
        accuracy(logits(), torch.zeros(3, dtype=torch.long))
    with pytest.raises(ParameterError, match="no examples"):
        class_balance(torch.zeros(0, 10))
    assert entropy(torch.zeros(0, 10)).shape == (0,)
