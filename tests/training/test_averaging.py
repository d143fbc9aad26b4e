"""The moving average of weights."""

from __future__ import annotations

import torch
from torch import nn

from timbrespace.training.averaging import AveragedModel


def followed(decay: float, steps: int) -> tuple[float, float]:
    """What the average of a weight is that rises evenly from 0 to 1, and what it is with an update at each step."""
    model = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        model.weight.zero_()
        averaged, exact = AveragedModel(model, decay), 0.0
        for step in range(steps):
            model.weight.fill_((step + 1) / steps)
            averaged.update(step)
            d = min(decay, (1 + step) / (10 + step))
            exact += (1 - d) * ((step + 1) / steps - exact)
    return float(averaged.model.weight), exact


def test_the_average_of_a_short_training_is_exact() -> None:
    got, exact = followed(0.999, 500)
    assert abs(got - exact) < 1e-6


def test_strides_of_a_long_training_change_next_to_nothing() -> None:
    for decay in (0.99, 0.998, 0.9999):
        got, exact = followed(decay, 20_000)
        assert abs(got - exact) < 0.01 * (1 - exact), "less than a hundredth of the average's own lag"


def test_most_steps_of_a_long_training_cost_nothing() -> None:
    model = nn.Linear(1, 1)
    averaged = AveragedModel(model, 0.999)
    moved = 0
    for step in range(50_000, 50_064):
        before = averaged.model.weight.clone()
        with torch.no_grad():
            model.weight.add_(1.0)
        averaged.update(step)
        moved += not torch.equal(before, averaged.model.weight)
    assert moved == 8


def test_decay_zero_is_the_model_itself() -> None:
    model = nn.BatchNorm1d(2)
    averaged = AveragedModel(model, 0.0)
    for step in range(3):
        model(torch.randn(4, 2, generator=torch.Generator().manual_seed(step)))
        with torch.no_grad():
            model.weight.add_(1.0)
        averaged.update(step)
        assert torch.equal(averaged.model.weight, model.weight)
        assert torch.equal(averaged.model.running_mean, model.running_mean)
