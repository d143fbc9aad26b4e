"""A whole training on pictures, of every sort of auto-encoder, and everything that may stand in its way."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from benchmarks.kills import finish, start, weights_hash

import timbrespace
from tests.datasets.idx_files import write_set
from tests.picture_bundles import SORTS, TINY, bundle, copy_of_bundle, train
from timbrespace.codecs.bundle import Bundle
from timbrespace.codecs.frames import FrameCodec
from timbrespace.core.errors import BundleError, DataError, Interrupted, ParameterError, TimbrespaceError, TrainingError
from timbrespace.datasets.base import Split
from timbrespace.datasets.images import Images
from timbrespace.training import frame_workshop
from timbrespace.training import run as run_module
from timbrespace.training.checkpoints import Checkpoints
from timbrespace.training.frame_assess import likelihood, split_figures
from timbrespace.training.frame_evaluation import FrameEvaluator
from timbrespace.training.run import resume


class _Stop:
    """In the place of the watch for Ctrl-C: it was pressed during a certain step."""

    def __init__(self, after: int) -> None:
        self.answers = iter([*[False] * after, True])

    def __enter__(self) -> Any:
        return lambda: next(self.answers)

    def __exit__(self, *error: object) -> None: ...


def stopped(out: Path, sort: str, monkeypatch: pytest.MonkeyPatch, *, after: int = 4) -> Path:
    """A training that was stopped after some of its six steps."""
    with monkeypatch.context() as patch:
        patch.setattr(run_module, "stop_on_interrupt", lambda: _Stop(after))
        with pytest.raises(
            Interrupted, match=rf"Stopped and saved at step {after} of 6; go on with: timbrespace resum"
        ):
            train(out, sort)
    return out


def digits(split: str = "test", *, binarise: str = "dynamic") -> Split:
    return Images("digits", binarise=binarise).prepare().split(split)  # type: ignore[arg-type]  # one of the names


def metrics(sort: str = "vae") -> dict[str, Any]:
    return dict(json.loads((bundle(sort) / "metrics.json").read_text()))


@pytest.mark.parametrize("sort", SORTS)
def test_the_bundle_is_complete(sort: str) -> None:
    names = {p.name for p in bundle(sort).iterdir()}
    assert names == {
        "config.json", "weights.safetensors", "latent.safetensors", "recipe.json", "metrics.json", "card.md", "run"
    }  # fmt: skip
    assert {"checkpoints", "metrics.jsonl", "run.json", "tensorboard"} <= {
        p.name for p in (bundle(sort) / "run").iterdir()
    }
    assert not [p for p in bundle(sort).rglob("*") if ".partial-" in p.name]
    recipe = json.loads((bundle(sort) / "recipe.json").read_text())
    assert recipe["size"] == [1, 8, 8]
    assert recipe["training"]["steps"] == 6
    assert recipe["data"]["splits"]["train"]["images"] == 1079
    assert recipe["recipe"]["image-vae"]["data"] == {"kind": "Images", "binarise": "dynamic"}


@pytest.mark.parametrize("sort", SORTS)
def test_metrics_have_their_fields(sort: str) -> None:
    found = metrics(sort)
    test = found["test"]
    latents = 4 if sort == "vq" else 3
    assert test["pictures"] == 359
    assert 0 < test["mse"] < 0.3
    assert 0 < test["reconstruction_nats"] < 64 * math.log(2) + 1
    assert 0 <= test["active_units"] <= latents
    assert len(found["latent_variances"]) == latents
    assert found["curve"]["step"] == [3, 6]
    assert all(map(math.isfinite, (*found["curve"]["train"], *found["curve"]["validation"])))
    unseen = found["validation"]
    assert unseen["score_nats"] == pytest.approx(found["curve"]["validation"][-1], rel=1e-4)
    assert ("kl_nats" in unseen) == (sort == "vae")
    assert 0 < unseen["share"] < 1.5
    bounds = {"minus_elbo_nats", "nll_nats", "nll_standard_error", "nll_samples", "nll_pictures"}
    if sort == "vae":
        assert test["nll_nats"] < test["minus_elbo_nats"], "many samples bound tighter than one"
        assert test["nll_samples"], test["nll_pictures"] == (100, 359)
        assert len(found["kl_per_dimension_nats"]) == 3
        assert "importance samples" in (bundle(sort) / "card.md").read_text()
    else:
        assert not bounds & test.keys(), "no likelihood of data is claimed where there is none"
        assert found["kl_per_dimension_nats"] == []
    card = (bundle(sort) / "card.md").read_text()
    assert f"{test['reconstruction_nats']:.2f} nats" in card
    assert "1,079 pictures of 8 x 8" in card


BOUND = {"reconstruction": 1.0, "kl": 1.0}
"""The weights of the evidence lower bound."""


def test_the_figures_are_those_of_the_stored_model() -> None:
    codec = timbrespace.load(bundle())
    found = split_figures(codec.model, digits())
    assert float(found.reconstruction.mean()) == pytest.approx(metrics()["test"]["reconstruction_nats"], rel=1e-5)
    x = digits().batch(range(359)).x
    with torch.no_grad():
        rebuilt = codec.rebuild_frames(x)
    torch.testing.assert_close(found.mse, (rebuilt - x).square().mean(dim=(1, 2, 3)))
    nats = torch.nn.functional.binary_cross_entropy(rebuilt, x, reduction="none").sum(dim=(1, 2, 3))
    torch.testing.assert_close(found.reconstruction, nats, rtol=1e-4, atol=1e-3)
    bound = likelihood(codec.model, digits(), examples=1000, samples=100, seed=0)
    assert bound is not None
    assert bound[0].mean == pytest.approx(metrics()["test"]["nll_nats"], rel=1e-5)
    evaluation = FrameEvaluator(digits("train"), digits("validation"), weights=BOUND)(codec.model)
    assert evaluation.score == pytest.approx(metrics()["curve"]["validation"][-1], rel=1e-4)
    assert evaluation.score == pytest.approx(evaluation.figures["reconstruction"] + evaluation.figures["kl"])


def test_the_best_checkpoint_is_the_best_by_what_is_minimised() -> None:
    model = timbrespace.load(bundle()).model
    found = {
        beta: FrameEvaluator(digits("train"), digits("validation"), weights=BOUND | {"kl": beta})(model)
        for beta in (0.0, 4.0)
    }
    figures = found[0.0].figures
    assert found[0.0].score == pytest.approx(figures["reconstruction"])
    assert found[4.0].score == pytest.approx(figures["reconstruction"] + 4 * figures["kl"])
    assert found[0.0].decisive
    assert found[4.0].decisive


def test_what_a_score_cannot_see_leaves_the_last_checkpoint(tmp_path: Path) -> None:
    """The discrepancy from the prior is a batch's: a lower score then is no better model, and the last one is kept."""
    codec = train(tmp_path / "model", "wae")
    assert codec.bundle is not None
    training = codec.bundle.table("recipe.json")["training"]
    assert training["best_step"] in (None, training["steps"])
    evaluator = FrameEvaluator(digits("train"), digits("validation"), weights=BOUND | {"mmd": 100.0})
    assert not evaluator(codec.model).decisive


def test_what_is_minimised_but_not_told_leaves_the_last_checkpoint() -> None:
    """A weight of a term that the model's figures lack: the score does not hold it, so it decides nothing."""
    model = timbrespace.load(bundle("wae")).model
    assert not FrameEvaluator(digits("train"), digits("validation"), weights=BOUND)(model).decisive


def test_the_divergence_on_a_sphere_is_in_the_score(tmp_path: Path) -> None:
    spherical = ('model.bottleneck={kind="PowerSpherical",latent_dim=3}', 'model.prior={kind="Sphere"}')
    codec = train(tmp_path / "model", "vae", *spherical)
    model, batch = codec.model, digits("validation").batch(range(359))
    evaluation = FrameEvaluator(digits("train"), digits("validation"), weights=BOUND)(model)
    with torch.no_grad():
        terms = model.losses(batch, "model", step=0, generator=torch.Generator())
    assert evaluation.decisive
    assert evaluation.figures["kl"] == pytest.approx(float(terms["kl"]), rel=1e-4)
    assert evaluation.score == pytest.approx(evaluation.figures["reconstruction"] + evaluation.figures["kl"])
    assert codec.bundle is not None
    assert len(codec.bundle.table("metrics.json")["kl_per_dimension_nats"]) == 1


def test_the_divergence_of_a_map_is_that_of_all_its_steps(tmp_path: Path) -> None:
    network = ('model.network={kind="Conv2d",channels=[4,8]}', "model.network.dense=none")
    model = train(tmp_path / "model", "vae", *network).model
    batch = digits("validation").batch(range(359))
    evaluation = FrameEvaluator(digits("train"), digits("validation"), weights=BOUND)(model)
    with torch.no_grad():
        terms = model.losses(batch, "model", step=0, generator=torch.Generator())
    assert evaluation.figures["kl"] == pytest.approx(float(terms["kl"]), rel=1e-4)
    found = split_figures(model, digits("validation")).kl_per_dimension
    assert found is not None
    assert float(found.sum(1).mean()) == pytest.approx(float(terms["kl"]), rel=1e-4)


def test_codes_that_collapsed_end_in_a_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer different codes than a mixture has components: it gets fewer, or there is none; nothing is thrown away."""
    encode = FrameCodec.encode_frames
    for name, kinds in (("three", 3), ("one", 1)):

        def collapsed(codec: FrameCodec, frames: torch.Tensor, kinds: int = kinds) -> torch.Tensor:
            z = encode(codec, frames)
            return (torch.arange(len(z)) % kinds).float()[:, None, None].expand_as(z).clone()

        with monkeypatch.context() as patch:
            patch.setattr(FrameCodec, "encode_frames", collapsed)
            codec = train(tmp_path / name)
        stored = timbrespace.load(tmp_path / name).latent
        assert stored["vectors"].unique(dim=0).shape == (kinds, 3)
        assert ("mixture.weights" in stored) == (kinds > 1)
        if kinds > 1:
            assert stored["mixture.weights"].shape == (kinds,)
        else:
            with pytest.raises(ParameterError):
                codec.sample(2, generator=torch.Generator(), source="mixture")


def test_an_infinite_bound_is_no_figure(tmp_path: Path) -> None:
    """Codes drawn outside a bounded prior have no density there: nothing is claimed, and nothing breaks."""
    drawn = 'model.bottleneck={kind="Mmd",latent_dim=3,encoder="gaussian"}'
    codec = train(tmp_path / "model", "wae", drawn, 'model.prior={kind="Uniform",low=-0.1,high=0.1}')
    assert codec.bundle is not None
    assert "minus_elbo_nats" not in codec.bundle.table("metrics.json")["test"]


def test_the_diary_can_be_read() -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    lines = [json.loads(text) for text in (bundle() / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "reconstruction" in line] == [0]
    assert [line["step"] for line in lines if "evaluation" in line] == [3, 6]
    board = EventAccumulator(str(bundle() / "run" / "tensorboard")).Reload()
    tags = board.Tags()
    assert {"loss/reconstruction", "loss/kl"} <= set(tags["scalars"])
    assert {"KL per dimension", "unseen pictures", "latents"} <= set(tags["images"])
    assert not tags["audio"]


def test_what_is_learned_goes_into_the_bundle() -> None:
    codec = timbrespace.load(bundle())
    train_split = digits("train")
    batch = train_split.batch(range(len(train_split)))
    torch.testing.assert_close(codec.latent["vectors"], codec.encode_frames(batch.x)[..., 0])
    assert torch.equal(codec.latent["labels.class"], batch.labels["class"])
    maps = timbrespace.load(bundle("vq")).latent
    assert maps["vectors"].shape[1:] == (4, 4)
    assert "mixture.weights" not in maps


def test_training_beats_the_average_picture(tmp_path: Path) -> None:
    codec = train(tmp_path / "model", "vae", "training.steps=150", "training.learning_rate=1e-2")
    average = digits("train").batch(range(1079)).x.mean(0, keepdim=True).clamp(1e-3, 1 - 1e-3)
    x = digits().batch(range(359)).x
    nats = torch.nn.functional.binary_cross_entropy(average.expand_as(x), x, reduction="none").sum(dim=(1, 2, 3)).mean()
    assert codec.bundle is not None
    found = codec.bundle.table("metrics.json")["test"]
    assert found["minus_elbo_nats"] < 0.97 * float(nats)
    assert found["nll_nats"] < found["minus_elbo_nats"]


def test_same_seed_same_weights_other_seed_others(tmp_path: Path) -> None:
    train(tmp_path / "same")
    train(tmp_path / "other", seed=1)
    assert weights_hash(tmp_path / "same") == weights_hash(bundle())
    assert weights_hash(tmp_path / "other") != weights_hash(bundle())


@pytest.mark.parametrize("sort", ["vae", "vq", "gan"])
def test_resuming_ends_as_if_never_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sort: str) -> None:
    model = stopped(tmp_path / "model", sort, monkeypatch)
    with pytest.raises(BundleError, match="holds a training that has not finished; finish it with: timbrespace resume"):
        timbrespace.load(model)
    resume(model)
    assert weights_hash(model) == weights_hash(bundle(sort))
    ours, theirs = (json.loads((m / "metrics.json").read_text()) for m in (model, bundle(sort)))
    assert ours["test"] == theirs["test"]
    assert ours["curve"] == theirs["curve"]
    diaries = [(m / "run" / "metrics.jsonl").read_text().splitlines() for m in (model, bundle(sort))]
    assert [json.loads(t)["step"] for t in diaries[0]] == [json.loads(t)["step"] for t in diaries[1]] == [0, 3, 6]


def test_a_checkpoint_holds_codebook_averages_and_every_optimiser(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, codes = Checkpoints(stopped(tmp_path / "vq", "vq", monkeypatch) / "run" / "checkpoints").latest()
    assert {"model.bottleneck.codebook", "model.bottleneck.sums", "model.bottleneck.shares"} <= codes.keys()
    assert int(codes["model.bottleneck.steps"]) == 4
    assert torch.equal(codes["model.bottleneck.codebook"], codes["averaged.bottleneck.codebook"])
    _, game = Checkpoints(stopped(tmp_path / "gan", "gan", monkeypatch) / "run" / "checkpoints").latest()
    for player in ("model", "critic"):
        assert float(game[f"optimiser.{player}.0.step"]) == 4, f"the {player} has an optimiser of its own"
        assert game[f"optimiser.{player}.0.exp_avg"].any()


def test_killed_and_resumed(tmp_path: Path) -> None:
    """Killed without a word between two steps, a training of codes ends as if nothing had happened."""
    log, model = tmp_path / "log", tmp_path / "model"
    settings = [*TINY, *SORTS["vq"], "training.steps=40"]
    tokens = ["image-vae", "--data", "digits", *(t for s in settings for t in ("--set", s))]
    assert finish(start(["train", *tokens, "--out", str(tmp_path / "whole")], log)) == 0, log.read_text()
    process = start(["train", *tokens, "--out", str(model)], log)
    manifest = model / "run" / "checkpoints" / "manifest.json"
    deadline = time.monotonic() + 60
    while not (manifest.is_file() and json.loads(manifest.read_text())["checkpoints"][-1]["step"] >= 3):
        assert process.is_alive(), log.read_text()
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.kill()
    process.join()
    assert not (model / "config.json").exists()
    assert finish(start(["resume", str(model)], log)) == 0, log.read_text()
    assert weights_hash(model) == weights_hash(tmp_path / "whole")


def test_ctrl_c_saves_and_says_how_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real signal at the first step."""
    right = run_module.Trainer.step

    def interrupted(trainer: Any) -> Any:
        if trainer.state.counters.step == 1:
            os.kill(os.getpid(), signal.SIGINT)
        return right(trainer)

    monkeypatch.setattr(run_module.Trainer, "step", interrupted)
    with pytest.raises(Interrupted, match="Stopped and saved at step 2 of 6; go on with: timbrespace resume"):
        train(tmp_path / "model")
    monkeypatch.undo()
    resume(tmp_path / "model")
    assert weights_hash(tmp_path / "model") == weights_hash(bundle())


def test_ctrl_c_at_an_odd_moment_says_how_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*given: object, **named: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(frame_workshop, "assess_frames", interrupted)
        with pytest.raises(Interrupted, match="Stopped, the last checkpoint is kept; go on with: timbrespace resume"):
            train(tmp_path / "model")
    assert not (tmp_path / "model" / "config.json").exists()
    resume(tmp_path / "model")
    assert weights_hash(tmp_path / "model") == weights_hash(bundle())


@pytest.mark.parametrize(
    ("settings", "options", "steps"),
    [
        (["training.steps=2"], {}, [2]),
        (["training.steps=none", "training.epochs=0.1"], {}, [4]),
        ([], {"epochs": 0.2}, [7]),
        (["training.steps=0"], {}, []),
    ],
)
def test_budgets_are_exact(tmp_path: Path, settings: list[str], options: dict[str, Any], steps: list[int]) -> None:
    train(tmp_path / "model", "vae", *settings, "training.evaluations=1", **options)
    table = Bundle.open(tmp_path / "model")
    assert table.table("metrics.json")["curve"]["step"] == steps
    assert table.table("recipe.json")["training"]["steps"] == sum(steps)


def test_minutes_become_steps(tmp_path: Path) -> None:
    began = time.monotonic()
    train(tmp_path / "model", minutes=0.02)
    plan = json.loads((tmp_path / "model" / "run" / "run.json").read_text())
    assert plan["total_steps"] > 6
    assert plan["total_steps"] * plan["seconds_per_step"] < 1.2
    assert time.monotonic() - began < 60


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (['model.prior={kind="Uniform"}'], "A Gaussian bottleneck cannot have the prior Uniform: the KL divergence"),
        (["model.prior=none"], "A Gaussian bottleneck needs a prior"),
        (['model.bottleneck={kind="VectorQuantized"}'], "A VectorQuantized bottleneck takes no prior, not Normal"),
        (
            ['model.bottleneck={kind="Mmd"}', 'model.prior={kind="VampPrior"}'],
            "A Mmd bottleneck with a deterministic encoder cannot have the prior VampPrior",
        ),
        (['model.network={kind="Conv2d",channels=[4,8,16,32]}'], "8 x 8 do not divide by 16"),
        (['model.network={kind="TemporalConv"}'], "A TemporalConv network cannot be 'centred'"),
        (['model.likelihood={kind="Bernouli"}'], "There is no Likelihood 'Bernouli'.*Did you mean 'Bernoulli'"),
        (["model.bottleneck.kind=Mmd"], "Mmd has no argument 'initial_log_var'"),
        (['model.bottleneck={kind="Mmd"}'], "The loss term 'mmd' has no weight; add \\[training.weights.mmd\\]"),
        (
            ["training.weights.mmd.kind=Constant"],
            "The model has no loss term 'mmd', so that its weight would do nothing; take \\[training.weights.mmd",
        ),
        (
            [*SORTS["gan"], 'training.weights={reconstruction={kind="Constant"},adversarial={kind="Constant"}}'],
            "The loss term 'critic' has no weight; add \\[training.weights.critic\\]",
        ),
        (["data.binarise=static"], "'binarise' expects one of 'dynamic', 'none'"),
        (["data.validation=-1"], "'validation' is -1, outside its range"),
        (["data.limit=5000"], "limit=5000 is more than the 1,079 training images"),
        (["transform.kind=LogMel"], "LogMel needs 'sample_rate'"),
    ],
    ids=lambda value: value[-1][:40] if isinstance(value, list) else "",
)
def test_what_makes_no_sense_is_one_sentence_and_leaves_nothing(
    tmp_path: Path, settings: list[str], sentence: str
) -> None:
    with pytest.raises(TimbrespaceError, match=sentence) as refused:
        train(tmp_path / "model", "vae", *settings)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "model").exists()


def test_pictures_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="There is no folder .*nowhere"):
        train(tmp_path / "model", data=tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no train-images-idx3-ubyte"):
        train(tmp_path / "model", data=tmp_path / "empty")
    with pytest.raises((DataError, ParameterError), match=r"\."):
        timbrespace.train("temporal-vae", "digits", out=tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_a_folder_of_pictures_and_changed_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = write_set(tmp_path / "data", train=60, test=20)
    with monkeypatch.context() as patch:
        patch.setattr(run_module, "stop_on_interrupt", lambda: _Stop(2))
        with pytest.raises(Interrupted):
            train(tmp_path / "model", "vae", "data.validation=10", data=data)
    shutil.rmtree(data)
    write_set(data, train=61, test=20)
    with pytest.raises(TrainingError, match="have changed since this training began; restore them, or add --force"):
        resume(tmp_path / "model")
    codec = resume(tmp_path / "model", force=True)
    assert codec.size == (1, 6, 5)


def test_two_pictures_are_enough(tmp_path: Path) -> None:
    """A set hardly worth the name: no validation, fewer examples than a batch has, fewer than a mixture's parts."""
    data = write_set(tmp_path / "data", train=2, test=2)
    codec = train(tmp_path / "model", "vae", "data.validation=0", data=data)
    assert np.isfinite(json.loads((tmp_path / "model" / "metrics.json").read_text())["test"]["nll_nats"])
    assert codec.latent["vectors"].shape == (2, 3)


def test_damaged_checkpoints_fall_back_to_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = stopped(tmp_path / "model", "gan", monkeypatch)
    checkpoints = Checkpoints(model / "run" / "checkpoints")
    newest = checkpoints.folder / checkpoints.entries()[-1].file
    newest.write_bytes(newest.read_bytes()[:-9])
    with pytest.warns(UserWarning, match="Trying the one before it"):
        resume(model)
    assert weights_hash(model) == weights_hash(bundle("gan"))


def test_resuming_a_finished_training_returns_the_model(tmp_path: Path) -> None:
    model = copy_of_bundle(tmp_path / "model")
    shutil.rmtree(model / "run")
    x = digits().batch(range(5)).x
    assert torch.equal(resume(model).encode_frames(x), timbrespace.load(bundle()).encode_frames(x))
