"""Tours: every place once, ends kept, never far from the shortest of all."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from timbrespace.latent.tour import short_tour


def places(n: int, seed: int) -> np.ndarray:
    points = np.random.default_rng(seed).normal(size=(n, 3))
    return np.linalg.norm(points[:, None] - points[None], axis=-1)


def length(distances: np.ndarray, order: tuple[int, ...] | np.ndarray) -> float:
    at = np.asarray(order)
    return float(distances[at[:-1], at[1:]].sum())


@pytest.mark.parametrize("first", [None, 2])
@pytest.mark.parametrize("last", [None, 5])
def test_close_to_the_shortest_of_all(first: int | None, last: int | None) -> None:
    excess = []
    for seed in range(12):
        distances = places(7, seed)
        orders = (o for o in permutations(range(7)) if first in (None, o[0]) and last in (None, o[-1]))
        best = min(length(distances, o) for o in orders)
        found = short_tour(distances, first=first, last=last)
        assert sorted(found) == list(range(7))
        assert first in (None, int(found[0]))
        assert last in (None, int(found[-1]))
        excess.append(length(distances, found) / best - 1)
    assert np.mean(excess) < 0.03
    assert np.max(excess) < 0.2


def test_places_on_a_line_are_visited_in_order() -> None:
    at = np.random.default_rng(0).permutation(40).astype(float)
    found = short_tour(np.abs(at[:, None] - at[None]))
    assert np.array_equal(np.abs(np.diff(at[found])), np.ones(39))


def test_many_places_are_far_better_than_chance_or_greed() -> None:
    distances = places(200, 1)
    chance = length(distances, np.arange(200))
    assert length(distances, short_tour(distances)) < 0.35 * chance


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_places(n: int) -> None:
    distances = places(n, 0)
    assert sorted(short_tour(distances)) == list(range(n))
    assert int(short_tour(distances, first=n - 1)[0]) == n - 1
    assert int(short_tour(distances, last=n - 1)[-1]) == n - 1
    if n > 1:
        both = short_tour(distances, first=n - 1, last=0)
        assert (int(both[0]), int(both[-1])) == (n - 1, 0)
