"""The catalogue of likelihoods: what is exported here exists."""

from timbrespace.models.likelihoods.base import Likelihood
from timbrespace.models.likelihoods.gaussian import Gaussian
from timbrespace.models.likelihoods.squared_error import SquaredError

__all__ = ["Gaussian", "Likelihood", "SquaredError"]
