"""Minutes, turned into steps once."""

from __future__ import annotations

import copy
import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from timbrespace.core.batch import Batch
from timbrespace.training.options import Training

SHARE_FOR_STEPS = 0.93
"""The rest of the time goes to evaluations, checkpoints and TensorBoard."""


def step_budget(training: Training, *, steps_per_epoch: float, seconds_per_step: float) -> int:
    """The number of steps: exact from ``steps`` or ``epochs``, else ``minutes`` divided by the time of a step."""
    if training.steps is not None:
        return training.steps
    if training.epochs is not None:
        return math.ceil(training.epochs * steps_per_epoch)
    return max(1, int(training.minutes * 60 * SHARE_FOR_STEPS / seconds_per_step))


@dataclass(frozen=True)
class Pace:
    """Seconds of a training step, and the number of threads with which it was measured."""

    seconds_per_step: float
    threads: int


def fastest_pace(
    model: nn.Module, batch_of: Callable[[int], Batch], *, learning_rate: float, candidates: Sequence[int]
) -> Pace:
    """The thread count with the shortest step, measured on copies of the model that are thrown away.

    More threads are not always faster: where other programs keep a core busy, two threads that wait for each
    other at every layer can take five times as long as one. The best count is left set in this process.
    """
    paces = []
    for threads in candidates:
        torch.set_num_threads(threads)
        paces.append(Pace(_seconds_per_step(model, batch_of, learning_rate=learning_rate), threads))
    best = min(paces, key=lambda pace: (pace.seconds_per_step, pace.threads))
    torch.set_num_threads(best.threads)
    return best


def _seconds_per_step(
    model: nn.Module, batch_of: Callable[[int], Batch], *, learning_rate: float, steps: int = 12
) -> float:
    twin: Any = copy.deepcopy(model)  # a Trainable, as the trainer will check
    player, parameters = next(iter(twin.players().items()))
    device = parameters[0].device
    optimiser = torch.optim.AdamW(parameters, lr=learning_rate, fused=True)
    times = []
    for step in range(steps):
        start = time.perf_counter()
        generator = torch.Generator(device=device).manual_seed(step)
        terms = twin.losses(batch_of(step).to(device), player, step=step, generator=generator)
        loss = torch.stack(list(terms.values())).sum()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        float(loss.detach())  # waits for a GPU
        times.append(time.perf_counter() - start)
    return statistics.median(times[steps // 3 :])
