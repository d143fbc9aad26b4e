"""The figures taken during a training: how well unseen sounds are rebuilt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import nn

from timbrespace.core.batch import Batch
from timbrespace.core.trainable import Trainable
from timbrespace.datasets.base import Split
from timbrespace.layers.pca import StackedPca
from timbrespace.training.examples import inner_frames
from timbrespace.training.trainer import Evaluation
from timbrespace.transforms.base import AudioTransform

MAX_CHUNKS = 64
"""Chunks judged of each split at an evaluation: a minute and a half of sound, half a second of work."""


class Evaluator:
    """Judges a model on fixed chunks of unseen sounds, and on as many it learns from."""

    def __init__(self, transform: AudioTransform | None, train: Split, validation: Split) -> None:
        self.transform, self.train, self.validation = transform, train, validation

    def __call__(self, model: nn.Module) -> Evaluation:
        """The unexplained share of both splits, and every figure of the model's monitor on unseen sounds."""
        assert isinstance(model, Trainable)  # the trainer took nothing else
        device = next(model.parameters()).device
        train, _ = self._judge(model, self.train, device)
        if len(self.validation) == 0:
            return Evaluation(train, train, {})
        score, figures = self._judge(model, self.validation, device)
        return Evaluation(score, train, figures)

    def linear_share(self, pca: StackedPca) -> float | None:
        """The unexplained share that PCA leaves on the same chunks of unseen sounds.

        Nothing if there are none, and where frames are the sound itself, of which a model's share is of another kind.
        """
        error = energy = 0.0
        for batch in self._batches(self.validation):
            if self.transform is not None and self.transform.heard(batch.x) is not batch.x:
                return None
            rows = batch.x.flatten(1, 2)
            error += float((pca.rebuild(rows) - rows).double().square().sum())
            energy += float(rows.double().square().sum())
        return error / max(energy, 1e-12) if len(self.validation) else None

    def _judge(self, model: Trainable, split: Split, device: torch.device) -> tuple[float, dict[str, float]]:
        sums: dict[str, float] = {}
        examples = 0
        latents: list[torch.Tensor] = []
        for batch in self._batches(split):
            figures = {name: values.cpu() for name, values in model.monitor(batch.to(device)).items()}
            latents.append(figures.pop("latents"))
            for name, values in figures.items():
                for key, value in _named(name, values.double().sum(0)):
                    sums[key] = sums.get(key, 0.0) + value
            examples += len(batch)
        share = sums["squared_error"] / max(sums["target_energy"], 1e-12)
        means = {key: value / examples for key, value in sums.items() if key not in ("squared_error", "target_energy")}
        variances = torch.cat(latents).transpose(0, 1).flatten(1).var(1, unbiased=False)
        return share, means | {"unexplained": share, **dict(_named("variance", variances))}

    def _batches(self, split: Split) -> Iterator[Batch]:
        stride = -(-len(split) // MAX_CHUNKS)
        chosen = range(0, len(split), stride)
        for start in range(0, len(chosen), 16):
            batch = split.batch(chosen[start : start + 16])
            yield batch if self.transform is None else Batch.of(inner_frames(self.transform, batch.x))


def _named(name: str, values: torch.Tensor) -> Sequence[tuple[str, float]]:
    if values.ndim == 0:
        return [(name, float(values))]
    return [(f"{name}/{i:02d}", float(v)) for i, v in enumerate(values)]
