"""Combinations of parts that cover every pair of members without being every combination."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")


def covering(candidates: Iterable[T], features: Callable[[T], Iterable[Hashable]]) -> list[T]:
    """Candidates that together have every feature that any candidate has: few, and always the same ones.

    Greedy: each is the one that adds most. (Johnson, "Approximation algorithms for combinatorial problems", 1974.)
    """
    left = [(candidate, frozenset(features(candidate))) for candidate in candidates]
    missing = frozenset().union(*(found for _, found in left)) if left else frozenset()
    chosen = []
    while missing:
        best, found = max(left, key=lambda pair: len(pair[1] & missing))
        chosen.append(best)
        missing -= found
        left = [pair for pair in left if pair[1] & missing]
    return chosen


def pairs(items: Sequence[Hashable]) -> Iterable[Hashable]:
    """Every two of ``items``, with their places."""
    return itertools.combinations(enumerate(items), 2)
