"""All decisions of a training, made once and kept in ``run/run.json``."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from timbrespace.codecs.bundle import PLAN
from timbrespace.core.component import build
from timbrespace.core.errors import TrainingError
from timbrespace.core.seeds import derived_seed
from timbrespace.datasets.base import Dataset
from timbrespace.datasets.image_files import DIGITS
from timbrespace.datasets.known import known_data
from timbrespace.models.base import Model
from timbrespace.training.options import Precision, Training
from timbrespace.training.recipe import Recipe, read_recipe
from timbrespace.transforms.base import AudioTransform

Device = Literal["cpu", "cuda"]


@dataclass(frozen=True)
class Plan:
    """What to train on what, how, from which seed, on which device, with how many threads, for how many steps.

    Threads, precision, fingerprint and steps are settled when the training begins.
    """

    recipe: str
    sections: dict[str, dict[str, Any]]
    data: str
    seed: int
    device: Device
    threads: int
    precision: Precision = "32-true"
    fingerprint: str = ""
    total_steps: int = 0
    evaluations: int = 1
    seconds_per_step: float | None = None

    @classmethod
    def read(cls, folder: Path) -> Plan:
        """The plan of a run folder; raises :class:`TrainingError` if there is none or it is damaged."""
        from pydantic import TypeAdapter

        file = folder / PLAN
        try:
            return TypeAdapter(cls).validate_python(json.loads(file.read_text(encoding="utf-8")))
        except (FileNotFoundError, NotADirectoryError):
            raise TrainingError(
                f"{folder.parent} holds no training to resume; start one with 'timbrespace train'."
            ) from None
        except (ValueError, TypeError) as error:
            raise TrainingError(f"{file} is damaged ({error}); train again with --force.") from None

    def table(self) -> dict[str, Any]:
        """A plain table for JSON."""
        return asdict(self)

    def dataset(self) -> Dataset:
        """The data set the recipe describes."""
        return build(Dataset, self.sections["data"], wired={"path": self.data}, where="data.")

    def transform(self, dataset: Dataset) -> AudioTransform | None:
        """The transform, unfitted; nothing where the data are frames already."""
        if "transform" not in self.sections:
            return None
        return build(AudioTransform, self.sections["transform"], wired=dataset.provides(), where="transform.")

    def model(self, dataset: Dataset, transform: AudioTransform | None) -> Model:
        """The model with random weights that depend on the seed alone."""
        provided = dataset.provides() | ({} if transform is None else transform.provides())
        weights = self.training().weights
        if "kl" in weights:
            whole = weights["reconstruction"].final if "reconstruction" in weights else 1.0
            provided["beta"] = weights["kl"].final / whole if whole else 0.0
        if "channels" in provided:
            provided["n_channels"] = provided["channels"]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derived_seed(self.seed, "weights"))
            return build(Model, self.sections["model"], wired=provided, where="model.")

    def training(self) -> Training:
        """The options of the training."""
        return training_options(self.sections)


def training_options(sections: dict[str, dict[str, Any]]) -> Training:
    """The ``[training]`` section as a part."""
    return build(Training, sections["training"], where="training.")


def check_device(device: Device) -> None:
    """Raise :class:`TrainingError` for a device that is not there."""
    if device == "cuda" and not torch.cuda.is_available():
        raise TrainingError("A CUDA device was asked for, but this torch finds none; train with --device cpu.")


def make_plan(
    recipe: str | Recipe,
    data: str | Path,
    *,
    settings: Iterable[str],
    minutes: float | None,
    epochs: float | None,
    seed: int,
    device: Device,
    threads: int,
) -> Plan:
    """A plan from what the user asked for; budgets given here replace the recipe's.

    Raises :class:`~timbrespace.core.errors.RecipeError` or :class:`~timbrespace.core.errors.ParameterError`
    for anything wrong in the recipe, and :class:`TrainingError` for a device that is not there.
    """
    if minutes is not None and epochs is not None:
        raise TrainingError("Give either --minutes or --epochs, not both.")
    for name, budget in (("--minutes", minutes), ("--epochs", epochs)):
        if budget is not None and not (math.isfinite(budget) and budget > 0):
            raise TrainingError(f"{name} is {budget:g}; give a number above 0, for example {name} 5.")
    check_device(device)
    chosen = read_recipe(recipe) if isinstance(recipe, str) else recipe
    chosen = chosen.override(settings)
    if minutes is not None:
        chosen.sections["training"] |= {"minutes": minutes}
        for other in ("epochs", "steps"):
            chosen.sections["training"].pop(other, None)
    if epochs is not None:
        chosen.sections["training"] |= {"epochs": epochs}
        chosen.sections["training"].pop("steps", None)
    training = training_options(chosen.sections)
    return Plan(chosen.name, chosen.sections, _place(data), seed, device, training.threads or threads)


def _place(data: str | Path) -> str:
    """Where the data lie: a data set known by name, or a folder, in full."""
    known = known_data(str(data))
    return known if known == DIGITS else str(Path(known).expanduser().resolve())
