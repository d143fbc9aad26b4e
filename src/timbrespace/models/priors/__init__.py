"""The catalogue of priors: what is exported here exists."""

from timbrespace.models.priors.base import Prior
from timbrespace.models.priors.normal import Normal

__all__ = ["Normal", "Prior"]
