"""Minutes become steps once; exact budgets stay exact."""

from __future__ import annotations

import pytest
import torch

from tests.training.toy import Frames, model, options
from timbrespace.training.budget import fastest_pace, settle_budget

CLOCK = {"steps_per_epoch": 12.5, "seconds_per_step": 0.05, "seconds_per_evaluation": 0.8}


def test_steps_and_epochs_are_exact() -> None:
    assert settle_budget(options(steps=77), **CLOCK).steps == 77
    assert settle_budget(options(epochs=3), **CLOCK).steps == 38
    assert settle_budget(options(steps=3, evaluations=20), **CLOCK).evaluations == 3


def test_minutes_hold_steps_and_evaluations_and_something_to_spare() -> None:
    budget = settle_budget(options(minutes=10.0, evaluations=20), **CLOCK)
    spent = budget.steps * 0.05 + budget.evaluations * 0.8
    assert budget.evaluations == 20
    assert 0.8 * 600 < spent <= 0.85 * 600


def test_short_trainings_are_judged_less_often() -> None:
    budget = settle_budget(options(minutes=0.6, evaluations=20), **CLOCK)
    assert budget.evaluations == 3
    assert settle_budget(options(minutes=0.01, evaluations=20), **CLOCK).steps == 1


def test_pace_is_that_of_the_fastest_candidate_and_leaves_the_model_alone() -> None:
    network = model()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    threads = torch.get_num_threads()
    pace = fastest_pace(network, Frames().batch, learning_rate=1e-3, threads=[1], precisions=["32-true", "bf16-mixed"])
    assert pace.threads == 1
    assert pace.precision in ("32-true", "bf16-mixed")
    assert 0 < pace.seconds_per_step < 10
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    torch.set_num_threads(threads)


@pytest.mark.parametrize("minutes", [0.2, 1.0, 60.0])
def test_more_minutes_never_mean_fewer_steps(minutes: float) -> None:
    less, more = (settle_budget(options(minutes=m), **CLOCK).steps for m in (minutes, 2 * minutes))
    assert more > less
