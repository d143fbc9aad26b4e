"""Minutes, turned into steps once."""

from __future__ import annotations

import copy
import math
import statistics
import time
from collections.abc import Callable

import torch
from torch import nn

from timbrespace.core.batch import Batch
from timbrespace.core.errors import TrainingError
from timbrespace.training.options import Training

SHARE_FOR_STEPS = 0.93
"""The rest of the time goes to evaluations, checkpoints and TensorBoard."""


def step_budget(training: Training, *, steps_per_epoch: float, seconds_per_step: Callable[[], float]) -> int:
    """The number of steps: exact from ``steps`` or ``epochs``, else ``minutes`` divided by the time of a step."""
    if training.steps is not None:
        return training.steps
    if training.epochs is not None:
        return math.ceil(training.epochs * steps_per_epoch)
    return max(1, int(training.minutes * 60 * SHARE_FOR_STEPS / seconds_per_step()))


def time_steps(model: nn.Module, batch_of: Callable[[int], Batch], *, learning_rate: float, steps: int = 12) -> float:
    """Median seconds of a training step, measured on a copy of the model that is thrown away."""
    twin = copy.deepcopy(model)
    parameters = next(iter(twin.players().values()))  # type: ignore[operator]  # Trainable
    optimiser = torch.optim.AdamW(parameters, lr=learning_rate, fused=True)
    times = []
    for step in range(steps):
        start = time.perf_counter()
        batch = batch_of(step).to(parameters[0].device)
        generator = torch.Generator(device=parameters[0].device).manual_seed(step)
        terms = twin.losses(batch, "model", step=step, generator=generator)  # type: ignore[operator]  # Trainable
        (torch.stack(list(terms.values())).sum() / batch.target[0].numel()).backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        times.append(time.perf_counter() - start)
    seconds = statistics.median(times[steps // 3 :])
    if not math.isfinite(seconds) or seconds <= 0:
        raise TrainingError("The clock of this machine does not advance; give --epochs instead of --minutes.")
    return seconds
