"""A short way through many places."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
MOST_SWEEPS = 50


def short_tour(distances: Array, *, first: int | None = None, last: int | None = None) -> Array:
    """An order (place,) in which all places are visited once, with a short sum of ``distances`` (place, place).

    From each place to the nearest that is left, then 2-opt (Croes 1958, A method for solving traveling-salesman
    problems): stretches are turned round as long as that shortens the way. It begins at ``first`` and ends at
    ``last`` if these are given, else where it is shortest.
    """
    n = len(distances)
    nowhere = n  # a place at no distance from all others stands for an end that is free
    extended = np.zeros((n + 1, n + 1))
    extended[:n, :n] = distances
    inner = _nearest_first(distances, first, last)
    head = [nowhere] if first is None else [first]
    tail = [nowhere] if last is None else [last]
    tour = np.array([*head, *inner, *tail])
    for _ in range(MOST_SWEEPS):
        if not _improve(extended, tour):
            break
    return tour[tour != nowhere]


def _nearest_first(distances: Array, first: int | None, last: int | None) -> list[int]:
    """All places but the given ends, each the nearest left to the one before."""
    left = np.ones(len(distances), bool)
    for end in (first, last):
        if end is not None:
            left[end] = False
    # A free beginning is the place farthest from all others: a way that begins in the middle has to come back.
    here = int(distances.sum(1).argmax()) if first is None else first
    order = []
    if first is None and left[here]:
        order.append(here)
        left[here] = False
    while left.any():
        here = int(np.where(left, distances[here], np.inf).argmin())
        order.append(here)
        left[here] = False
    return order


def _improve(distances: Array, tour: Array) -> bool:
    """Turn round, in place, the best stretch that begins at each position; whether any turn was made."""
    turned = False
    for i in range(1, len(tour) - 2):
        before, here = tour[i - 1], tour[i]
        ends, after = tour[i + 1 : -1], tour[i + 2 :]
        gain = distances[before, here] + distances[ends, after] - distances[before, ends] - distances[here, after]
        best = int(gain.argmax())
        if gain[best] > 1e-9:
            stop = i + 1 + best
            tour[i : stop + 1] = tour[i : stop + 1][::-1].copy()
            turned = True
    return turned
