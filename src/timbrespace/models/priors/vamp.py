"""The VampPrior: the posteriors of learned pseudo-inputs as prior."""

from __future__ import annotations

import copy
from typing import Annotated, Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from timbrespace.core.component import Wired
from timbrespace.core.errors import ParameterError
from timbrespace.core.knob import Knob
from timbrespace.core.shapes import Frames, Latents
from timbrespace.models.encoding import Level
from timbrespace.models.priors.base import Anchored, Prior
from timbrespace.models.priors.mixtures import (
    gaussian_entropy,
    mixture_log_prob,
    mixture_sample,
    mixture_variance,
    posterior_draw,
)


class VampPrior(Anchored):
    """``p(z) = 1/K sum_k q(z | u_k)``, the encoder's posteriors of K pseudo-inputs ``u``, which are learned.

    It is the best prior for an encoder in so far as the pseudo-inputs can stand for the data (Tomczak & Welling,
    "VAE with a VampPrior", 2018, https://arxiv.org/abs/1705.07120). Every step of a pseudo-input's posterior is a
    component. They start as training examples and stay within the range that each feature has there: the paper's
    clamp to [0, 1] for pictures, for any data, since an encoder says nothing sensible about what it never sees.
    """

    low: Tensor
    high: Tensor

    def __init__(
        self,
        *,
        latent_dim: Wired[int],
        n_channels: Wired[int],
        n_features: Wired[int],
        n_frames: Wired[int],
        n_components: Annotated[int, Knob(1, 10_000)] = 100,
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.n_channels = n_channels
        self.n_features = n_features
        self.n_frames = n_frames
        self.n_components = n_components
        self.inputs = nn.Parameter(0.1 * torch.randn(n_components, n_channels, n_features, n_frames))
        limit = torch.full((n_channels, n_features, 1), torch.finfo(torch.float32).max)
        self.register_buffer("low", -limit)  # finite even before the start: bundles hold finite numbers
        self.register_buffer("high", limit)
        self._level: Level | None = None

    @property
    def pseudo_inputs(self) -> Frames:
        held: Tensor = _Held.apply(self.inputs, self.low, self.high)  # type: ignore[no-untyped-call]  # torch's own
        return held

    def anchored(self, level: Level) -> Prior:
        if level.log_var is None:
            raise ParameterError(
                "A VampPrior needs posteriors with a variance; use a bottleneck with a Gaussian encoder."
            )
        placed = copy.copy(self)  # shares the parameters
        placed._level = level
        return placed

    @torch.no_grad()
    def start_from(self, frames: Frames) -> None:
        """Set the pseudo-inputs to the first examples, and their range to that of all.

        Where there are fewer examples than pseudo-inputs the others start as means of two: equal ones would
        learn the same for ever. Longer examples are cut.
        """
        wanted = (self.n_channels, self.n_features, self.n_frames)
        if len(frames) == 0 or tuple(frames.shape[1:3]) != wanted[:2] or frames.shape[3] < self.n_frames:
            raise ParameterError(
                f"The VampPrior's pseudo-inputs have {wanted[0]} channels, {wanted[1]} features and {wanted[2]} frames;"
                f" they cannot start from examples of shape {tuple(frames.shape)}."
            )
        frames = frames[..., : self.n_frames]
        one = torch.arange(self.n_components, device=frames.device)
        other = (one + one // len(frames)) % len(frames)
        self.inputs.copy_(0.5 * (frames[one % len(frames)] + frames[other]))
        self.low.copy_(frames.amin(dim=(0, 3)).unsqueeze(-1))
        self.high.copy_(frames.amax(dim=(0, 3)).unsqueeze(-1))

    @property
    def variance(self) -> float:
        return mixture_variance(*self._components())

    def sample(self, n: int, *, generator: torch.Generator) -> Float[Tensor, "n latent"]:
        return mixture_sample(*self._components(), n, generator=generator)

    def log_prob(self, z: Latents) -> Float[Tensor, "batch step"]:
        return mixture_log_prob(z, *self._components())

    def kl(self, level: Level, *, generator: torch.Generator) -> Float[Tensor, "batch part step"]:
        z = posterior_draw(level, generator=generator)
        return (-gaussian_entropy(level).sum(dim=1) - self.log_prob(z)).unsqueeze(1)

    def _components(self) -> tuple[Tensor, Tensor]:
        if self._level is None or self._level.log_var is None:
            raise ParameterError(
                "A VampPrior has no density of its own: give it the posteriors of its 'pseudo_inputs' with anchored()."
            )
        means, log_var = self._level.mean, self._level.log_var
        return means.transpose(1, 2).flatten(0, 1), log_var.transpose(1, 2).flatten(0, 1)


class _Held(torch.autograd.Function):
    """A clamp that lets those gradients through that lead back inside: what leaves the range does not stick."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, low: Tensor, high: Tensor) -> Tensor:
        ctx.save_for_backward(x, low, high)
        return x.clamp(low, high)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        x, low, high = ctx.saved_tensors
        gradient = gradients[0]
        leaving = ((x <= low) & (gradient > 0)) | ((x >= high) & (gradient < 0))
        return gradient.masked_fill(leaving, 0), None, None
