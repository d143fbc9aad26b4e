"""The negative log-likelihood of data under a latent-variable model, by importance sampling."""

from __future__ import annotations

import math
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from timbrespace.core.errors import ParameterError
from timbrespace.core.shapes import PerExample


@dataclass(frozen=True)
class Estimate:
    """A mean over examples and the standard error of that mean; ``per_example`` (example,) float64 is behind both."""

    mean: float
    standard_error: float
    per_example: PerExample

    @classmethod
    def of(cls, per_example: PerExample) -> Estimate:
        """The mean of values of independent examples; its standard error is their deviation over ``n^(1/2)``."""
        n = len(per_example)
        if n < 2:
            raise ParameterError(f"A standard error needs 2 examples or more, not {n}.")
        values = per_example.detach().double()
        return cls(float(values.mean()), float(values.std()) / math.sqrt(n), values)


def importance_weighted_nll(log_weights: Float[Tensor, "sample example"]) -> Estimate:
    """``-log (1/S) sum_s w_s`` in nats per example, ``log w_s = log p(x|z_s) + log p(z_s) - log q(z_s|x)``, z_s ~ q.

    On average an upper bound of ``-log p(x)``, the tighter the more samples S: state S with the figure. The error is
    about ``var(w) / (2 S mean(w)²)``. The standard error is that across examples, which holds what the sampling adds to
    each. (Y. Burda, R. Grosse, R. Salakhutdinov, "Importance weighted autoencoders", 2016,
    https://arxiv.org/abs/1509.00519.)
    """
    samples = log_weights.shape[0]
    if samples < 1:
        raise ParameterError("The importance-weighted likelihood needs 1 sample or more of each example, not 0.")
    if log_weights.isnan().any():
        raise ParameterError("The log-weights hold NaN: the model's densities are broken; look at its losses first.")
    return Estimate.of(math.log(samples) - log_weights.double().logsumexp(0))
