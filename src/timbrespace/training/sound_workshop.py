"""Training on sounds: a transform before the model, a codec as the result."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import ClassVar

from torch import Tensor

from timbrespace.codecs.bundle import LATENT, METRICS, PREVIEW, RECIPE, WEIGHTS, write_bundle
from timbrespace.codecs.heard import heard_metric
from timbrespace.codecs.mapping import make_map, map_tensors
from timbrespace.codecs.sound import SoundCodec
from timbrespace.core.version import __version__
from timbrespace.datasets.base import SoundPrepared
from timbrespace.export.onnx_file import live_engine
from timbrespace.models.base import Model
from timbrespace.training.advice import Curve, silent_dimensions, when_to_stop
from timbrespace.training.assess import assess, pca_baseline, summarise_latents
from timbrespace.training.card import model_card
from timbrespace.training.console import Words
from timbrespace.training.evaluation import Evaluator
from timbrespace.training.examples import Examples
from timbrespace.training.journal import Portrait
from timbrespace.training.portraits import SoundPortrait
from timbrespace.training.preview import clips, write_preview
from timbrespace.training.state import State
from timbrespace.training.workshop import Workshop, training_facts
from timbrespace.transforms.base import AudioTransform


@dataclass
class SoundWorkshop(Workshop):
    """A model of frames that a transform makes of sound."""

    prepared: SoundPrepared
    transform: AudioTransform
    channels: int
    initial_examples: ClassVar[int] = 256  # six minutes of sound at most

    def fit(self) -> None:
        split = self.prepared.split("train")
        self.transform.fit(split.sound(i) for i in range(len(split.sources)))

    def state(self) -> State:
        self.model.to(self.plan.device)
        return State(self.model, self.transform, self.training)

    def evaluator(self) -> Evaluator:
        return Evaluator(self.transform, self.prepared.split("train"), self.prepared.split("validation"))

    def examples(self) -> Examples:
        t = self.training
        train = self.prepared.split("train")
        return Examples(
            train, self.transform, batch_size=t.batch_size, seed=self.plan.seed, augmentation=t.augmentation
        )

    @cached_property
    def clips(self) -> tuple[list[str], Tensor]:
        """Names and beginnings of a few unseen sounds."""
        return clips(self.prepared, count=3, seconds=3.0, sample_rate=self.transform.sample_rate)

    def portrait(self) -> Portrait:
        return SoundPortrait(self.transform, self.clips[1])

    def words(self) -> Words:
        return "{:.1%} of unseen sound unexplained".format

    def finish(self, state: State, *, best_step: int | None) -> None:
        model = state.averaged.model.to("cpu")
        assert isinstance(model, Model)  # a copy of the model the plan built
        codec = SoundCodec(self.transform.to("cpu"), model, channels=self.channels)
        train_split = self.prepared.split("train")
        summary = summarise_latents(codec, train_split)
        codec.latent = summary.tensors()
        codec.latent["metric"] = heard_metric(codec)
        carried = make_map(codec.latent, seed=self.plan.seed)
        pca = pca_baseline(codec.transform, train_split, group=codec.model.ratio, n_components=codec.latent_dim)
        metrics = assess(codec, self.prepared, summary, pca)
        steps, train_shares, unseen = zip(*state.counters.curve, strict=True) if state.counters.curve else ((),) * 3
        metrics["advice"] = when_to_stop(Curve([int(s) for s in steps], train_shares, unseen))
        metrics["silent"] = silent_dimensions(metrics["latent_variances"])
        metrics["curve"] = {"step": steps, "train": train_shares, "validation": unseen}
        if carried is not None and carried.errors is not None:
            codec.latent |= map_tensors(carried)
            metrics["map"] = asdict(carried.errors)
        metrics["curve"]["pca"] = self.evaluator().linear_share(pca)
        facts = training_facts(self, state, best_step=best_step) | {
            "sample_rate": codec.sample_rate,
            "channels": codec.channels,
            "ratio": codec.ratio,
            "rate_hz": codec.rate_hz,
            "latent_dim": codec.latent_dim,
        }
        write_preview(codec, self.folder / PREVIEW, *self.clips)
        write_bundle(
            self.folder,
            kind="SoundCodec",
            parts={
                "channels": self.channels,
                "transform": codec.transform.config(),
                "model": codec.model.config(),
                "live": codec.live.config(),
                "sounds": summary.names,
            },
            files={WEIGHTS: codec.state(), LATENT: codec.latent},
            tables={RECIPE: facts | {"recipe": {self.plan.recipe: self.plan.sections}}, METRICS: metrics},
            card=model_card(recipe=self.plan.recipe, facts=facts, metrics=metrics),
            version=__version__,
            exports=live_engine(codec) if self.training.live_engine else {},
        )
