"""The catalogue of kernels: what is exported here exists."""

from timbrespace.metrics.kernels.base import Kernel
from timbrespace.metrics.kernels.inverse_multiquadratic import InverseMultiquadratic
from timbrespace.metrics.kernels.laplace import Laplace
from timbrespace.metrics.kernels.rbf import Rbf

__all__ = ["InverseMultiquadratic", "Kernel", "Laplace", "Rbf"]
