"""From a folder of sounds to a bundle: :func:`train`, and :func:`resume` after an interruption."""

from __future__ import annotations

import copy
import dataclasses
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import torch

from timbrespace.codecs.bundle import CONFIG, PLAN, RUN
from timbrespace.codecs.frames import FrameCodec
from timbrespace.codecs.loading import load_bundle
from timbrespace.codecs.sound import SoundCodec
from timbrespace.core.errors import Interrupted, TrainingError
from timbrespace.core.files import write_json
from timbrespace.core.seeds import torch_generator
from timbrespace.datasets.base import Progress, SoundPrepared
from timbrespace.training.budget import fastest_pace, settle_budget
from timbrespace.training.checkpoints import Checkpoints
from timbrespace.training.console import Console
from timbrespace.training.examples import Examples
from timbrespace.training.frame_workshop import FrameWorkshop
from timbrespace.training.interrupt import stop_on_interrupt
from timbrespace.training.journal import Journal
from timbrespace.training.listeners import Listeners
from timbrespace.training.place import CHECKPOINTS, begun, locked, refuse_occupied, telling_how_to_resume
from timbrespace.training.plan import Device, Plan, check_device, make_plan
from timbrespace.training.recipe import Recipe
from timbrespace.training.runtime import available_cores, tune_process
from timbrespace.training.sound_workshop import SoundWorkshop
from timbrespace.training.state import State
from timbrespace.training.trainer import Trainer, idle_weights, require_weights
from timbrespace.training.workshop import Workshop


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
    shared_weights: bool = False,
    progress: Progress | None = None,
) -> SoundCodec | FrameCodec:
    """Train a model of ``recipe`` on the sounds (or pictures) in ``data`` and write it to the folder ``out``.

    ``minutes`` (wall clock on this machine) or ``epochs`` replace the recipe's budget; ``settings`` are
    overrides such as ``"model.bottleneck.latent_dim=8"``. A weight of a loss term that the model does not have is
    refused, unless ``shared_weights`` says that several models share one recipe, as in a grid. Ctrl-C saves and raises
    :class:`Interrupted`; :func:`resume` goes on from there. Every random number follows from ``seed``.
    """
    folder = Path(out)
    refuse_occupied(folder, force=force)
    threads = available_cores()
    plan = make_plan(
        recipe, data, settings=settings, minutes=minutes, epochs=epochs, seed=seed, device=device, threads=threads
    )
    tune_process(threads=plan.threads)
    workshop = build_workshop(folder, plan, progress=progress)
    workshop.fit()
    examples = workshop.examples()
    _check_weights(workshop, examples, shared=shared_weights)
    workshop.plan = _with_budget(workshop, examples)
    generator = torch_generator(seed, "initialise")
    workshop.model.initialise(examples.sample(workshop.initial_examples), generator=generator)
    state = workshop.state()
    with locked(folder):
        refuse_occupied(folder, force=force)  # another may have been faster
        with begun(folder) as run:
            Checkpoints(run / CHECKPOINTS).save(state.tensors(), step=0, score=None, state=asdict(state.counters))
            write_json(run / PLAN, workshop.plan.table())
        with telling_how_to_resume(folder):
            return _go(workshop, state)


def resume(out: str | Path, *, force: bool = False, progress: Progress | None = None) -> SoundCodec | FrameCodec:
    """Go on with a training that was interrupted, exactly where its last checkpoint stands.

    The result is bit-identical to a training that was never interrupted. Raises :class:`TrainingError` if
    there is nothing to resume, or if the sounds have changed since (unless ``force``).
    """
    folder = Path(out)
    if (folder / CONFIG).is_file():
        return load_bundle(folder)
    plan = Plan.read(folder / RUN)
    check_device(plan.device)
    tune_process(threads=plan.threads)
    workshop = build_workshop(folder, plan, progress=progress)
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


def build_workshop(folder: Path, plan: Plan, *, progress: Progress | None) -> Workshop:
    """Every part of the recipe, and only then the data: a misspelt key is told at once, not after minutes."""
    dataset = plan.dataset()
    transform = plan.transform(dataset)
    model = plan.model(dataset, transform)
    training = plan.training()
    given = dataset.provides()
    if transform is None and "n_frames" not in given:
        raise TrainingError(f"Recipe {plan.recipe} lacks the section [transform], which sounds need; add it.")
    prepared = dataset.prepare(progress=progress)
    if transform is None:
        return FrameWorkshop(folder, plan, prepared, model, training)
    if not isinstance(prepared, SoundPrepared):
        raise TrainingError(f"Recipe {plan.recipe} has a [transform], which pictures have no use for; take it out.")
    return SoundWorkshop(folder, plan, prepared, model, training, transform, int(given.get("channels", 1)))


@torch.no_grad()
def _check_weights(workshop: Workshop, examples: Examples, *, shared: bool) -> None:
    """Raise :class:`TrainingError` for a loss term without a weight or the reverse, before anything is written."""
    twin, terms = copy.deepcopy(workshop.model), set[str]()
    for player in twin.players():
        terms.update(twin.losses(examples.batch(0), player, step=0, generator=torch.Generator()))
    require_weights(sorted(terms), workshop.training)
    idle = idle_weights(terms, workshop.training)
    if idle and not shared:
        raise TrainingError(
            f"The model has no loss term {idle[0]!r}, so that its weight would do nothing; take"
            f" [training.weights.{idle[0]}] out of the recipe or make it 0 (the terms are: {', '.join(sorted(terms))})."
        )


def _with_budget(workshop: Workshop, examples: Examples) -> Plan:
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


def _go(workshop: Workshop, state: State) -> SoundCodec | FrameCodec:
    plan, training = workshop.plan, workshop.training
    first = state.counters.step
    journal = Journal(
        workshop.run,
        resumed_step=first,
        portrait=workshop.portrait(),
        total_steps=plan.total_steps,
        evaluations=plan.evaluations,
    )
    console = Console(plan.total_steps, first, words=workshop.words())
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
    best = workshop.checkpoints.best()
    if best is not None:
        state.restore(workshop.checkpoints.load(best))
    workshop.finish(state, best_step=None if best is None else best.step)
    return load_bundle(workshop.folder)
