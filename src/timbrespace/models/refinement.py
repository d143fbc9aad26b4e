"""Latents sharpened by a few steps of optimisation, started from what the encoder says."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from timbrespace.core.shapes import Latents, PerExample
from timbrespace.models.encoding import Level

RATE, MOMENTUM = 0.3, 0.5
"""Step size and momentum: below 1/2 the diagonal curvature, a lower bound of the whole, does not overshoot."""


def refine(level: Level, energy: Callable[[Latents], PerExample], *, beta: float, steps: int) -> Latents:
    """Latents of lower energy than the encoder's, at most ``steps`` gradient steps away.

    ``energy`` is what training minimises, as a function of z: the negative log-likelihood plus ``beta`` times
    the negative log-prior, per example in nats. A trained Gaussian posterior knows its curvature: at the
    optimum of ``NLL + beta KL`` the Hessian's diagonal is ``beta / variance``, so that a Newton step is
    ``(variance / beta) * gradient``. Each example keeps the best point it has passed: the result is never
    worse than the start.

    The encoder's answer is a guess amortised over all sounds; on sounds unlike the training ones a few steps
    recover much of what it misses. (Kim et al., "Semi-Amortized Variational Autoencoders", 2018,
    https://arxiv.org/abs/1802.02550; Marino et al., "Iterative Amortized Inference", 2018,
    https://arxiv.org/abs/1807.09356.)
    """
    assert level.log_var is not None  # the caller checked: without a variance there is no curvature
    newton = (level.log_var.exp() / beta).detach()
    z, velocity = level.mean.detach(), torch.zeros_like(level.mean)
    best, least = z, torch.full(z.shape[:1], torch.inf, device=z.device)
    for step in range(steps + 1):
        value, gradient = _value_and_gradient(energy, z)
        better = value < least
        best, least = torch.where(better[:, None, None], z, best), torch.where(better, value, least)
        if step < steps:
            velocity = MOMENTUM * velocity - RATE * newton * gradient
            z = z + velocity
    return best


def _value_and_gradient(energy: Callable[[Latents], PerExample], z: Latents) -> tuple[Tensor, Tensor]:
    with torch.enable_grad():
        leaf = z.detach().requires_grad_(True)
        value = energy(leaf)
        (gradient,) = torch.autograd.grad(value.sum(), leaf)
    return value.detach(), gradient
