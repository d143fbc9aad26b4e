"""The catalogue of routes: what is exported here exists."""

from timbrespace.latent.routes.aligned import Aligned
from timbrespace.latent.routes.base import Route, Timed
from timbrespace.latent.routes.centred import Centred
from timbrespace.latent.routes.circle import Circle
from timbrespace.latent.routes.corpus import Corpus
from timbrespace.latent.routes.fractal import Fractal
from timbrespace.latent.routes.line import Line
from timbrespace.latent.routes.lissajous import Lissajous
from timbrespace.latent.routes.recording import Recording
from timbrespace.latent.routes.slerp import Slerp
from timbrespace.latent.routes.spiral import Spiral
from timbrespace.latent.routes.traversal import Traversal
from timbrespace.latent.routes.walk import Walk

__all__ = [
    "Aligned",
    "Centred",
    "Circle",
    "Corpus",
    "Fractal",
    "Line",
    "Lissajous",
    "Recording",
    "Route",
    "Slerp",
    "Spiral",
    "Timed",
    "Traversal",
    "Walk",
]
