"""The catalogue of bottlenecks: what is exported here exists."""

from timbrespace.models.bottlenecks.adversarial import Adversarial
from timbrespace.models.bottlenecks.base import Bottleneck
from timbrespace.models.bottlenecks.deterministic import Deterministic
from timbrespace.models.bottlenecks.gaussian import Gaussian
from timbrespace.models.bottlenecks.mmd import Mmd
from timbrespace.models.bottlenecks.power_spherical import PowerSpherical
from timbrespace.models.bottlenecks.total_correlation import TotalCorrelation
from timbrespace.models.bottlenecks.vector_quantized import VectorQuantized

__all__ = [
    "Adversarial",
    "Bottleneck",
    "Deterministic",
    "Gaussian",
    "Mmd",
    "PowerSpherical",
    "TotalCorrelation",
    "VectorQuantized",
]
