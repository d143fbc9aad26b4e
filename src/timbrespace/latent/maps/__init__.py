"""The catalogue of maps: what is exported here exists."""

from timbrespace.latent.maps.base import MapMethod
from timbrespace.latent.maps.pca import Pca
from timbrespace.latent.maps.tsne import Tsne
from timbrespace.latent.maps.umap import Umap

__all__ = ["MapMethod", "Pca", "Tsne", "Umap"]
