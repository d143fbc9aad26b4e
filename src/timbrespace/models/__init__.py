"""The catalogue of models: what is exported here exists."""

from timbrespace.models.autoencoder import AutoEncoder
from timbrespace.models.base import Model
from timbrespace.models.classifier import Classifier

__all__ = ["AutoEncoder", "Classifier", "Model"]
