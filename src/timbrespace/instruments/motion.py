"""Sounds move: a moment's own latent steps, read in a loop at any speed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from timbrespace.instruments.corpus import Corpus

Array = npt.NDArray[Any]


def around(corpus: Corpus, moment: int, phase: float, *, loop: int) -> Array:
    """How far from its moment's position a sound is, ``phase`` latent steps after the moment's beginning.

    ``o = m(phase) - position``, (axis,). The sound runs on through what follows the moment and starts again after
    ``loop`` steps; a window that would pass the end of the sound is moved back, a sound shorter than it is
    looped whole. Between steps the sound is interpolated linearly.
    """
    start, window, length = _looped(corpus, moment, loop)
    whole = math.floor(phase)
    share = phase - whole
    here = corpus.steps[window + (start - window + whole) % length]
    if share > 0:
        here = (1 - share) * here + share * corpus.steps[window + (start - window + whole + 1) % length]
    return here - corpus.positions[moment]


def steps_around(corpus: Corpus, moment: int, first: int, count: int, *, loop: int) -> Array:
    """The same at ``count`` whole phases from ``first`` on, (step, axis)."""
    start, window, length = _looped(corpus, moment, loop)
    steps = window + (start - window + first + np.arange(count)) % length
    return corpus.steps[steps] - corpus.positions[moment]


def _looped(corpus: Corpus, moment: int, loop: int) -> tuple[int, int, int]:
    """A moment's first step, the first step of the window it is looped in, and the window's length."""
    first, end = corpus.span(moment)
    start = int(corpus.starts[moment])
    length = max(1, min(loop, end - first))
    return start, min(start, end - length), length


def own_steps(corpus: Corpus, moment: int, count: int, *, before: int) -> tuple[Array, Array]:
    """The sound itself from a moment on: ``before`` steps leading to it (axes as they are) and up to ``count`` of it.

    Before the beginning of a sound its first step stands.
    """
    first, end = corpus.span(moment)
    start = int(corpus.starts[moment])
    lead = np.maximum(np.arange(start - before, start), first)
    return corpus.steps[lead], corpus.steps[start : min(start + count, end)]
