"""The figures taken during a training on pictures: what a picture costs in nats."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from timbrespace.core.batch import Batch
from timbrespace.core.trainable import Trainable
from timbrespace.datasets.base import Split
from timbrespace.training.trainer import Evaluation

JUDGED = 2000
"""Pictures judged of each split at an evaluation."""

PIECE = 500

SCORED = frozenset({"reconstruction", "kl"})
"""The terms that a single picture has a share of."""


class FrameEvaluator:
    """Judges a model on fixed unseen pictures, and on as many it learns from.

    The score is the sum of ``reconstruction`` and ``kl`` at posterior means, in nats per picture, each times the
    final weight in ``weights``. It decides which checkpoint is the best where these two are all that is minimised, and
    the model tells each that has a weight.
    """

    def __init__(self, train: Split, validation: Split, *, weights: Mapping[str, float]) -> None:
        self.train, self.validation, self.weights = train, validation, weights

    def __call__(self, model: nn.Module) -> Evaluation:
        """The score of both splits, and every figure on unseen pictures."""
        assert isinstance(model, Trainable)  # the trainer took nothing else
        device = next(model.parameters()).device
        train, figures = self._judge(model, self.train, device)
        decisive = {name for name, weight in self.weights.items() if weight} <= SCORED & figures.keys()
        if len(self.validation) == 0:
            return Evaluation(train, train, figures, decisive)
        score, figures = self._judge(model, self.validation, device)
        return Evaluation(score, train, figures, decisive)

    def _judge(self, model: Trainable, split: Split, device: torch.device) -> tuple[float, dict[str, float]]:
        figures = _figures(model, split, device)
        return sum(self.weights.get(name, 0.0) * figures[name] for name in SCORED & figures.keys()), figures


def leading(split: Split, limit: int) -> Batch:
    """The first examples of a split, unvaried, as one batch."""
    return split.batch(range(min(limit, len(split))))


def pieces(split: Split, limit: int, *, size: int = PIECE) -> Iterator[Batch]:
    """The first ``limit`` examples of a split, unvaried, in batches."""
    count = min(limit, len(split))
    for start in range(0, count, size):
        yield split.batch(range(start, min(start + size, count)))


def _figures(model: Trainable, split: Split, device: torch.device) -> dict[str, float]:
    gathered: dict[str, list[Tensor]] = {}
    for batch in pieces(split, JUDGED):
        for name, values in model.monitor(batch.to(device)).items():
            gathered.setdefault(name, []).append(values.cpu())
    figures = {name: torch.cat(parts) for name, parts in gathered.items()}
    named = {"reconstruction": float(figures["reconstruction"].mean())}
    named["unexplained"] = float(figures["squared_error"].sum() / figures["target_energy"].sum().clamp_min(1e-12))
    if "kl_per_dimension" in figures:
        steps = figures["latents"].shape[2]  # a model tells nats per latent step
        per_dimension = steps * figures["kl_per_dimension"].mean(0)
        named["kl"] = float(per_dimension.sum())
        named |= {f"kl_per_dimension/{i:02d}": float(v) for i, v in enumerate(per_dimension)}
    variances = figures["latents"].transpose(0, 1).flatten(1).var(1, unbiased=False)
    return named | {f"variance/{i:02d}": float(v) for i, v in enumerate(variances)}
