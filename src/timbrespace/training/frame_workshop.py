"""Training on pictures: no transform, a model of frames as the result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from timbrespace.codecs.bundle import LATENT, METRICS, RECIPE, WEIGHTS, write_bundle
from timbrespace.codecs.frames import FrameCodec
from timbrespace.core.version import __version__
from timbrespace.latent.mixture import fit_mixture
from timbrespace.models.base import Model
from timbrespace.training.advice import Curve, silent_dimensions, when_to_stop
from timbrespace.training.card import frame_card
from timbrespace.training.console import Words
from timbrespace.training.examples import Examples
from timbrespace.training.frame_assess import assess_frames
from timbrespace.training.frame_evaluation import FrameEvaluator, leading
from timbrespace.training.journal import Portrait
from timbrespace.training.portraits import FramePortrait
from timbrespace.training.state import State
from timbrespace.training.workshop import Workshop, training_facts

KEPT_VECTORS = 6_000
"""Training examples whose latents a bundle holds, and to which its mixture is fitted."""

COMPONENTS = 10
"""Components of the mixture."""

WIDEST_MIXTURE = 128
"""Latents beyond which no mixture is fitted: a component's covariance would have more numbers than examples."""


@dataclass
class FrameWorkshop(Workshop):
    """A model of frames that the data set gives as they are."""

    initial_examples: ClassVar[int] = 2000

    def fit(self) -> None:
        """Nothing: pictures are used as they are."""

    def state(self) -> State:
        self.model.to(self.plan.device)
        return State(self.model, None, self.training)

    def evaluator(self) -> FrameEvaluator:
        weights = {name: schedule.final for name, schedule in self.training.weights.items()}
        return FrameEvaluator(self.prepared.split("train"), self.prepared.split("validation"), weights=weights)

    def examples(self) -> Examples:
        t = self.training
        return Examples(self.prepared.split("train"), None, batch_size=t.batch_size, seed=self.plan.seed)

    def portrait(self) -> Portrait:
        unseen = self.prepared.split("validation")
        batch = leading(unseen if len(unseen) else self.prepared.split("train"), 500)
        return FramePortrait(batch.x, next(iter(batch.labels.values())))

    def words(self) -> Words:
        return "{:.2f} nats on unseen pictures".format

    def finish(self, state: State, *, best_step: int | None) -> None:
        model = state.averaged.model.to("cpu")
        assert isinstance(model, Model)  # a copy of the model the plan built
        train = leading(self.prepared.split("train"), KEPT_VECTORS)
        codec = FrameCodec(model, size=_size(train.x))
        codec.latent = _latent(codec, train.x, train.labels, seed=self.plan.seed)
        metrics: dict[str, Any] = assess_frames(codec, self.prepared.split("test"), seed=self.plan.seed)
        if len(self.prepared.split("validation")):
            judged = self.evaluator()(model)
            names = {"reconstruction": "reconstruction_nats", "kl": "kl_nats", "unexplained": "share"}
            told = {names[name]: value for name, value in judged.figures.items() if name in names}
            metrics["validation"] = {"score_nats": judged.score, **told}
        steps, seen, unseen = zip(*state.counters.curve, strict=True) if state.counters.curve else ((),) * 3
        metrics["advice"] = when_to_stop(Curve([int(s) for s in steps], seen, unseen), what="pictures")
        metrics["silent"] = silent_dimensions(metrics["latent_variances"])
        metrics["curve"] = {"step": steps, "train": seen, "validation": unseen}
        facts = training_facts(self, state, best_step=best_step) | codec.facts()
        write_bundle(
            self.folder,
            kind="FrameCodec",
            parts={"size": list(codec.size), "model": codec.model.config()},
            files={WEIGHTS: codec.state(), LATENT: codec.latent},
            tables={RECIPE: facts | {"recipe": {self.plan.recipe: self.plan.sections}}, METRICS: metrics},
            card=frame_card(recipe=self.plan.recipe, facts=facts, metrics=metrics),
            version=__version__,
        )


def _size(frames: Tensor) -> tuple[int, int, int]:
    _, channel, feature, frame = frames.shape
    return channel, feature, frame


def _latent(codec: FrameCodec, frames: Tensor, labels: dict[str, Tensor], *, seed: int) -> dict[str, Tensor]:
    """Latents of training examples (example, latent), or (example, latent, step) of a map; labels; the mixture.

    Where fewer latents differ than a mixture has components (collapsed codes) it has fewer, or there is none.
    """
    latents = codec.encode_frames(frames)
    found = {f"labels.{name}": values for name, values in labels.items()}
    if latents.shape[2] > 1 or latents.shape[1] > WIDEST_MIXTURE:
        return found | {"vectors": latents[: KEPT_VECTORS // 4].contiguous()}
    vectors = latents[..., 0].contiguous()
    found["vectors"] = vectors
    distinct = len(vectors.unique(dim=0))
    if distinct < 2:
        return found
    mixture = fit_mixture(vectors, n_components=min(COMPONENTS, distinct), seed=seed)
    return found | {f"mixture.{k}": v for k, v in mixture.tensors().items()}
