"""Minutes, turned into steps once."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from timbrespace.core.batch import Batch
from timbrespace.training.options import Precision, Training

SHARE_FOR_EVALUATIONS = 0.08
SHARE_SPARE = 0.15
"""Left over for checkpoints, TensorBoard's pictures and what else the machine does."""


SUSTAINED_STEPS = 48
"""Steps from which the pace of a whole training is told."""


@dataclass(frozen=True)
class Budget:
    """How many steps a training takes, and how many times it is judged on the way."""

    steps: int
    evaluations: int


def settle_budget(
    training: Training, *, steps_per_epoch: float, seconds_per_step: float, seconds_per_evaluation: float
) -> Budget:
    """Steps and evaluations: exact from ``steps`` or ``epochs``, else what fits into ``minutes``.

    Evaluations take at most :data:`SHARE_FOR_EVALUATIONS` of the minutes, but there are at least two.
    """
    if training.steps is not None:
        return Budget(training.steps, min(training.evaluations, max(1, training.steps)))
    if training.epochs is not None:
        steps = math.ceil(training.epochs * steps_per_epoch)
        return Budget(steps, min(training.evaluations, max(1, steps)))
    seconds = 60 * training.minutes
    affordable = int(SHARE_FOR_EVALUATIONS * seconds / max(seconds_per_evaluation, 1e-6))
    evaluations = max(2, min(training.evaluations, affordable))
    left = seconds * (1 - SHARE_SPARE) - evaluations * seconds_per_evaluation
    steps = max(1, int(left / seconds_per_step))
    return Budget(steps, min(evaluations, steps))


@dataclass(frozen=True)
class Pace:
    """Seconds of a training step, with the thread count and precision at which it was measured."""

    seconds_per_step: float
    threads: int
    precision: Precision


def fastest_pace(
    model: nn.Module,
    batch_of: Callable[[int], Batch],
    *,
    learning_rate: float,
    threads: Sequence[int],
    precisions: Sequence[Precision],
    clock: Callable[[], float] = time.perf_counter,
) -> Pace:
    """The combination with the shortest step, measured on copies of the model that are thrown away.

    More threads are not always faster: where other programs keep a core busy, two threads that wait for each
    other at every layer can take five times as long as one. Half precision is twice as fast where the processor
    has instructions for it, and slower elsewhere. The best thread count is left set in this process. ``clock`` is the
    time that passes; ``time.process_time`` counts the processor's instead, for comparisons on a busy machine.
    """
    paces = []
    for count, precision in itertools.product(threads, precisions):
        torch.set_num_threads(count)
        seconds = _seconds_per_step(model, batch_of, learning_rate=learning_rate, precision=precision, clock=clock)
        paces.append(Pace(seconds, count, precision))
    best = min(paces, key=lambda pace: (pace.seconds_per_step, pace.threads))
    torch.set_num_threads(best.threads)
    # Processors slow down once they are busy for longer: the winner is timed again, for a few seconds.
    seconds = _seconds_per_step(
        model, batch_of, learning_rate=learning_rate, precision=best.precision, clock=clock, steps=SUSTAINED_STEPS
    )
    return dataclasses.replace(best, seconds_per_step=seconds)


def _seconds_per_step(
    model: nn.Module,
    batch_of: Callable[[int], Batch],
    *,
    learning_rate: float,
    precision: Precision,
    clock: Callable[[], float],
    steps: int = 12,
) -> float:
    twin: Any = copy.deepcopy(model)  # a Trainable, as the trainer will check
    player, parameters = next(iter(twin.players().items()))
    device = parameters[0].device
    optimiser = torch.optim.AdamW(parameters, lr=learning_rate, fused=True)
    times = []
    for step in range(steps):
        start = clock()
        generator = torch.Generator(device=device).manual_seed(step)
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16-mixed"):
            terms = twin.losses(batch_of(step).to(device), player, step=step, generator=generator)
            loss = torch.stack([t.float() for t in terms.values()]).sum()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        float(loss.detach())  # waits for a GPU
        times.append(clock() - start)
    return statistics.fmean(times[steps // 3 :])
