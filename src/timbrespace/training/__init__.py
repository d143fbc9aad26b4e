"""Recipes, schedules, the trainer and its checkpoints."""

from timbrespace.training.options import Training

__all__ = ["Training"]
