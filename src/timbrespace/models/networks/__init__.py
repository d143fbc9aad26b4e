"""The catalogue of networks: what is exported here exists."""

from timbrespace.models.networks.base import Network
from timbrespace.models.networks.conv2d import Conv2d
from timbrespace.models.networks.grain_conv import GrainConv
from timbrespace.models.networks.mlp import Mlp
from timbrespace.models.networks.residual2d import Residual2d
from timbrespace.models.networks.spectral_grains import SpectralGrains
from timbrespace.models.networks.temporal_conv import TemporalConv

__all__ = ["Conv2d", "GrainConv", "Mlp", "Network", "Residual2d", "SpectralGrains", "TemporalConv"]
