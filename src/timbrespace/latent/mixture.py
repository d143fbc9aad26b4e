"""A Gaussian mixture fitted to latent vectors: a sampler that knows where the data lie."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from timbrespace.core.errors import ParameterError
from timbrespace.core.seeds import derived_seed
from timbrespace.core.shapes import PerExample

RIDGE = 1e-6
"""Added to each variance, as a share of the mean variance: a component cannot collapse to a point."""
MOST_STEPS = 200

Weights = Float[Tensor, "component"]


@dataclass(frozen=True)
class Mixture:
    """``p(z) = sum_k w_k N(z; m_k, L_k L_kᵀ)``, all tensors float64.

    ``weights`` (component,), positive with the sum 1; ``means`` (component, latent); ``scale_tril``
    (component, latent, latent), the lower triangular L.
    """

    weights: Weights
    means: Float[Tensor, "component latent"]
    scale_tril: Float[Tensor, "component latent latent"]

    def sample(self, n: int, *, generator: torch.Generator) -> Float[Tensor, "n latent"]:
        """``n`` latent vectors, float32 as latents are."""
        device = self.means.device
        chosen = (
            torch.multinomial(self.weights, n, replacement=True, generator=generator) if n else torch.empty(0).long()
        )
        noise = torch.randn(n, self.means.shape[1], 1, generator=generator, dtype=torch.float64, device=device)
        return (self.means[chosen] + (self.scale_tril[chosen] @ noise).squeeze(-1)).float()

    def log_prob(self, z: Float[Tensor, "batch latent"]) -> PerExample:
        """Log-density in nats of each vector, float64."""
        latent = self.means.shape[1]
        if z.shape[1] != latent:
            raise ParameterError(f"The vectors have {z.shape[1]} latents, the mixture {latent}; they must agree.")
        parts = []
        for mean, root in zip(self.means, self.scale_tril, strict=True):
            whitened = torch.linalg.solve_triangular(root, (z.double() - mean).T, upper=False)
            parts.append(-0.5 * whitened.square().sum(0) - root.diagonal().log().sum())
        logs = torch.stack(parts, 1) + self.weights.log() - 0.5 * latent * math.log(2 * math.pi)
        return logs.logsumexp(1)

    def tensors(self) -> dict[str, Tensor]:
        """What a file stores; see :meth:`from_tensors`."""
        return {"weights": self.weights, "means": self.means, "scale_tril": self.scale_tril}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> Mixture:
        """The mixture that :meth:`tensors` stored."""
        return cls(tensors["weights"], tensors["means"], tensors["scale_tril"])


def fit_mixture(vectors: Float[Tensor, "n latent"], *, n_components: int = 10, seed: int) -> Mixture:
    """The mixture of ``n_components`` Gaussians with full covariances that makes ``vectors`` likely.

    scikit-learn's expectation maximisation from one k-means start, so a local optimum, the same for the same
    ``seed``. Sampling from a density fitted after the training needs no change of the model. (P. Ghosh and others,
    "From variational to deterministic autoencoders", 2020, https://arxiv.org/abs/1903.12436, section 4.)
    """
    _check(vectors, n_components)
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    data = vectors.detach().double().cpu().numpy()
    estimator = GaussianMixture(
        n_components,
        covariance_type="full",
        reg_covar=RIDGE * float(data.var(0).mean()),
        max_iter=MOST_STEPS,
        random_state=derived_seed(seed, "mixture") % 2**32,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a density that could be a little better is no trouble
        estimator.fit(data)
    return Mixture(
        torch.from_numpy(estimator.weights_),
        torch.from_numpy(estimator.means_),
        torch.linalg.cholesky(torch.from_numpy(estimator.covariances_)),
    )


def _check(vectors: Tensor, n_components: int) -> None:
    if n_components < 1:
        raise ParameterError(f"'n_components' is {n_components}; give 1 or more, usually 10.")
    if not vectors.isfinite().all():
        raise ParameterError("The latent vectors hold NaN or infinity; no density can be fitted to them.")
    distinct = len(vectors.unique(dim=0)) if len(vectors) else 0
    if distinct < max(2, n_components):
        raise ParameterError(
            f"There are {distinct} different latent vectors; {n_components} components need"
            f" {max(2, n_components)} or more, so encode more examples or ask for fewer components."
        )
