"""The catalogue of networks: what is exported here exists."""

from timbrespace.models.networks.base import Network
from timbrespace.models.networks.temporal_conv import TemporalConv

__all__ = ["Network", "TemporalConv"]
