"""Paths through a latent space: sequences of points at a rate, to be decoded into sound."""

from timbrespace.latent.paths.line import line
from timbrespace.latent.paths.path import Path, Points, Trajectory
from timbrespace.latent.paths.random_walk import random_walk
from timbrespace.latent.paths.slerp import slerp

__all__ = ["Path", "Points", "Trajectory", "line", "random_walk", "slerp"]
