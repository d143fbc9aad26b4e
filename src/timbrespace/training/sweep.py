"""A search over a recipe's settings: many trainings, each with settings that the earlier ones suggest."""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from timbrespace.codecs.bundle import METRICS, PLAN, RUN
from timbrespace.core.errors import (
    Interrupted,
    ParameterError,
    RecipeError,
    StorageError,
    TimbrespaceError,
    TrainingError,
    did_you_mean,
)
from timbrespace.core.files import atomic_file, exclusive, write_json
from timbrespace.core.seeds import derived_seed
from timbrespace.training.plan import Plan, make_plan
from timbrespace.training.recipe import Recipe, read_recipe
from timbrespace.training.search_space import Dimension, read_search
from timbrespace.training.toml_text import toml_text

JOURNAL, TRIALS, TABLE, BEST, SWEEP = "journal.log", "trials", "trials.json", "best.toml", "sweep.json"
REASON = "reason"
"""Where a failed trial keeps why."""


@dataclass(frozen=True)
class Trial:
    """One training of a sweep; ``state`` is ``"complete"``, ``"failed"`` or ``"running"``."""

    number: int
    state: str
    value: float | None
    settings: dict[str, Any]
    reason: str = ""


@dataclass(frozen=True)
class Found:
    """What a sweep found: its trials in order, the best complete one, and that one's recipe as TOML."""

    trials: tuple[Trial, ...]
    best: Trial
    recipe: str


def sweep(
    recipe: str | Recipe,
    data: str | Path,
    *,
    search: str | Path,
    trials: int,
    out: str | Path,
    measure: str | None = None,
    maximise: bool = False,
    seed: int = 0,
    minutes: float | None = None,
    epochs: float | None = None,
    steps: int | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> Found:
    """Search ``recipe``'s settings with ``trials`` trainings on ``data`` and keep all of them in the folder ``out``.

    ``measure`` is the dotted place of a number in the ``metrics.json`` of a model, to be made small (or large, with
    ``maximise``); without one it is what chooses the best checkpoint, on unseen examples: the unexplained share of
    sounds, the weighted nats of pictures. It may be changed while no trial has succeeded.
    The same call goes on where an earlier one stopped, up to ``trials`` in all; several processes may
    work on one ``out`` at the same time. Settings are suggested by the tree-structured Parzen estimator (Bergstra et
    al. 2011, "Algorithms for Hyper-Parameter Optimization",
    https://papers.nips.cc/paper/4443-algorithms-for-hyper-parameter-optimization), from ``seed`` and the trials
    before. A training that fails or measures no finite number is recorded as failed, with the reason.
    """
    if trials < 1:
        raise ParameterError(f"trials is {trials}; give 1 or more.")
    if steps is not None and steps < 1:
        raise ParameterError(f"steps is {steps}; give 1 or more.")
    base = _with_steps(read_recipe(recipe) if isinstance(recipe, str) else recipe, steps)
    space = read_search(search)
    options = {"minutes": minutes, "epochs": epochs, "seed": seed}
    _check(base, data, space, options)
    measure = measure or ("validation.share" if "transform" in base.sections else "validation.score_nats")
    folder = Path(out)
    asked = {"recipe": base.sections, "data": str(Path(data).expanduser().resolve()), "measure": measure,
             "maximise": maximise, "seed": seed, "minutes": minutes, "epochs": epochs,
             "search": [_table(d) for d in space]}  # fmt: skip
    _claim(folder, asked)
    study = _study(folder, maximise=maximise)
    while True:
        with ExitStack() as held:
            trial = _next(study, space, folder, trials=trials, seed=seed, held=held)
            if trial is None:
                break
            _work(study, trial, _applied(base, space, trial), data, folder, options, measure)
            if progress is not None:
                done = sum(t.state.is_finished() for t in study.get_trials(deepcopy=False))
                progress(done, trials, _told(study, trial))
    return _found(study, base, space, folder, maximise=maximise)


def _check(base: Recipe, data: str | Path, space: tuple[Dimension, ...], options: dict[str, Any]) -> None:
    """Build the parts at both ends of every setting: what cannot be is said before anything is trained."""
    for dimension in space:
        for value in dimension.ends():
            try:
                recipe = _set(base, {dimension.place: value})
                plan = _plan(recipe, data, options)
                dataset = plan.dataset()
                plan.model(dataset, plan.transform(dataset))
            except ParameterError as error:
                raise RecipeError(f"With {dimension.place} = {value!r} no model can be built: {error}") from error


def _plan(recipe: Recipe, data: str | Path, options: dict[str, Any]) -> Plan:
    return make_plan(recipe, data, settings=(), device="cpu", threads=1, **options)


def _set(base: Recipe, values: Mapping[str, Any]) -> Recipe:
    sections = copy.deepcopy(base.sections)
    for place, value in values.items():
        *path, last = place.split(".")
        table: Any = sections
        for key in path:
            table = table.setdefault(key, {})
            if not isinstance(table, dict):
                raise RecipeError(f"In {place!r}, {key!r} is a value, not a table; nothing can be set below it.")
        table[last] = value
    return Recipe(base.name, base.description, sections)


def _with_steps(base: Recipe, steps: int | None) -> Recipe:
    return base if steps is None else _set(base, {"training.steps": steps})


def _table(dimension: Dimension) -> dict[str, Any]:
    return {"place": dimension.place, "low": dimension.low, "high": dimension.high, "log": dimension.log,
            "choices": list(dimension.choices)}  # fmt: skip


def _claim(folder: Path, asked: dict[str, Any]) -> None:
    """The folder is this sweep's, from now on or since an earlier start."""
    if folder.exists() and not folder.is_dir():
        raise StorageError(f"{folder} is a file; --out names the folder of a sweep, choose another name.")
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        stored = folder / SWEEP
        if not stored.is_file():
            if any(p.name != ".lock" for p in folder.iterdir()):
                raise StorageError(f"{folder} holds something else than a sweep; choose a new folder for --out.")
            write_json(stored, asked)
            return
        try:
            before = json.loads(stored.read_text(encoding="utf-8"))
        except ValueError as error:
            raise StorageError(f"{stored} is damaged ({error}); choose a new folder for --out.") from None
        changed = [key for key, value in json.loads(json.dumps(asked)).items() if before.get(key) != value]
        measured = bool(changed) and {*changed} <= {"measure", "maximise"}
        if measured and _nothing_told(folder, maximise=bool(before.get("maximise"))):
            # The study goes by what is asked now; trainings that are there are found again by the same suggestions.
            (folder / JOURNAL).unlink(missing_ok=True)
            write_json(stored, asked)
        elif changed:
            raise StorageError(
                f"{folder} holds a sweep with another {' and '.join(changed)}; go on with the same command or choose"
                " a new folder for --out."
            )


def _nothing_told(folder: Path, *, maximise: bool) -> bool:
    """Whether no trial of a sweep has succeeded, and nobody is at work on one."""
    if not (folder / JOURNAL).is_file():
        return True
    trials = _study(folder, maximise=maximise).get_trials(deepcopy=False)
    with ExitStack() as held:
        return not any(t.state.name == "COMPLETE" or not _hold(folder, t.number, held) for t in trials)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until no other process takes a trial, then hold the place; taking one is a matter of milliseconds."""
    for _ in range(1200):
        with ExitStack() as held:
            try:
                held.enter_context(exclusive(folder / ".lock", sentence=""))
            except StorageError:
                pass
            else:
                yield
                return
        time.sleep(0.05)
    raise StorageError(f"Another process has held {folder} for a minute; end it, then start again.")


def _study(folder: Path, *, maximise: bool) -> Any:
    try:
        import optuna
        from optuna.storages.journal import JournalFileBackend
    except ImportError:
        raise ParameterError(
            "A sweep needs Optuna, which is not installed; add it with: pip install 'timbrespace[sweep]'."
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(folder / JOURNAL)))
    return optuna.create_study(
        storage=storage, study_name="sweep", load_if_exists=True, direction="maximize" if maximise else "minimize"
    )


def _next(
    study: Any, space: tuple[Dimension, ...], folder: Path, *, trials: int, seed: int, held: ExitStack
) -> Any | None:
    """A trial to work on, held until ``held`` closes: one that was left unfinished, else a new one, else nothing."""
    import optuna
    from optuna.samplers import TPESampler

    with _alone(folder):
        known = study.get_trials(deepcopy=False)
        for frozen in known:
            if not frozen.state.is_finished() and _hold(folder, frozen.number, held):
                if all(d.place in frozen.params for d in space):
                    return optuna.trial.Trial(study, frozen._trial_id)
                study.tell(frozen.number, state=optuna.trial.TrialState.FAIL)
        if len(known) >= trials:
            return None
        study.sampler = TPESampler(seed=derived_seed(seed, "trial", len(known)) % 2**32)
        trial = study.ask()
        for dimension in space:
            dimension.suggest(trial)
        _hold(folder, trial.number, held)
        return trial


def _hold(folder: Path, number: int, held: ExitStack) -> bool:
    """Whether this process is the one that works on a trial now."""
    try:
        held.enter_context(exclusive(folder / TRIALS / f"{number}.lock", sentence=""))
    except StorageError:
        return False
    return True


def _applied(base: Recipe, space: tuple[Dimension, ...], trial: Any) -> Recipe:
    return _set(base, {d.place: d.suggest(trial) for d in space})


def _work(
    study: Any, trial: Any, recipe: Recipe, data: str | Path, folder: Path, options: dict[str, Any], measure: str
) -> None:
    """Train (or go on) and tell the study the outcome; Ctrl-C leaves the trial to be taken up again."""
    from optuna.trial import TrialState

    try:
        value = _measured(_train(recipe, data, folder / TRIALS / str(trial.number), options), measure)
    except (Interrupted, StorageError, RecipeError):
        raise
    except Exception as error:  # whatever goes wrong in one training must not stop the others
        told = isinstance(error, TimbrespaceError)
        trial.set_user_attr(REASON, str(error) if told else f"{type(error).__name__}: {error}")
        study.tell(trial, state=TrialState.FAIL)
    else:
        study.tell(trial, value)


def _train(recipe: Recipe, data: str | Path, out: Path, options: dict[str, Any]) -> Path:
    from timbrespace.training.run import resume, train

    if (out / RUN / PLAN).is_file() and Plan.read(out / RUN).sections == _plan(recipe, data, options).sections:
        resume(out)
    else:
        train(recipe, data, out=out, force=out.exists(), shared_weights=True, **options)
    return out


def _measured(model: Path, measure: str) -> float:
    """The number at a dotted place of a model's metrics.

    Raises :class:`RecipeError` if there is no such place, :class:`TrainingError` if it holds no finite number.
    """
    found: Any = json.loads((model / METRICS).read_text(encoding="utf-8"))
    for key in measure.split("."):
        if not isinstance(found, dict) or key not in found:
            known = found if isinstance(found, dict) else ()
            raise RecipeError(f"The model has no measure {measure!r}. {did_you_mean(key, known)}")
        found = found[key]
    if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
        raise TrainingError(f"{measure} of the model is {found!r}; a sweep needs a finite number.")
    return float(found)


def _told(study: Any, trial: Any) -> str:
    frozen = study.get_trials(deepcopy=False)[trial.number]
    outcome = f"{frozen.value:g}" if frozen.value is not None else f"failed: {frozen.user_attrs.get(REASON, '')}"
    return f"trial {trial.number}, {outcome}"


def _found(study: Any, base: Recipe, space: tuple[Dimension, ...], folder: Path, *, maximise: bool) -> Found:
    """All trials as a table, the best one's recipe; both are written as well."""
    names = {"COMPLETE": "complete", "FAIL": "failed"}
    found = [
        Trial(
            t.number,
            names.get(t.state.name, "running"),
            t.value,
            {
                d.place: json.loads(t.params[d.place]) if d.choices else t.params[d.place]
                for d in space
                if d.place in t.params
            },
            t.user_attrs.get(REASON, ""),
        )
        for t in study.get_trials(deepcopy=False)
    ]
    complete = [t for t in found if t.value is not None and t.state == "complete"]
    rows = [vars(t) for t in found]
    with _alone(folder):
        write_json(folder / TABLE, {"trials": rows})
        if not complete:
            reason = next((t.reason for t in found if t.reason), "none has ended")
            raise TrainingError(f"No trial of the sweep in {folder} succeeded; the first failed so: {reason}")
        best = (max if maximise else min)(complete, key=lambda t: t.value or 0.0)
        text = f"# Trial {best.number} of a sweep: {best.value:g}, the best of {len(complete)}.\n\n"
        text += toml_text(_set(base, best.settings).sections)
        with atomic_file(folder / BEST) as partial:
            partial.write_text(text, encoding="utf-8")
    return Found(tuple(found), best, text)
