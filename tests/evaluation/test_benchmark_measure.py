"""Cells of a benchmark as they really are: trained on the digits, judged, measured, reported."""

from __future__ import annotations

import functools
import json
import math
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from tests import bundles
from tests.bundles import own_process, scratch  # noqa: F401  # a fixture: trainings change settings of the process
from tests.datasets.idx_files import write_set
from timbrespace.codecs.loading import load
from timbrespace.core.errors import DataError, Interrupted
from timbrespace.evaluation.benchmark import judge as judge_module
from timbrespace.evaluation.benchmark import measure as measure_module
from timbrespace.evaluation.benchmark.cells import EXAMPLES, MODEL, PICTURES, RESULT, Cell, make_cells, read_result
from timbrespace.evaluation.benchmark.columns import COSTS, MEASURES
from timbrespace.evaluation.benchmark.design import Grid
from timbrespace.evaluation.benchmark.grid import read_grid
from timbrespace.evaluation.benchmark.judge import judge_of
from timbrespace.evaluation.benchmark.measure import run_cell
from timbrespace.evaluation.benchmark.report import write_report
from timbrespace.evaluation.benchmark.results import Results
from timbrespace.evaluation.benchmark.runner import run_benchmark
from timbrespace.training import run as run_module

pytestmark = [
    pytest.mark.usefixtures("own_process"),
    pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning"),  # of submitit's debug executor
]

GRID = """
title = "Digits"
seeds = 1

[base]
recipe = "image-vae"
training = { steps = 8, batch_size = 64, evaluations = 2, precision = "32-true", checkpoint_minutes = 0.0 }
[base.model]
network = { kind = "Mlp", hidden = [24, 16] }
bottleneck = { latent_dim = 2 }

[[variant]]
name = "vae"
title = "A VAE with two latents"

[[variant]]
name = "wae"
title = "WAE-MMD, & a bounded prior"
without = ["training.weights.kl"]
settings.model.bottleneck = { kind = "Mmd", encoder = "gaussian", latent_dim = 3 }
settings.model.prior = { kind = "Uniform", low = -0.1, high = 0.1 }
settings.training.weights.mmd = { kind = "Constant" }

[[variant]]
name = "vq"
title = "Codes"
without = ["model.prior", "training.weights.kl", "model.network.hidden", "model.bottleneck.initial_log_var"]
settings.model.network = { kind = "Conv2d", channels = [4, 8], dense = "none" }
settings.model.bottleneck = { kind = "VectorQuantized", latent_dim = 4, codebook_size = 16 }
settings.training.weights.commitment = { kind = "Constant" }

[[variant]]
name = "ae"
title = "Plain"
without = ["model.prior", "training.weights.kl"]
settings.model.bottleneck = { kind = "Deterministic" }
"""

ALWAYS = {"reconstruction", "mse", "active_units", "reconstruction_accuracy", "frechet_reconstruction"}
WITH_PRIOR = {
    "frechet_prior", "sample_entropy", "sample_balance", "precision", "recall", "density", "coverage", "mmd_data",
    "sharpness", "mmd_prior", "sliced_wasserstein_prior",
}  # fmt: skip
KNOWN = {
    "vae": ALWAYS | WITH_PRIOR | {"kl", "elbo", "nll", "frechet_mixture"},
    "wae": ALWAYS | WITH_PRIOR | {"frechet_mixture"},
    "vq": ALWAYS | {"perplexity", "code_usage"},
    "ae": ALWAYS | {"frechet_mixture"},
}
"""Measures that each variant has; the others are not known of it."""


@functools.cache
def grid() -> Grid:
    file = scratch() / "digits.toml"
    file.write_text(GRID)
    return read_grid(file)


@functools.cache
def out() -> Path:
    """The folder of the whole benchmark, run once."""
    folder = scratch() / "benchmark"
    run_benchmark(grid(), ["digits"], out=folder, slurm="cluster=debug")  # cells are trained in this process
    return folder


def cell(variant: str, *, seed: int = 0) -> Cell:
    contents = Results.read(out()).contents
    cells = make_cells(grid(), {"digits": "digits"}, seeds=seed + 1, contents=contents)
    return next(c for c in cells if (c.variant, c.seed) == (variant, seed))


def begun(variant: str, to: Path, *, seed: int = 0) -> Path:
    """The folder of a cell in a benchmark of its own, whose judge is there already."""
    shutil.copytree(out() / "judges", to / "judges")
    cell(variant, seed=seed).begin(to)
    return cell(variant, seed=seed).folder(to)


def result(folder: Path) -> dict[str, Any]:
    found = read_result(folder)
    assert found is not None, f"{folder} holds no whole result"
    return found


def finished(variant: str) -> Path:
    return cell(variant).folder(out())


@pytest.mark.parametrize("variant", KNOWN)
def test_results_are_complete_and_finite(variant: str) -> None:
    found = result(finished(variant))
    assert (found["variant"], found["data"], found["seed"]) == (variant, "digits", 0)
    known = {name for name, value in found["measures"].items() if value is not None}
    assert known == KNOWN[variant]
    assert known <= MEASURES.keys()
    assert all(math.isfinite(found["measures"][name]) for name in known)
    assert found["cost"].keys() >= COSTS.keys() | {"energy", "threads", "precision"}
    assert (found["cost"]["steps"], found["cost"]["threads"], found["cost"]["precision"]) == (8, 1, "32-true")
    assert found["curve"]["step"] == [4, 8]
    assert all(len(values) == 2 for values in found["curve"].values())
    assert ("kl" in found["curve"]) == (variant == "vae")
    assert len(found["kl_per_dimension"]) == (2 if variant == "vae" else 0)
    assert found["judge_accuracy"] > 0.9


def test_measures_lie_where_they_can() -> None:
    for variant in KNOWN:
        found = result(finished(variant))["measures"]
        for share in ("reconstruction_accuracy", "precision", "recall", "coverage", "code_usage"):
            assert 0 <= found.get(share, 0) <= 1
        assert 0 < found["mse"] < 0.3
        assert found.get("sample_balance", 0) <= math.log(10) + 1e-6
        assert 1 - 1e-6 <= found.get("perplexity", 1) <= 16
    vae = result(finished("vae"))["measures"]
    assert vae["nll"] < vae["elbo"]
    assert vae["elbo"] == pytest.approx(vae["reconstruction"] + vae["kl"], rel=0.1), "its posteriors are narrow still"


def test_measures_are_those_of_the_stored_model() -> None:
    """Recomputed by hand from the bundle."""
    codec, found = load(finished("vae") / MODEL), result(finished("vae"))["measures"]
    from timbrespace.datasets.images import Images

    x = Images("digits").prepare().split("test").batch(range(359)).x
    with torch.no_grad():
        rebuilt = codec.rebuild_frames(x)
        level = codec.model.encode(x).levels[0]
    nats = torch.nn.functional.binary_cross_entropy(rebuilt, x, reduction="none").sum(dim=(1, 2, 3))
    kl = 0.5 * (level.mean.square() + level.log_var.exp() - 1 - level.log_var).sum(dim=(1, 2))
    stored = load_file(finished("vae") / EXAMPLES)
    np.testing.assert_allclose(stored["reconstruction"], nats.numpy(), rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(stored["kl"], kl.numpy(), rtol=1e-4, atol=1e-4)
    assert found["mse"] == pytest.approx(float((rebuilt - x).square().mean()), rel=1e-5)
    judge = judge_of("digits", out() / "judges" / "digits")
    right = judge.logits_of(judge.features_of(rebuilt)).argmax(1) == judge.labels
    assert found["reconstruction_accuracy"] == pytest.approx(float(right.float().mean()))


@pytest.mark.parametrize("variant", KNOWN)
def test_every_example_is_kept(variant: str) -> None:
    stored, found = load_file(finished(variant) / EXAMPLES), result(finished(variant))["measures"]
    expected = {name for name, column in MEASURES.items() if column.per_example} & KNOWN[variant]
    assert expected <= stored.keys()
    for name in expected:
        assert stored[name].dtype == np.float32
        assert stored[name].shape == (359,)
        assert float(stored[name].astype(float).mean()) == pytest.approx(found[name], rel=1e-4)


@pytest.mark.parametrize("variant", KNOWN)
def test_pictures_of_every_sort_are_kept(variant: str) -> None:
    stored = load_file(finished(variant) / PICTURES)
    latents = {"vae": 2, "wae": 3, "vq": 4 * 4, "ae": 2}[variant]
    shapes = {
        "originals": (16, 8, 8), "reconstructions": (16, 8, 8), "interpolations": (4, 9, 8, 8),
        "spherical_interpolations": (4, 9, 8, 8),
    }  # fmt: skip
    if variant != "vq":
        shapes |= {"mixture_samples": (64, 8, 8), "traversals": (min(latents, 8), 9, 8, 8)}
    if variant in ("vae", "wae"):
        shapes["prior_samples"] = (64, 8, 8)
    if latents == 2:
        shapes["manifold"] = (15, 15, 8, 8)
    tiles = {name: array.shape for name, array in stored.items() if array.dtype == np.uint8}
    assert tiles == shapes
    assert stored["latents_test"].shape == (359, latents)
    assert stored["labels_test"].shape == (359,)
    assert len(stored["latents_train"]) == len(stored["labels_train"]) == 1079
    assert set(np.unique(stored["labels_test"])) == set(range(10))
    codec = load(finished(variant) / MODEL)
    with torch.no_grad():
        z = torch.from_numpy(stored["latents_test"][:16]).unflatten(1, (codec.latent_dim, -1))
        rebuilt = (codec.decode_frames(z)[:, 0] * 255).round().byte().numpy()
    np.testing.assert_allclose(stored["reconstructions"].astype(int), rebuilt.astype(int), atol=1)
    np.testing.assert_allclose(stored["interpolations"][:, 0].astype(int), rebuilt[:8:2].astype(int), atol=1)
    np.testing.assert_allclose(stored["interpolations"][:, -1].astype(int), rebuilt[1:8:2].astype(int), atol=1)


def test_the_judge_is_trained_once_and_knows_the_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    out()

    def again(*given: object) -> None:
        raise AssertionError("the judge is there already")

    monkeypatch.setattr(judge_module, "_train", again)
    judge = judge_of("digits", out() / "judges" / "digits")
    assert judge.accuracy > 0.9
    assert judge.real.shape == (359, 1, 8, 8)
    assert judge.features.shape[0] == len(judge.labels) == 359
    assert 0 < float(judge.real.mean()) < 1
    assert len(judge.real.unique()) > 5, "grey, not binarised"
    assert not any(p.requires_grad for p in judge.classifier.parameters())


def test_who_comes_second_waits_for_the_judge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another process trains it one waits; what that one wrote is taken."""
    (source,) = (out() / "judges" / "digits").iterdir()
    folder = tmp_path / "judge" / source.name
    naps = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        for name in ("judge.safetensors", "judge.json"):
            shutil.copy(source / name, folder / name)

    def busy(*given: object, **named: Any) -> Any:
        raise judge_module.StorageError(named["sentence"])

    monkeypatch.setattr(judge_module, "exclusive", busy)
    monkeypatch.setattr(judge_module.time, "sleep", nap)
    assert judge_of("digits", folder.parent).accuracy > 0.9
    assert len(naps) == 1


def test_a_full_disk_ends_the_judges_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who trains the judge and cannot write it says so; it once waited for itself, and trained again for ever."""

    def full(*given: object) -> None:
        raise judge_module.StorageError("No space is left.")

    monkeypatch.setattr(judge_module, "_train", full)
    monkeypatch.setattr(judge_module.time, "sleep", lambda seconds: pytest.fail("nobody else is at work"))
    with pytest.raises(judge_module.StorageError, match="No space is left"):
        judge_of("digits", tmp_path)


def test_other_pictures_under_a_name_get_their_own_judge_and_cells(tmp_path: Path) -> None:
    """Two folders of one name, or one whose files were changed: no features of old pictures are used for new."""
    text = GRID.split("[[variant]]")[0] + "[base.data]\nvalidation = 4\n[[variant]]\nname = 'vae'\n"
    (tmp_path / "grid.toml").write_text(text)
    data, benchmark = tmp_path / "set", tmp_path / "benchmark"
    known = {}
    for test in (24, 30):  # far fewer pictures than the judge once kept back to validate
        write_set(data, test=test)
        found = run_benchmark(read_grid(tmp_path / "grid.toml"), [str(data)], out=benchmark, slurm="cluster=debug")
        (cell,) = found.cells()
        assert found.finished.keys() == {"set/vae/seed-0"}
        assert len(load_file(cell.folder(benchmark) / EXAMPLES)["mse"]) == test
        known[test] = cell.fingerprint
    assert known[24] != known[30]
    assert len(list((benchmark / "judges" / "set").glob("*/judge.json"))) == 2
    assert len(list((benchmark / "earlier" / "set").rglob(RESULT))) == 1


def test_same_seed_same_result_other_seed_another(tmp_path: Path) -> None:
    again, other = begun("vae", tmp_path / "again"), begun("vae", tmp_path / "other", seed=1)
    run_cell(cell("vae"), again)
    run_cell(cell("vae", seed=1), other)
    first, second, third = (result(f) for f in (finished("vae"), again, other))
    assert second["measures"] == first["measures"]
    assert second["curve"]["reconstruction"] == first["curve"]["reconstruction"]
    assert all((finished("vae") / name).read_bytes() == (again / name).read_bytes() for name in (EXAMPLES, PICTURES))
    assert third["seed"] == 1
    assert third["measures"]["nll"] != first["measures"]["nll"]


def test_killed_while_it_measured_it_does_not_train_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = begun("vq", tmp_path)
    shutil.copytree(finished("vq") / MODEL, folder / MODEL)
    (folder / EXAMPLES).write_bytes(b"half")

    def again(*given: object, **named: object) -> None:
        raise AssertionError("the model is there already")

    monkeypatch.setattr(measure_module, "train", again)
    monkeypatch.setattr(measure_module, "resume", again)
    run_cell(cell("vq"), folder)
    assert result(folder) == result(finished("vq"))


def test_stopped_while_it_trained_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = begun("wae", tmp_path)
    answers = iter([False, False, False, True])

    class Stop:
        def __enter__(self) -> Any:
            return lambda: next(answers)

        def __exit__(self, *error: object) -> None: ...

    with monkeypatch.context() as patch:
        patch.setattr(run_module, "stop_on_interrupt", Stop)
        with pytest.raises(Interrupted, match="Stopped and saved at step 3 of 8"):
            run_cell(cell("wae"), folder)
    assert not (folder / RESULT).exists()
    run_cell(cell("wae"), folder)
    assert result(folder)["measures"] == result(finished("wae"))["measures"]


def test_killed_before_anything_was_saved_it_begins_again(tmp_path: Path) -> None:
    folder = begun("ae", tmp_path)
    (folder / MODEL / "run").mkdir(parents=True)
    (folder / MODEL / "run" / ".new.partial-run").mkdir()
    run_cell(cell("ae"), folder)
    assert result(folder)["measures"] == result(finished("ae"))["measures"]


def test_models_of_sound_are_refused(tmp_path: Path) -> None:
    folder = begun("ae", tmp_path)
    bundles.copy_of_bundle(folder / MODEL)
    with pytest.raises(DataError, match="compares models of pictures, and digits gave a model of sound"):
        run_cell(cell("ae"), folder)


class _Page(HTMLParser):
    """Reads a page and keeps what is open and what is said."""

    VOID = frozenset({"meta", "br", "img", "input", "hr", "link", "path", "circle", "rect", "line", "col"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.sources: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        for name, value in attributes:
            if name in ("src", "href") and value:
                self.sources.append(value)
            if name == "id" and value:
                self.ids.append(value)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.VOID:
            return
        assert self.open, f"</{tag}> closes nothing"
        assert self.open[-1] == tag, f"</{tag}> closes <{self.open[-1]}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("style", "script"):
            self.words.append(data)


def test_the_report_opens_and_shows_every_variant(tmp_path: Path) -> None:
    write_report(out(), tmp_path / "report.html")
    page = _Page()
    page.feed((tmp_path / "report.html").read_text(encoding="utf-8"))
    page.close()
    assert page.open == [], "everything that opens is closed"
    words = " ".join(page.words)
    for variant in grid().variants:
        assert variant.title in words
    assert all(s.startswith(("data:", "#")) for s in page.sources), "one file, and no network"
    assert len(page.ids) == len(set(page.ids))
    for name in ("table", "findings", "curves", "reconstructions", "samples", "manifold", "maps"):
        assert name in page.ids
    assert " nan" not in words.lower()
    assert f"{result(finished('vae'))['measures']['nll']:.1f}" in words


def test_the_results_are_read_back() -> None:
    results = Results.read(out())
    assert results.failed == {}
    assert results.finished.keys() == {f"digits/{variant}/seed-0" for variant in KNOWN}
    for variant in KNOWN:
        values = results.values("nll", "digits", variant)
        assert bool(np.isfinite(values[0])) == ("nll" in KNOWN[variant])
    assert json.loads((out() / "benchmark.json").read_text())["data"] == {"digits": "digits"}
