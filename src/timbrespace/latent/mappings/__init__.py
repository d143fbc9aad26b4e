"""The catalogue of mappings from motion to paths: what is exported here exists."""

from timbrespace.latent.mappings.base import Mapping
from timbrespace.latent.mappings.corpus import Corpus
from timbrespace.latent.mappings.pca import Pca
from timbrespace.latent.mappings.range import Range
from timbrespace.latent.mappings.taught import Taught

__all__ = ["Corpus", "Mapping", "Pca", "Range", "Taught"]
