"""The catalogue of likelihoods: what is exported here exists."""

from timbrespace.models.likelihoods.base import Likelihood
from timbrespace.models.likelihoods.bernoulli import Bernoulli
from timbrespace.models.likelihoods.gaussian import Gaussian
from timbrespace.models.likelihoods.laplace import Laplace
from timbrespace.models.likelihoods.multi_resolution_spectral import MultiResolutionSpectral
from timbrespace.models.likelihoods.multi_scale_spectral import MultiScaleSpectral
from timbrespace.models.likelihoods.squared_error import SquaredError

__all__ = [
    "Bernoulli",
    "Gaussian",
    "Laplace",
    "Likelihood",
    "MultiResolutionSpectral",
    "MultiScaleSpectral",
    "SquaredError",
]
