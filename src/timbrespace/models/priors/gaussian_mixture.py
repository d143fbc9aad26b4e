"""A mixture of Gaussians as prior."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor, nn

from timbrespace.core.component import Wired
from timbrespace.core.knob import Knob
from timbrespace.core.shapes import Latents
from timbrespace.models.encoding import Level
from timbrespace.models.priors.base import Prior
from timbrespace.models.priors.mixtures import (
    gaussian_entropy,
    mixture_log_prob,
    mixture_sample,
    mixture_variance,
    posterior_draw,
)


class GaussianMixture(Prior):
    """``p(z) = 1/K sum_k N(z; m_k, diag v_k)``: clusters, as many as the data may have kinds.

    ``spread`` is the share of the variance, 1 in all, that lies between the components: their means stand on a
    sphere of radius ``sqrt(spread d)``, as far from one another as they can (see :func:`spread_points`), each with
    variance ``1 - spread``. There they stay, or with ``learned`` start and then move and stretch with the codes
    (Jiang et al., "Variational Deep Embedding", 2017, https://arxiv.org/abs/1611.05148; the weights stay equal).
    The divergence is estimated from one draw of the posterior, with the entropy of the posterior in closed form.
    """

    def __init__(
        self,
        *,
        latent_dim: Wired[int],
        n_components: Annotated[int, Knob(1, 1000)] = 10,
        learned: bool = False,
        spread: Annotated[float, Knob(0.01, 0.99)] = 0.5,
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.n_components = n_components
        self.learned = learned
        self.spread = spread
        means = math.sqrt(spread) * spread_points(n_components, latent_dim)
        self.means = nn.Parameter(means, requires_grad=learned)
        within = 1.0 - means.square().mean()  # 1 - spread, but for a single one, which stands at the origin
        self.log_var = nn.Parameter(within.log().expand_as(means).clone(), requires_grad=learned)

    @property
    def variance(self) -> float:
        return mixture_variance(self.means, self.log_var)

    def sample(self, n: int, *, generator: torch.Generator) -> Float[Tensor, "n latent"]:
        return mixture_sample(self.means, self.log_var, n, generator=generator)

    def log_prob(self, z: Latents) -> Float[Tensor, "batch step"]:
        return mixture_log_prob(z, self.means, self.log_var)

    def kl(self, level: Level, *, generator: torch.Generator) -> Float[Tensor, "batch part step"]:
        z = posterior_draw(level, generator=generator)
        return (-gaussian_entropy(level).sum(dim=1) - self.log_prob(z)).unsqueeze(1)


def spread_points(n: int, dim: int, *, steps: int = 200) -> Float[Tensor, "n dim"]:
    """``n`` points around the origin with mean square 1 per coordinate, well apart, the same in every call.

    In one dimension they stand at equal distances on the line; in more, on a sphere, where they start from
    fixed random directions and repel one another with the force ``1 / distance^2`` (Thomson's problem).
    """
    if n == 1:
        return torch.zeros(1, dim)
    if dim == 1:
        line = torch.linspace(-1.0, 1.0, n)[:, None]
        return line / line.square().mean().sqrt()
    start = torch.randn(n, dim, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    points = nn.functional.normalize(start, dim=1)
    for step in range(steps):
        distances = torch.cdist(points, points).clamp_min(1e-9).fill_diagonal_(math.inf)
        pull = distances.pow(-3)
        forces = points * pull.sum(1, keepdim=True) - pull @ points
        forces = forces / torch.linalg.vector_norm(forces, dim=1, keepdim=True).amax().clamp_min(1e-12)
        reach = 0.3 * (1 - step / steps) * n ** (-1 / (dim - 1))
        points = nn.functional.normalize(points + reach * forces, dim=1)
    return math.sqrt(dim) * points.float()
