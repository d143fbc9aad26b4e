"""A classifier trained on the real pictures of a data set, in whose features all variants are judged alike."""

from __future__ import annotations

import math
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from timbrespace.codecs.tensor_files import read_tensors, write_tensors
from timbrespace.core.component import build
from timbrespace.core.errors import StorageError
from timbrespace.core.files import exclusive, write_json
from timbrespace.core.seeds import derived_seed
from timbrespace.core.shapes import Frames
from timbrespace.datasets.base import Dataset, Prepared, Split
from timbrespace.models.classifier import Classifier
from timbrespace.training.checkpoints import Checkpoints
from timbrespace.training.examples import Examples
from timbrespace.training.options import Training
from timbrespace.training.schedules import Constant
from timbrespace.training.state import State
from timbrespace.training.trainer import Trainer

BATCH, LEAST_STEPS, EPOCHS = 128, 600, 3
"""Three passes over MNIST give 99 % in half a minute; small sets are passed more often."""

FACTS, WEIGHTS = "judge.json", "judge.safetensors"
SEED = 0
PIECE = 1000


@dataclass(frozen=True)
class Judge:
    """The classifier, and what it says of the grey test pictures.

    ``real`` (picture, 1, height, width), their ``labels`` and ``features``; ``accuracy`` on them.
    """

    classifier: Classifier
    real: Tensor
    labels: Tensor
    features: Tensor
    accuracy: float

    @torch.no_grad()
    def features_of(self, frames: Frames) -> Tensor:
        """Features (picture, feature) of any pictures."""
        return torch.cat([self.classifier.features(piece) for piece in frames.split(PIECE)])

    @torch.no_grad()
    def logits_of(self, features: Tensor) -> Tensor:
        """Logits (picture, class) of features."""
        return self.classifier.head(features)


def pictures_of(path: str) -> Dataset:
    """All pictures of the data set at ``path``, grey and none kept back, whatever the recipes make of them."""
    return build(Dataset, {"kind": "Images", "binarise": "none", "validation": 0}, wired={"path": path})


def judge_of(path: str, folder: Path) -> Judge:
    """The judge of the data set at ``path``, trained below ``folder`` by whoever needs it first; others wait.

    It is kept under the fingerprint of the pictures: those of another set, or changed ones, get a judge of their own.
    """
    dataset = pictures_of(path)
    prepared = dataset.prepare()
    folder = folder / prepared.fingerprint[:12]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derived_seed(SEED, "judge"))
        classifier = Classifier(**dataset.provides())
    folder.mkdir(parents=True, exist_ok=True)
    while not (folder / FACTS).is_file():
        with ExitStack() as held:
            try:  # to be the one who trains; whatever goes wrong in that training is no reason to wait
                held.enter_context(exclusive(folder / ".lock", sentence=""))
            except StorageError:
                time.sleep(1.0)
            else:
                if not (folder / FACTS).is_file():
                    _train(classifier, prepared, folder)
    tensors = read_tensors(folder / WEIGHTS)
    features = tensors.pop("features")
    classifier.load_state_dict(tensors)
    classifier.eval().requires_grad_(False)
    real, labels = _everything(prepared.split("test"))
    right = classifier.head(features).argmax(1) == labels
    return Judge(classifier, real, labels, features, float(right.float().mean()))


def _train(classifier: Classifier, prepared: Prepared, folder: Path) -> None:
    real, labels = _everything(prepared.split("test"))
    # The trainer divides by the cells of an example; a label is not spread over them.
    weight = Constant(weight=float(real[0].numel()))
    options = Training(weights={"cross_entropy": weight}, batch_size=BATCH, learning_rate=2e-3, averaging=0.99)
    examples = Examples(prepared.split("train"), None, batch_size=BATCH, seed=SEED)
    steps = max(LEAST_STEPS, math.ceil(EPOCHS * examples.steps_per_epoch))
    state = State(classifier, None, options)
    Trainer(state, options, examples, Checkpoints(folder / "run"), total_steps=steps, seed=SEED).run()
    trained = state.averaged.model
    assert isinstance(trained, Classifier)  # a copy of what went in
    trained.eval()
    with torch.no_grad():
        features = torch.cat([trained.features(piece) for piece in real.split(PIECE)])
        accuracy = float((trained.head(features).argmax(1) == labels).float().mean())
    write_tensors(folder / WEIGHTS, trained.state_dict() | {"features": features})
    write_json(folder / FACTS, {"config": trained.config(), "steps": steps, "accuracy": accuracy})


def _everything(split: Split) -> tuple[Tensor, Tensor]:
    batch = split.batch(range(len(split)))
    return batch.x, batch.labels["class"]
