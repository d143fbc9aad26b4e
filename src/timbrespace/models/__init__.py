"""The catalogue of models: what is exported here exists."""

from timbrespace.models.autoencoder import AutoEncoder
from timbrespace.models.base import Model

__all__ = ["AutoEncoder", "Model"]
