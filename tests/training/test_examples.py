"""Which examples a step sees."""

from __future__ import annotations

from collections import Counter

import torch

from timbrespace.datasets.image_files import Labelled
from timbrespace.datasets.images import ImageSplit
from timbrespace.training.examples import Examples


def examples(count: int, batch_size: int) -> Examples:
    part = Labelled(torch.zeros(count, 4, 4, dtype=torch.uint8), torch.zeros(count, dtype=torch.int64))
    return Examples(ImageSplit("train", part, "none"), None, batch_size=batch_size, seed=3)


def test_every_epoch_shows_each_example_once_without_gaps() -> None:
    of = examples(10, 4)
    seen = [index for step in range(15) for index in of.indices(step)]
    epochs = [seen[begin : begin + 10] for begin in range(0, 60, 10)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 6, "in an order of its own each"


def test_a_batch_larger_than_the_split_spans_epochs() -> None:
    of = examples(3, 8)
    assert len(of.indices(5)) == 8
    assert set(Counter(i for step in range(3) for i in of.indices(step)).values()) == {8}


def test_a_step_does_not_depend_on_those_before() -> None:
    of = examples(50, 8)
    forwards = [of.indices(step) for step in range(40)]
    assert [examples(50, 8).indices(step) for step in (39, 20, 0)] == [forwards[s] for s in (39, 20, 0)]
    assert [of.indices(step) for step in (0, 20, 39)] == [forwards[s] for s in (0, 20, 39)]
