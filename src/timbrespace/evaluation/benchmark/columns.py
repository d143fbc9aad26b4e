"""What is measured on every trained variant: names, titles, units, and which way is better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Better = Literal["lower", "higher"]


@dataclass(frozen=True)
class Column:
    """A measure as tables show it; ``better`` is nothing where neither way is.

    ``per_example`` are those of which ``examples.safetensors`` holds the value of every test example.
    """

    title: str
    unit: str
    better: Better | None
    per_example: bool = False


MEASURES: dict[str, Column] = {
    "reconstruction": Column("Reconstruction", "nats", "lower", per_example=True),
    "mse": Column("MSE", "per pixel", "lower", per_example=True),
    "elbo": Column("−ELBO", "nats", "lower", per_example=True),
    "nll": Column("NLL", "nats", "lower", per_example=True),
    "kl": Column("KL", "nats", None, per_example=True),
    "active_units": Column("Active units", "", None),
    "mmd_prior": Column("MMD² to prior", "", "lower"),
    "sliced_wasserstein_prior": Column("Sliced W₂ to prior", "", "lower"),
    "reconstruction_accuracy": Column("Accuracy on reconstructions", "", "higher"),
    "sample_entropy": Column("Entropy on samples", "nats", "lower"),
    "sample_balance": Column("Class balance of samples", "nats", "higher"),
    "frechet_prior": Column("Fréchet, prior samples", "", "lower"),
    "frechet_mixture": Column("Fréchet, mixture samples", "", "lower"),
    "frechet_reconstruction": Column("Fréchet, reconstructions", "", "lower"),
    "precision": Column("Precision", "", "higher"),
    "recall": Column("Recall", "", "higher"),
    "density": Column("Density", "", "higher"),
    "coverage": Column("Coverage", "", "higher"),
    "mmd_data": Column("MMD² to data", "", "lower"),
    "sharpness": Column("Sharpness", "of the data's", None),
    "perplexity": Column("Perplexity", "codes", "higher"),
    "code_usage": Column("Codes used", "share", "higher"),
}
"""Measures of the quality of a model, by the names ``result.json`` uses under ``measures``."""

COSTS: dict[str, Column] = {
    "cpu_seconds": Column("CPU time", "s", "lower"),
    "joules": Column("Energy", "J", "lower"),
    "parameters": Column("Parameters", "", "lower"),
    "steps": Column("Steps", "", None),
    "seconds": Column("Time", "s", "lower"),
}
"""What a training cost, by the names ``result.json`` uses under ``cost``."""

COLUMNS = MEASURES | COSTS


def heading(name: str) -> str:
    """The title of a column with its unit.

    >>> heading("nll")
    'NLL (nats)'
    """
    column = COLUMNS[name]
    return f"{column.title} ({column.unit})" if column.unit else column.title
