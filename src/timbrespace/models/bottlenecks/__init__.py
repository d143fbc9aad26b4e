"""The catalogue of bottlenecks: what is exported here exists."""

from timbrespace.models.bottlenecks.base import Bottleneck
from timbrespace.models.bottlenecks.deterministic import Deterministic
from timbrespace.models.bottlenecks.gaussian import Gaussian

__all__ = ["Bottleneck", "Deterministic", "Gaussian"]
