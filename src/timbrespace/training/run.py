"""From a folder of sounds to a bundle: :func:`train`, and :func:`resume` after an interruption."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from timbrespace.codecs.bundle import CONFIG, LATENT, METRICS, PLAN, PREVIEW, RECIPE, RUN, WEIGHTS, write_bundle
from timbrespace.codecs.heard import heard_metric
from timbrespace.codecs.loading import load
from timbrespace.codecs.sound import SoundCodec
from timbrespace.core.errors import Interrupted, TrainingError
from timbrespace.core.files import write_json
from timbrespace.core.seeds import torch_generator
from timbrespace.core.version import __version__
from timbrespace.datasets.base import Prepared, Progress
from timbrespace.models.base import Model
from timbrespace.training.advice import Curve, silent_dimensions, when_to_stop
from timbrespace.training.assess import assess, pca_baseline, summarise_latents
from timbrespace.training.budget import fastest_pace, settle_budget
from timbrespace.training.card import model_card
from timbrespace.training.checkpoints import Checkpoints
from timbrespace.training.console import Console
from timbrespace.training.evaluation import Evaluator
from timbrespace.training.examples import Examples
from timbrespace.training.interrupt import stop_on_interrupt
from timbrespace.training.journal import Journal
from timbrespace.training.listeners import Listeners
from timbrespace.training.options import Training
from timbrespace.training.place import CHECKPOINTS, begun, locked, refuse_occupied, telling_how_to_resume
from timbrespace.training.plan import Device, Plan, check_device, make_plan
from timbrespace.training.preview import clips, write_preview
from timbrespace.training.recipe import Recipe
from timbrespace.training.runtime import available_cores, tune_process
from timbrespace.training.state import State
from timbrespace.training.trainer import Trainer
from timbrespace.transforms.base import AudioTransform

INITIAL_EXAMPLES = 256
"""Examples from which a network is initialised (PCA start): six minutes of sound at most."""


@dataclass
class _Workshop:
    """Everything a training needs, built from a plan."""

    folder: Path
    plan: Plan
    prepared: Prepared
    transform: AudioTransform
    model: Model
    training: Training
    channels: int

    @property
    def run(self) -> Path:
        return self.folder / RUN

    @property
    def checkpoints(self) -> Checkpoints:
        return Checkpoints(self.run / CHECKPOINTS)

    def state(self) -> State:
        """The state of a training, on the device where the optimisers will find the parameters."""
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


def train(
    recipe: str | Recipe,
    data: str | Path,
    *,
    out: str | Path,
    minutes: float | None = None,
    epochs: float | None = None,
    seed: int = 0,
    device: Device = "cpu",
    settings: Iterable[str] = (),
    force: bool = False,
    progress: Progress | None = None,
) -> SoundCodec:
    """Train a model of ``recipe`` on the sounds in ``data`` and write it to the folder ``out``.

    ``minutes`` (wall clock on this machine) or ``epochs`` replace the recipe's budget; ``settings`` are
    overrides such as ``"model.bottleneck.latent_dim=8"``. Ctrl-C saves and raises :class:`Interrupted`;
    :func:`resume` goes on from there. Every random number follows from ``seed``.
    """
    folder = Path(out)
    refuse_occupied(folder, force=force)
    threads = available_cores()
    plan = make_plan(
        recipe, data, settings=settings, minutes=minutes, epochs=epochs, seed=seed, device=device, threads=threads
    )
    tune_process(threads=plan.threads)
    workshop = _build(folder, plan, progress=progress)
    workshop.transform.fit(_sounds(workshop.prepared))
    examples = workshop.examples()
    workshop.plan = _with_budget(workshop, examples)
    generator = torch_generator(seed, "initialise")
    workshop.model.initialise(examples.sample(INITIAL_EXAMPLES), generator=generator)
    state = workshop.state()
    with locked(folder):
        refuse_occupied(folder, force=force)  # another may have been faster
        with begun(folder) as run:
            Checkpoints(run / CHECKPOINTS).save(state.tensors(), step=0, score=None, state=asdict(state.counters))
            write_json(run / PLAN, workshop.plan.table())
        with telling_how_to_resume(folder):
            return _go(workshop, state)


def resume(out: str | Path, *, force: bool = False, progress: Progress | None = None) -> SoundCodec:
    """Go on with a training that was interrupted, exactly where its last checkpoint stands.

    The result is bit-identical to a training that was never interrupted. Raises :class:`TrainingError` if
    there is nothing to resume, or if the sounds have changed since (unless ``force``).
    """
    folder = Path(out)
    if (folder / CONFIG).is_file():
        return load(folder)
    plan = Plan.read(folder / RUN)
    check_device(plan.device)
    tune_process(threads=plan.threads)
    workshop = _build(folder, plan, progress=progress)
    if workshop.prepared.fingerprint != plan.fingerprint and not force:
        raise TrainingError(
            f"The sounds in {plan.data} have changed since this training began; restore them,"
            f" or add --force to go on with what is there now."
        )
    with locked(folder), telling_how_to_resume(folder):
        state = workshop.state()
        entry, tensors = workshop.checkpoints.latest()
        try:
            state.restore(tensors, entry.state)
        except (RuntimeError, TypeError, ValueError, KeyError) as error:
            raise TrainingError(
                f"Checkpoint {entry.file} does not fit the plan in {folder / RUN / PLAN}"
                f" ({str(error).splitlines()[0]}); one of them was edited, restore it."
            ) from None
        return _go(workshop, state)


def _build(folder: Path, plan: Plan, *, progress: Progress | None) -> _Workshop:
    """Every part of the recipe, and only then the sounds: a misspelt key is told at once, not after minutes."""
    dataset = plan.dataset()
    transform = plan.transform(dataset)
    if transform is None:
        raise TrainingError(f"Recipe {plan.recipe} lacks the section [transform], which sounds need; add it.")
    model = plan.model(dataset, transform)
    training = plan.training()
    channels = int(dataset.provides().get("channels", 1))
    return _Workshop(folder, plan, dataset.prepare(progress=progress), transform, model, training, channels)


def _with_budget(workshop: _Workshop, examples: Examples) -> Plan:
    """The plan with its thread count and its number of steps settled."""
    training, plan = workshop.training, workshop.plan
    pace = fastest_pace(
        workshop.model.to(plan.device),
        examples.batch,
        learning_rate=training.learning_rate,
        threads=[training.threads] if training.threads else sorted({1, available_cores()}),
        precisions=["32-true", "bf16-mixed"] if training.precision == "fastest" else [training.precision],
    )
    evaluator = workshop.evaluator()
    evaluator(workshop.model)
    started = time.perf_counter()
    evaluator(workshop.model)
    budget = settle_budget(
        training,
        steps_per_epoch=examples.steps_per_epoch,
        seconds_per_step=pace.seconds_per_step,
        seconds_per_evaluation=time.perf_counter() - started,
    )
    workshop.model.to("cpu")
    return dataclasses.replace(
        plan,
        fingerprint=workshop.prepared.fingerprint,
        threads=pace.threads,
        precision=pace.precision,
        total_steps=budget.steps,
        evaluations=budget.evaluations,
        seconds_per_step=pace.seconds_per_step,
    )


def _go(workshop: _Workshop, state: State) -> SoundCodec:
    plan, training, prepared = workshop.plan, workshop.training, workshop.prepared
    names, sounds = clips(prepared, count=3, seconds=3.0, sample_rate=workshop.transform.sample_rate)
    first = state.counters.step
    journal = Journal(
        workshop.run,
        resumed_step=first,
        transform=workshop.transform,
        clips=sounds,
        total_steps=plan.total_steps,
        evaluations=plan.evaluations,
    )
    console = Console(plan.total_steps, first)
    try:
        with stop_on_interrupt() as stop_requested:
            trainer = Trainer(
                state,
                training,
                workshop.examples(),
                workshop.checkpoints,
                total_steps=plan.total_steps,
                seed=plan.seed,
                device=plan.device,
                precision=plan.precision,
                evaluations=plan.evaluations,
                evaluate=workshop.evaluator(),
                listener=Listeners([journal, console]),
                stop_requested=stop_requested,
            )
            finished = trainer.run()
    finally:
        console.close()
        journal.close()
    if not finished:
        raise Interrupted(
            f"Stopped and saved at step {state.counters.step:,} of {plan.total_steps:,};"
            f" go on with: timbrespace resume {workshop.folder}"
        )
    return _finish(workshop, state, names, sounds)


def _finish(workshop: _Workshop, state: State, names: list[str], sounds: torch.Tensor) -> SoundCodec:
    """The best averaged weights, judged and written as a bundle."""
    best = workshop.checkpoints.best()
    if best is not None:
        state.restore(workshop.checkpoints.load(best))
    model = state.averaged.model.to("cpu")
    assert isinstance(model, Model)  # a copy of the model the plan built
    codec = SoundCodec(workshop.transform.to("cpu"), model, channels=workshop.channels)
    summary = summarise_latents(codec, workshop.prepared.split("train"))
    codec.latent = summary.tensors()
    codec.latent["metric"] = heard_metric(codec)
    train_split = workshop.prepared.split("train")
    pca = pca_baseline(codec.transform, train_split, group=codec.model.ratio, n_components=codec.latent_dim)
    metrics = assess(codec, workshop.prepared, summary, pca)
    steps, train_shares, unseen_shares = zip(*state.counters.curve, strict=True) if state.counters.curve else ((),) * 3
    metrics["advice"] = when_to_stop(Curve([int(s) for s in steps], train_shares, unseen_shares))
    metrics["silent"] = silent_dimensions(metrics["latent_variances"])
    metrics["curve"] = {"step": steps, "train": train_shares, "validation": unseen_shares}
    metrics["curve"]["pca"] = workshop.evaluator().linear_share(pca)
    facts = _facts(workshop, state, codec, best_step=None if best is None else best.step)
    write_preview(codec, workshop.folder / PREVIEW, names, sounds)
    write_bundle(
        workshop.folder,
        kind="SoundCodec",
        parts={
            "channels": workshop.channels,
            "transform": codec.transform.config(),
            "model": codec.model.config(),
            "live": codec.live.config(),
            "sounds": summary.names,
        },
        files={WEIGHTS: codec.state(), LATENT: codec.latent},
        tables={RECIPE: facts | {"recipe": {workshop.plan.recipe: workshop.plan.sections}}, METRICS: metrics},
        card=model_card(recipe=workshop.plan.recipe, facts=facts, metrics=metrics),
        version=__version__,
    )
    return load(workshop.folder)


def _facts(workshop: _Workshop, state: State, codec: SoundCodec, *, best_step: int | None) -> dict[str, Any]:
    plan, counters = workshop.plan, state.counters
    return {
        "timbrespace": __version__,
        "torch": torch.__version__,
        "sample_rate": codec.sample_rate,
        "channels": codec.channels,
        "ratio": codec.ratio,
        "rate_hz": codec.rate_hz,
        "latent_dim": codec.latent_dim,
        "data": {"path": plan.data, "fingerprint": plan.fingerprint, **workshop.prepared.summary()},
        "training": {
            "seed": plan.seed,
            "device": plan.device,
            "threads": plan.threads,
            "precision": plan.precision,
            "steps": plan.total_steps,
            "best_step": best_step,
            "skipped_steps": counters.skipped,
            "seconds": counters.seconds,
            "energy": counters.energy,
            "joules": counters.joules,
        },
    }


def _sounds(prepared: Prepared) -> Iterable[torch.Tensor]:
    split = prepared.split("train")
    return (split.sound(i) for i in range(len(split.sources)))
