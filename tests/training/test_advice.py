"""Words about when to stop and about collapsed dimensions."""

from __future__ import annotations

from timbrespace.training.advice import Curve, silent_dimensions, when_to_stop

STEPS = list(range(100, 2100, 100))


def test_still_falling_says_go_on() -> None:
    values = [1.0 / (1 + i) for i in range(20)]
    assert when_to_stop(Curve(STEPS, values, values)).startswith("Still improving")


def test_rising_validation_says_stop_and_where_it_was_best() -> None:
    train = [0.5 - 0.02 * i for i in range(20)]
    validation = [0.5 - 0.02 * i if i < 10 else 0.32 + 0.02 * (i - 9) for i in range(20)]
    text = when_to_stop(Curve(STEPS, train, validation))
    assert text.startswith("Stop here")
    assert "step 1,000" in text


def test_flat_with_a_gap_asks_for_sounds() -> None:
    assert "More sounds" in when_to_stop(Curve(STEPS, [0.1] * 20, [0.2] * 20))


def test_flat_without_a_gap_asks_for_capacity() -> None:
    assert "wider network" in when_to_stop(Curve(STEPS, [0.19] * 20, [0.2] * 20))


def test_short_curves_are_not_judged() -> None:
    assert when_to_stop(Curve([1], [0.1], [0.1])).startswith("Too few")


def test_silent_dimensions_are_named() -> None:
    assert silent_dimensions([1.0, 0.5]) == "All 2 latent dimensions are in use."
    assert "2 of 3 latent dimensions are silent (0, 2)" in silent_dimensions([0.001, 1.0, 0.0])
    assert "Every latent dimension has collapsed" in silent_dimensions([0.0, 0.0])
