"""One cell of a benchmark: train or go on, measure, write the result last."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from torch import Tensor

from timbrespace.codecs.bundle import CONFIG, METRICS, PLAN, RECIPE, RUN
from timbrespace.codecs.frames import FrameCodec
from timbrespace.codecs.loading import load
from timbrespace.codecs.tensor_files import write_tensors
from timbrespace.core.component import build
from timbrespace.core.errors import DataError
from timbrespace.core.files import write_json
from timbrespace.datasets.base import Dataset, Split
from timbrespace.evaluation.benchmark.cells import EXAMPLES, MODEL, PICTURES, RESULT, Cell
from timbrespace.evaluation.benchmark.judge import Judge, judge_of
from timbrespace.evaluation.benchmark.measured_codes import code_measures
from timbrespace.evaluation.benchmark.measured_samples import sample_measures
from timbrespace.evaluation.benchmark.portraits import portraits
from timbrespace.metrics.codes import active_units
from timbrespace.training.frame_assess import likelihood, split_figures
from timbrespace.training.plan import Plan
from timbrespace.training.run import resume, train
from timbrespace.training.runtime import tune_process

NLL_EXAMPLES, NLL_SAMPLES = 500, 500
"""Test pictures whose likelihood is estimated, and importance samples of each: the same pictures for all."""

JUDGES = "judges"

Figures = dict[str, float | None]


def run_cell(cell: Cell, folder: Path) -> None:
    """Train ``cell`` into ``folder``, or go on where it was interrupted, and write what it is worth.

    Beside the result the folder gets the figures of every test example and the pictures of the report.
    """
    tune_process(threads=1)
    codec = _trained(cell, folder / MODEL)
    plan = Plan.read(folder / MODEL / RUN)
    judge = judge_of(plan.data, _home(folder) / JUDGES / cell.data)
    dataset = build(Dataset, cell.recipe.sections["data"], wired={"path": plan.data})
    prepared = dataset.prepare()
    test = prepared.split("test")
    measures, examples = _likelihoods(codec, test, seed=cell.seed)
    measures |= code_measures(codec, test, seed=cell.seed)
    measures |= sample_measures(codec, test, judge, seed=cell.seed)
    write_tensors(folder / EXAMPLES, examples)
    write_tensors(folder / PICTURES, portraits(codec, test, seed=cell.seed))
    write_json(folder / RESULT, _result(cell, codec, measures, judge))


def _home(folder: Path) -> Path:
    """The benchmark's folder, of a cell's: ``cells/DATA/VARIANT/SEED`` below it."""
    return folder.parents[3]


def _trained(cell: Cell, folder: Path) -> FrameCodec:
    if (folder / CONFIG).is_file():
        codec = load(folder)
    elif (folder / RUN / PLAN).is_file():
        codec = resume(folder)
    else:
        codec = train(
            cell.recipe, cell.source, out=folder, seed=cell.seed, force=folder.exists(), shared_weights=True
        )  # fmt: skip
    if not isinstance(codec, FrameCodec):
        raise DataError(f"The benchmark compares models of pictures, and {cell.source} gave a model of sound.")
    return codec


def _likelihoods(codec: FrameCodec, test: Split, *, seed: int) -> tuple[Figures, dict[str, Tensor]]:
    """What the test pictures cost, in nats and in squared error: means, and the values of every picture."""
    found = split_figures(codec.model, test)
    examples = {"reconstruction": found.reconstruction, "mse": found.mse}
    measures: Figures = {
        "reconstruction": float(found.reconstruction.mean()),
        "mse": float(found.mse.mean()),
        "active_units": float(active_units(found.latents.transpose(0, 1).flatten(1).T)),
    }
    if found.kl_per_dimension is not None:
        examples["kl"] = found.kl_per_dimension.sum(1)
        measures["kl"] = float(examples["kl"].mean())
    bound = likelihood(codec.model, test, examples=NLL_EXAMPLES, samples=NLL_SAMPLES, seed=seed)
    if bound is not None:
        estimate, minus_elbo = bound
        examples |= {"nll": estimate.per_example, "elbo": minus_elbo}
        measures |= {"nll": estimate.mean, "elbo": float(minus_elbo.mean())}
    return measures, {name: values.float().contiguous() for name, values in examples.items()}


def _result(cell: Cell, codec: FrameCodec, measures: Figures, judge: Judge) -> dict[str, Any]:
    assert codec.bundle is not None  # it was loaded from one
    facts, metrics = codec.bundle.table(RECIPE), codec.bundle.table(METRICS)
    training = facts["training"]
    return {
        "variant": cell.variant,
        "data": cell.data,
        "seed": cell.seed,
        "measures": measures,
        "kl_per_dimension": metrics["kl_per_dimension_nats"],
        "advice": metrics["advice"],
        "judge_accuracy": judge.accuracy,
        "curve": _curve(codec.bundle.folder / RUN / "metrics.jsonl", training),
        "cost": {
            **{name: training[name] for name in ("seconds", "cpu_seconds", "joules", "energy", "steps")},
            "parameters": facts["parameters"],
            "threads": training["threads"],
            "precision": training["precision"],
        },
    }


def _curve(diary: Path, training: dict[str, Any]) -> dict[str, list[float]]:
    """The evaluations of a training on unseen pictures; seconds as the share of steps times all seconds."""
    curve: dict[str, list[float]] = {"step": [], "seconds": [], "train": []}
    for text in diary.read_text(encoding="utf-8").splitlines():
        line = json.loads(text)
        if "evaluation" not in line:
            continue
        curve["step"].append(line["step"])
        curve["seconds"].append(training["seconds"] * line["step"] / max(1, training["steps"]))
        curve["train"].append(line["unexplained_train"])
        for name in ("reconstruction", "kl", "unexplained"):
            if name in line["evaluation"]:
                curve.setdefault(name, []).append(line["evaluation"][name])
    return curve
