"""A whole training, from a folder of sounds to a bundle, and everything that may stand in its way."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

import timbrespace
from tests.bundles import bundle, copy_of_bundle, sounds, train, weights_hash
from timbrespace.codecs.bundle import Bundle
from timbrespace.core.errors import BundleError, DataError, Interrupted, StorageError, TrainingError
from timbrespace.core.files import exclusive
from timbrespace.datasets.folder import SoundFolder
from timbrespace.training import run as run_module
from timbrespace.training import sound_workshop
from timbrespace.training.assess import RUN_STEPS, summarise_latents
from timbrespace.training.checkpoints import Checkpoints
from timbrespace.training.run import resume


def noise(seed: int, n: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.3, 0.3, (n, 2)).astype(np.float32)


@pytest.fixture
def half_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A training that was stopped after two steps."""
    steps = iter([False, False, True])
    monkeypatch.setattr(run_module, "stop_on_interrupt", lambda: _Stop(lambda: next(steps)))
    with pytest.raises(Interrupted, match=r"Stopped and saved at step 2 of 6; go on with: timbrespace resume"):
        train(tmp_path / "model")
    monkeypatch.undo()
    monkeypatch.setenv("TIMBRESPACE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "model"


class _Stop:
    def __init__(self, asked: Any) -> None:
        self.asked = asked

    def __enter__(self) -> Any:
        return self.asked

    def __exit__(self, *error: object) -> None: ...


def test_the_bundle_is_complete() -> None:
    names = {p.name for p in bundle().iterdir()}
    assert {"config.json", "weights.safetensors", "latent.safetensors", "recipe.json", "metrics.json"} <= names
    assert {"card.md", "preview", "run"} <= names
    assert {"checkpoints", "metrics.jsonl", "run.json", "tensorboard"} <= {p.name for p in (bundle() / "run").iterdir()}
    wavs = sorted((bundle() / "preview").glob("*.wav"))
    assert {w.stem.rpartition("-")[2] for w in wavs} == {"original", "rebuilt"}
    assert (bundle() / "preview" / "rebuilt.png").read_bytes().startswith(b"\x89PNG")
    assert not [p for p in bundle().rglob("*") if ".partial-" in p.name]


def test_metrics_have_their_fields() -> None:
    metrics = json.loads((bundle() / "metrics.json").read_text())
    assert len(metrics["latent_variances"]) == len(metrics["kl_per_dimension_nats"]) == 4
    for split in ("validation", "test"):
        table = metrics[split]
        assert 0 < table["share"] < 1
        assert 0 < table["baseline_share"] < 1
        assert table["ratio"] == pytest.approx(table["share"] / table["baseline_share"])
        assert 0 <= table["better_on"] <= 1
        assert table["spectral_convergence"]["resynth_db"] < 3
        assert table["spectral_convergence"]["transform_alone_db"] < 0
    assert metrics["curve"]["step"] == [6]
    assert isinstance(metrics["advice"], str)
    recipe = json.loads((bundle() / "recipe.json").read_text())
    assert recipe["training"]["steps"] == 6
    assert recipe["training"]["threads"] == 1
    assert recipe["data"]["files"] == 14
    assert recipe["recipe"]["temporal-vae"]["model"]["bottleneck"]["latent_dim"] == 4


def test_the_diary_can_be_read() -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    lines = [json.loads(text) for text in (bundle() / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "reconstruction" in line] == [0]
    assert [line["step"] for line in lines if "evaluation" in line] == [6]
    board = EventAccumulator(str(bundle() / "run" / "tensorboard")).Reload()
    tags = board.Tags()
    assert {"loss/reconstruction", "loss/kl", "unexplained/validation"} <= set(tags["scalars"])
    assert {"KL per dimension", "unseen sounds", "latents"} <= set(tags["images"])
    assert board.Scalars("unexplained/validation")[0].value == pytest.approx(
        json.loads((bundle() / "metrics.json").read_text())["curve"]["validation"][0], rel=1e-5
    )
    assert {tag.rpartition("/")[2] for tag in tags["audio"]} == {"original", "rebuilt"}
    assert board.Audio(tags["audio"][0])[0].encoded_audio_string.startswith(b"RIFF")


def test_latent_summary_fits_the_latents() -> None:
    latent = timbrespace.load(bundle()).latent
    vectors = latent["vectors"].double()
    torch.testing.assert_close(latent["mean"].double(), vectors.mean(0), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(latent["covariance"].double(), torch.cov(vectors.T), rtol=1e-2, atol=1e-3)
    metric = latent["metric"].double()
    assert (torch.linalg.eigvalsh(metric) > 0).all(), "every latent of this model is heard"
    assert latent["descriptors"].shape == latent["described"].shape == (len(vectors), 7)


def test_long_corpora_keep_runs_that_can_be_played() -> None:
    codec = timbrespace.load(bundle())
    split = SoundFolder(path=str(sounds()), sample_rate=codec.sample_rate).prepare().split("train")
    whole = summarise_latents(codec, split)
    part = summarise_latents(codec, split, limit=len(whole.vectors) // 2)
    assert RUN_STEPS <= len(part.vectors) <= len(whole.vectors) // 2 + RUN_STEPS
    for begin in range(0, len(part.vectors), RUN_STEPS):
        run = part.vectors[begin : begin + RUN_STEPS]
        first = int((whole.vectors == run[0]).all(1).nonzero()[0, 0])
        assert torch.equal(run, whole.vectors[first : first + len(run)])
        assert torch.equal(part.source[begin : begin + RUN_STEPS], whole.source[first : first + len(run)])


def test_same_seed_same_weights_other_seed_others(tmp_path: Path) -> None:
    train(tmp_path / "same")
    train(tmp_path / "other", seed=1)
    assert weights_hash(tmp_path / "same") == weights_hash(bundle())
    assert weights_hash(tmp_path / "other") != weights_hash(bundle())


def test_occupied_folders_are_refused_and_force_replaces(tmp_path: Path) -> None:
    model = copy_of_bundle(tmp_path / "model")
    with pytest.raises(StorageError, match="holds a trained model already; choose another --out or add --force"):
        train(model)
    (model / "preview" / "old.txt").write_text("old")
    (model / "notes.txt").write_text("mine")
    train(model, "training.steps=0", force=True)
    assert not (model / "preview" / "old.txt").exists()
    assert (model / "notes.txt").read_text() == "mine"
    assert weights_hash(model) != weights_hash(bundle())
    assert json.loads((model / "metrics.json").read_text())["advice"].startswith("Too few")


@pytest.mark.parametrize("force", [False, True])
def test_a_folder_of_something_else_is_never_touched(tmp_path: Path, force: bool) -> None:
    (tmp_path / "project" / "run").mkdir(parents=True)
    for name in ("config.json", "run/results.csv", "thesis.tex"):
        (tmp_path / "project" / name).write_text("precious")
    before = sorted(str(p) for p in tmp_path.rglob("*"))
    with pytest.raises(StorageError, match="holds something else than a model; choose a new folder for --out"):
        train(tmp_path / "project", force=force)
    assert sorted(str(p) for p in tmp_path.rglob("*")) == before
    assert (tmp_path / "project" / "config.json").read_text() == "precious"


def test_out_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match="is a file; --out names the folder of a model"):
        train(tmp_path / "file", force=True)


def test_two_trainers_on_one_folder(tmp_path: Path) -> None:
    with (
        exclusive(tmp_path / "model" / "run" / "lock", sentence="unused"),
        pytest.raises(StorageError, match="Another training is at work in .*; wait for it or choose another --out"),
    ):
        train(tmp_path / "model")
    train(tmp_path / "model", "training.steps=0")


def test_resuming_a_finished_training_returns_the_model(tmp_path: Path) -> None:
    model = copy_of_bundle(tmp_path / "model")
    shutil.rmtree(model / "run")
    wave = torch.randn(1, 1, 9_000, generator=torch.Generator().manual_seed(0))
    assert torch.equal(resume(model).encode(wave), timbrespace.load(bundle()).encode(wave))


def test_resuming_ends_as_if_never_stopped(half_done: Path) -> None:
    with pytest.raises(BundleError, match="holds a training that has not finished; finish it with: timbrespace resume"):
        timbrespace.load(half_done)
    with pytest.raises(StorageError, match="holds a training that has not finished; go on with 'timbrespace resume"):
        train(half_done)
    resume(half_done)
    assert weights_hash(half_done) == weights_hash(bundle())
    steps = [json.loads(t)["step"] for t in (half_done / "run" / "metrics.jsonl").read_text().splitlines()]
    assert steps == [0, 6], "nothing is written twice"


def test_changed_sounds_are_refused(half_done: Path, tmp_path: Path) -> None:
    shutil.copytree(sounds(), tmp_path / "sounds")
    soundfile.write(tmp_path / "sounds" / "new.wav", noise(0, 30_000), 22_050)
    plan = half_done / "run" / "run.json"
    plan.write_text(plan.read_text().replace(str(sounds()), str(tmp_path / "sounds")))
    with pytest.raises(TrainingError, match="have changed since this training began; restore them, or add --force"):
        resume(half_done)
    assert resume(half_done, force=True).bundle is not None


def test_damaged_runs_are_explained(half_done: Path) -> None:
    plan = half_done / "run" / "run.json"
    text = plan.read_text()
    for wrong, sentence in (
        (text.replace('"width": 16', '"width": 24'), "does not fit the plan .* one of them was edited"),
        (text.replace('"seed": 0', '"seed": "zero"'), "run.json is damaged"),
        (text[:100], "run.json is damaged"),
        (text.replace('"device": "cpu"', '"device": "cuda"'), "this torch finds none; train with --device cpu"),
    ):
        if "cuda" in wrong and torch.cuda.is_available():
            continue
        plan.write_text(wrong)
        with pytest.raises(TrainingError, match=sentence):
            resume(half_done)
    plan.unlink()
    with pytest.raises(TrainingError, match="holds no training to resume; start one with"):
        resume(half_done)
    with pytest.raises(BundleError, match=r"is not a trained model: it has no config.json"):
        timbrespace.load(half_done)


def test_a_damaged_checkpoint_falls_back_to_the_one_before(half_done: Path) -> None:
    checkpoints = Checkpoints(half_done / "run" / "checkpoints")
    newest = checkpoints.folder / checkpoints.entries()[-1].file
    newest.write_bytes(newest.read_bytes()[:-9])
    with pytest.warns(UserWarning, match="Trying the one before it"):
        resume(half_done)
    assert weights_hash(half_done) == weights_hash(bundle())


def test_ctrl_c_at_an_odd_moment_says_how_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*given: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sound_workshop, "assess", interrupted)
    with pytest.raises(Interrupted, match="Stopped, the last checkpoint is kept; go on with: timbrespace resume"):
        train(tmp_path / "model")
    monkeypatch.undo()
    assert not (tmp_path / "model" / "config.json").exists()
    resume(tmp_path / "model")
    assert weights_hash(tmp_path / "model") == weights_hash(bundle())


def test_failing_before_the_first_checkpoint_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*given: object, **named: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run_module, "write_json", full)
    with pytest.raises(StorageError, match="The disk is full"):
        train(tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_bad_files_are_skipped_and_listed_and_stereo_works(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for i in range(6):
        soundfile.write(data / f"{'abc'[i // 2]}oo{i}.wav", noise(i, 20_000), 22_050)
    poisoned = noise(9, 20_000)
    poisoned[7_000] = math.nan
    soundfile.write(data / "poisoned.wav", poisoned, 22_050, subtype="FLOAT")
    soundfile.write(data / "silent.wav", 0 * poisoned[:6_000], 22_050)
    soundfile.write(data / "cut.flac", noise(3, 40_000), 22_050)
    (data / "cut.flac").write_bytes((data / "cut.flac").read_bytes()[:9_000])
    (data / "readme.txt").write_text("not a sound")
    train(tmp_path / "model", "data.channels=2", data=data)
    bundle = Bundle.open(tmp_path / "model")
    listed = " ".join(bundle.table("recipe.json")["data"]["skipped"])
    assert "poisoned.wav" in listed
    assert "not numbers" in listed
    assert "silent.wav: it is silent" in listed
    assert "cut.flac" in listed
    assert bundle.table("recipe.json")["data"]["not_sound"] == {".txt": 1}
    codec = timbrespace.load(tmp_path / "model")
    assert codec.channels == 2
    assert codec.decode(codec.encode(torch.zeros(1, 2, 5_000)), length=5_000).shape == (1, 2, 5_000)


def test_a_long_silence_does_not_spoil_the_figures(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    sound = noise(0, 120_000)[:, 0]
    sound[80_000:] = 0  # one file is split by time, so validation and test hear nothing
    soundfile.write(data / "one.wav", sound, 22_050)
    train(tmp_path / "model", data=data)
    metrics = json.loads((tmp_path / "model" / "metrics.json").read_text())
    assert metrics["test"]["spectral_convergence"] == {}
    assert "none of them learned from" in (tmp_path / "model" / "card.md").read_text()


def test_names_that_are_long_or_not_unique(tmp_path: Path) -> None:
    for i, folder in enumerate(("a", "b", "c", "d")):
        (tmp_path / "data" / folder).mkdir(parents=True)
        name = "x" * 240 if i < 2 else "same"
        soundfile.write(tmp_path / "data" / folder / f"{name}.wav", noise(i, 20_000)[:, 0], 22_050)
    train(tmp_path / "model", "data.validation=0.3", "data.test=0.4", data=tmp_path / "data")
    wavs = list((tmp_path / "model" / "preview").glob("*-original.wav"))
    assert len(wavs) == json.loads((tmp_path / "model" / "metrics.json").read_text())["test"]["sounds"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"minutes": 1.0, "epochs": 1.0}, "Give either --minutes or --epochs, not both"),
        ({"minutes": 0.0}, "--minutes is 0; give a number above 0"),
        ({"minutes": -3.0}, "--minutes is -3; give a number above 0"),
        ({"minutes": math.nan}, "--minutes is nan; give a number above 0"),
        ({"epochs": math.inf}, "--epochs is inf; give a number above 0"),
    ],
)
def test_budgets_that_are_none(tmp_path: Path, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(TrainingError, match=sentence):
        train(tmp_path / "model", **options)
    assert not (tmp_path / "model").exists()


def test_data_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist; check its name"):
        train(tmp_path / "model", data=tmp_path / "nowhere")
    assert not (tmp_path / "model").exists()


def test_strays_of_a_crash_are_swept(half_done: Path) -> None:
    (half_done / "preview").mkdir()
    strays = [
        half_done / n for n in (".weights.partial-0.safetensors", "run/.a.partial-1.json", "preview/.b.partial-2.wav")
    ]
    for stray in strays:
        stray.write_bytes(b"half")
    resume(half_done)
    assert not [s for s in strays if s.exists()]
