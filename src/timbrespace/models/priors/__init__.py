"""The catalogue of priors: what is exported here exists."""

from timbrespace.models.priors.base import Prior
from timbrespace.models.priors.gaussian_mixture import GaussianMixture
from timbrespace.models.priors.logistic import Logistic
from timbrespace.models.priors.normal import Normal
from timbrespace.models.priors.sphere import Sphere
from timbrespace.models.priors.uniform import Uniform
from timbrespace.models.priors.vamp import VampPrior

__all__ = ["GaussianMixture", "Logistic", "Normal", "Prior", "Sphere", "Uniform", "VampPrior"]
