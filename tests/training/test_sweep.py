from __future__ import annotations

import json
import multiprocessing
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest
from benchmarks.kills import TINY

from tests.bundles import sounds
from timbrespace.core.errors import Interrupted, ParameterError, RecipeError, StorageError, TrainingError
from timbrespace.core.files import exclusive
from timbrespace.training import run as run_module
from timbrespace.training import sweep as sweep_module
from timbrespace.training.plan import make_plan
from timbrespace.training.recipe import Recipe, read_recipe
from timbrespace.training.search_space import Dimension, read_search
from timbrespace.training.sweep import Found, sweep
from timbrespace.training.toml_text import toml_text

SEARCH = """
[training]
learning_rate = { low = 1e-4, high = 1e-2, log = true }
[model.bottleneck]
latent_dim = { low = 2, high = 6 }
[model]
refinement = { choices = [0, 2] }
"""


def tiny() -> Recipe:
    return read_recipe("temporal-vae").override([*TINY, "training.steps=2"])


def search_file(folder: Path, text: str = SEARCH) -> Path:
    path = folder / "search.toml"
    path.write_text(text)
    return path


def run(folder: Path, *, trials: int = 4, **options: Any) -> Found:
    search = options.pop("search", None) or search_file(folder)
    chosen = {"measure": "error", "out": folder / "out", "data": sounds(), **options}
    return sweep(tiny(), chosen.pop("data"), search=search, trials=trials, **chosen)


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[Recipe]:
    """Trainings that only write metrics: the error is least at a learning rate of 1e-3."""
    recipes: list[Recipe] = []

    def train(recipe: Recipe, data: object, out: Path, options: dict[str, Any]) -> Path:
        recipes.append(recipe)
        out.mkdir(parents=True, exist_ok=True)
        rate = recipe.sections["training"]["learning_rate"]
        error: Any = abs(rate - 1e-3) * 1e3
        (out / "metrics.json").write_text(json.dumps({"error": error, "nothing": None, "deep": {"er": 2}}))
        return out

    monkeypatch.setattr(sweep_module, "_train", train)
    return recipes


def test_the_best_of_many_and_its_recipe(tmp_path: Path, trained: list[Recipe]) -> None:
    told: list[str] = []
    found = run(tmp_path, trials=15, progress=lambda done, total, what: told.append(f"{done}/{total} {what}"))
    assert [t.number for t in found.trials] == list(range(15))
    assert {t.state for t in found.trials} == {"complete"}
    assert found.best.value == min(t.value or 0.0 for t in found.trials)
    assert found.best.value < 0.5
    best = tomllib.loads(found.recipe)
    assert best["training"]["learning_rate"] == found.best.settings["training.learning_rate"]
    assert best["model"]["bottleneck"]["latent_dim"] == found.best.settings["model.bottleneck.latent_dim"]
    assert all(isinstance(t.settings["model.bottleneck.latent_dim"], int) for t in found.trials)
    assert {t.settings["model.refinement"] for t in found.trials} == {0, 2}
    assert (tmp_path / "out" / "best.toml").read_text() == found.recipe
    assert len(json.loads((tmp_path / "out" / "trials.json").read_text())["trials"]) == 15
    assert told[-1].startswith("15/15 trial 14, ")
    assert read_recipe(str(tmp_path / "out" / "best.toml")).sections["data"] == tiny().sections["data"]


def test_a_stopped_sweep_ends_as_one_that_was_not(tmp_path: Path, trained: list[Recipe]) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    whole = run(tmp_path / "a", trials=14, seed=3)
    for trials in (4, 5, 14):
        parts = run(tmp_path / "b", trials=trials, seed=3)
        assert len(parts.trials) == trials
    assert parts.trials == whole.trials
    assert run(tmp_path / "b", trials=14, seed=3).trials == whole.trials
    assert len(trained) == 28


def test_the_largest_can_be_wanted(tmp_path: Path, trained: list[Recipe]) -> None:
    found = run(tmp_path, maximise=True)
    assert found.best.value == max(t.value or 0.0 for t in found.trials)


def test_failures_are_on_record_and_do_not_stop_the_sweep(
    tmp_path: Path, trained: list[Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    good = sweep_module._train
    outcomes = iter([TrainingError("The loss is not a number."), RuntimeError("odd"), None, None])

    def train(recipe: Recipe, data: Any, out: Path, options: dict[str, Any]) -> Path:
        if (error := next(outcomes)) is not None:
            raise error
        return good(recipe, data, out, options)

    monkeypatch.setattr(sweep_module, "_train", train)
    found = run(tmp_path)
    assert [t.state for t in found.trials] == ["failed", "failed", "complete", "complete"]
    assert [t.reason for t in found.trials] == ["The loss is not a number.", "RuntimeError: odd", "", ""]
    assert found.best.number in (2, 3)


def test_a_measure_that_is_no_number_fails_the_trial(tmp_path: Path, trained: list[Recipe]) -> None:
    with pytest.raises(TrainingError, match="No trial of the sweep in .* nothing of the model is None; a sweep needs"):
        run(tmp_path, trials=2, measure="nothing")
    table = json.loads((tmp_path / "out" / "trials.json").read_text())["trials"]
    assert [row["state"] for row in table] == ["failed", "failed"]


def test_a_measure_that_is_not_there_stops_at_once(tmp_path: Path, trained: list[Recipe]) -> None:
    with pytest.raises(RecipeError, match="The model has no measure 'eror'. Did you mean 'error'"):
        run(tmp_path, measure="eror")
    assert len(trained) == 1


def test_a_measure_can_be_corrected_while_nothing_has_succeeded(tmp_path: Path, trained: list[Recipe]) -> None:
    """Neither a misspelt measure nor one that is no number costs the folder; after a success there is no way back."""
    with pytest.raises(RecipeError, match="no measure 'eror'"):
        run(tmp_path, trials=3, measure="eror")
    with pytest.raises(TrainingError, match="No trial of the sweep"):
        run(tmp_path, trials=3, measure="nothing")
    found = run(tmp_path, trials=3, maximise=True)
    assert [t.state for t in found.trials] == ["complete"] * 3
    assert found.best.value == max(t.value or 0.0 for t in found.trials)
    (tmp_path / "other").mkdir()
    assert run(tmp_path / "other", trials=3, maximise=True).trials == found.trials
    with pytest.raises(StorageError, match="another measure"):
        run(tmp_path, trials=3, measure="deep.er", maximise=True)
    with pytest.raises(StorageError, match="another maximise"):
        run(tmp_path, trials=3)


def test_a_corrected_measure_waits_for_those_at_work(tmp_path: Path, trained: list[Recipe]) -> None:
    with pytest.raises(RecipeError, match="no measure 'eror'"):
        run(tmp_path, measure="eror")
    with (
        exclusive(tmp_path / "out" / "trials" / "0.lock", sentence="taken"),
        pytest.raises(StorageError, match="another measure"),
    ):
        run(tmp_path)


def test_a_trial_of_other_settings_is_not_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an earlier sweep left under the number of a trial is trained anew unless it is the very same training."""
    calls: list[str] = []
    monkeypatch.setattr(run_module, "resume", lambda *given, **named: calls.append("resume"))
    monkeypatch.setattr(run_module, "train", lambda *given, **named: calls.append("train"))
    options: dict[str, Any] = {"minutes": None, "epochs": None, "seed": 0}
    made = make_plan(tiny(), sounds(), settings=(), device="cpu", threads=1, **options)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text(json.dumps(made.table()))
    sweep_module._train(tiny(), sounds(), tmp_path, options)
    sweep_module._train(tiny().override(["training.steps=3"]), sounds(), tmp_path, options)
    assert calls == ["resume", "train"]


def test_without_a_measure_it_is_what_chooses_checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def train(recipe: Recipe, data: object, out: Path, options: dict[str, Any]) -> Path:
        out.mkdir(parents=True, exist_ok=True)
        (out / "metrics.json").write_text(json.dumps({"validation": {"share": 0.5, "score_nats": 90.0}}))
        return out

    monkeypatch.setattr(sweep_module, "_train", train)
    search = search_file(tmp_path, "[training]\nlearning_rate = { low = 1e-4, high = 1e-2 }")
    assert run(tmp_path, trials=1, measure=None).best.value == 0.5
    assert sweep("image-vae", "digits", search=search, trials=1, out=tmp_path / "pictures").best.value == 90.0


def test_what_is_interrupted_is_taken_up_again(
    tmp_path: Path, trained: list[Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    good = sweep_module._train

    def stopped(recipe: Recipe, data: Any, out: Path, options: dict[str, Any]) -> Path:
        if out.name == "1":
            raise Interrupted("Stopped.")
        return good(recipe, data, out, options)

    monkeypatch.setattr(sweep_module, "_train", stopped)
    with pytest.raises(Interrupted):
        run(tmp_path)
    monkeypatch.setattr(sweep_module, "_train", good)
    found = run(tmp_path)
    assert [t.state for t in found.trials] == ["complete"] * 4
    assert len(trained) == 4


def _helper(folder: Path) -> None:
    def train(recipe: Recipe, data: Any, out: Path, options: dict[str, Any]) -> Path:
        out.mkdir(parents=True)  # fails where another trained already
        time.sleep(0.1)
        (out / "metrics.json").write_text(json.dumps({"error": 1.0}))
        return out

    sweep_module._train = train
    run(folder, trials=12)


@pytest.mark.slow
def test_several_processes_share_a_sweep(tmp_path: Path) -> None:
    sounds()
    context = multiprocessing.get_context("fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn")
    search_file(tmp_path)
    team = [context.Process(target=_helper, args=(tmp_path,)) for _ in range(3)]
    for process in team:
        process.start()
    for process in team:
        process.join()
        assert process.exitcode == 0
    table = json.loads((tmp_path / "out" / "trials.json").read_text())["trials"]
    assert [row["number"] for row in table] == list(range(12))
    assert {row["state"] for row in table} == {"complete"}


@pytest.mark.slow
def test_real_trainings(tmp_path: Path) -> None:
    found = run(tmp_path, trials=2, measure="validation.share")
    assert [t.state for t in found.trials] == ["complete"] * 2
    for trial in found.trials:
        config = json.loads((tmp_path / "out" / "trials" / str(trial.number) / "config.json").read_text())
        latents = config["parts"]["model"]["bottleneck"]["latent_dim"] if "parts" in config else None
        assert latents in (None, trial.settings["model.bottleneck.latent_dim"])
    assert run(tmp_path, trials=2, measure="validation.share") == found


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("a = [", "is not valid TOML"),
        ("", "names no setting to search"),
        ("[modle]\nx = { low = 1, high = 2 }", "unknown section 'modle'. Did you mean 'model'"),
        ("[model]\nx = 3", "'model.x' is 3; give"),
        ("[model]\nx = { low = 1, hihg = 2 }", "unknown key 'hihg' in 'model.x'. Did you mean 'high'"),
        ("[model]\nx = { low = 1 }", "'model.x' needs numbers low < high; it has low = 1, high = None"),
        ("[model]\nx = { low = 2, high = 1 }", "needs numbers low < high"),
        ("[model]\nx = { low = 0.0, high = 1, log = true }", "low < high above 0, as log is true"),
        ("[model]\nx = { low = 1, high = inf }", "needs numbers low < high"),
        ("[model]\nx = { choices = [1] }", "'model.x.choices' is .1.; give a list of two"),
        ("[model]\nx = { choices = [1, 2], low = 3 }", "unknown key 'low'"),
    ],
)  # fmt: skip
def test_mistakes_in_the_search_file(tmp_path: Path, text: str, match: str) -> None:
    with pytest.raises(RecipeError, match=match):
        read_search(search_file(tmp_path, text))


def test_settings_that_cannot_be_built_are_told_before_anything_runs(tmp_path: Path) -> None:
    bad = search_file(tmp_path, "[model.bottleneck]\nlatent_dim = { low = 0, high = 4 }")
    with pytest.raises(RecipeError, match="With model.bottleneck.latent_dim = 0 no model can be built: .*range"):
        run(tmp_path, search=bad)
    bad = search_file(tmp_path, "[model.bottleneck]\nlatents = { choices = [2, 4] }")
    with pytest.raises(RecipeError, match="With model.bottleneck.latents = 2 .* has no argument 'latents'"):
        run(tmp_path, search=bad)
    bad = search_file(tmp_path, "[model.bottleneck.latent_dim]\nx = { choices = [2, 4] }")
    with pytest.raises(RecipeError, match="is a value, not a table"):
        run(tmp_path, search=bad)
    with pytest.raises(ParameterError, match="trials is 0"):
        run(tmp_path, trials=0)
    with pytest.raises(ParameterError, match="steps is 0; give 1 or more"):
        run(tmp_path, steps=0)
    with pytest.raises(RecipeError, match="There is no search file"):
        run(tmp_path, search=tmp_path / "none.toml")
    assert not (tmp_path / "out").exists()


def test_a_folder_belongs_to_one_sweep(tmp_path: Path, trained: list[Recipe]) -> None:
    run(tmp_path, trials=1)
    with pytest.raises(StorageError, match="holds a sweep with another seed; go on with the same command"):
        run(tmp_path, seed=1)
    with pytest.raises(StorageError, match="another search"):
        run(tmp_path, search=search_file(tmp_path, "[training]\nbatch_size = { choices = [2, 4] }"))
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").touch()
    with pytest.raises(StorageError, match="holds something else than a sweep"):
        run(tmp_path, out=tmp_path / "notes")
    with pytest.raises(StorageError, match="mine.txt is a file"):
        run(tmp_path, out=tmp_path / "notes" / "mine.txt")


def test_without_optuna_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ParameterError, match=r"pip install 'timbrespace\[sweep\]'"):
        run(tmp_path)


def test_tables_as_toml_and_back() -> None:
    tables = {
        "model": {"kind": 'A "b" \\ ü\n', "sizes": [1, 2.5, True], "small": 1e-07, "none": None, "empty": {}},
        "training": {"weights": {"a b": {"kind": "Constant"}, "kl": {"end": 2.0}}, "steps": 3},
    }
    read = tomllib.loads(toml_text(tables))
    del tables["model"]["none"]
    assert read == tables
    tables["model"]["parts"] = [{"kind": "X", "deep": {"y": 1}}]
    assert tomllib.loads(toml_text(tables)) == tables


def test_the_ends_of_a_dimension() -> None:
    assert Dimension("a.b", 1, 4).ends() == (1, 4)
    assert Dimension("a.b", choices=(1, "x")).ends() == (1, "x")
