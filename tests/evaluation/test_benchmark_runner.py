from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from tests.datasets.idx_files import write_set
from tests.evaluation import benchmark_fakes as fakes
from timbrespace.core.errors import DataError, Interrupted, ParameterError, RecipeError, StorageError, TrainingError
from timbrespace.core.files import exclusive
from timbrespace.evaluation.benchmark import execution
from timbrespace.evaluation.benchmark.cells import FAILED, RESULT, data_sources, make_cells
from timbrespace.evaluation.benchmark.execution import LOG
from timbrespace.evaluation.benchmark.results import BENCHMARK, Results
from timbrespace.evaluation.benchmark.runner import run_benchmark

pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # of submitit's debug executor
HERE = "cluster=debug"
"""Cells as submitit's jobs within this process: most of these tests are not about processes."""

CLAIM = """
[[expectation]]
about = "nll"
variant = "vae-8"
against = "vae-4"
direction = "lower"
reason = "More room."
"""


class Told(list[str]):
    """What a benchmark tells while it runs."""

    def __call__(self, done: int, total: int, what: str) -> None:
        self.append(f"{done} of {total}: {what}")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_set(tmp_path / "My pictures")


def test_all_cells_once_and_one_thread_each(tmp_path: Path, data: Path) -> None:
    told, out = Told(), tmp_path / "out"
    grid = fakes.grid(tmp_path)
    before = os.environ.get("MKL_NUM_THREADS")
    results = run_benchmark(
        grid, [str(data)], out=out, seeds=2, workers=2, train_cell=fakes.noted, progress=told
    )  # fmt: skip
    assert os.environ.get("MKL_NUM_THREADS") == before
    calls = [line.split() for line in (out / "calls.log").read_text().splitlines()]
    assert len(calls) == len({key for key, *_ in calls}) == 8 == len(results.finished)
    assert len({pid for _, pid, _ in calls}) <= 2
    assert str(os.getpid()) not in {pid for _, pid, _ in calls}
    assert {threads for *_, threads in calls} == {"1"}
    firsts = [key.endswith("seed-0") for key, *_ in calls]
    assert all(firsts[:3])  # two workers may finish in another order at the border
    assert told[-1].startswith("8 of 8: my-pictures/")
    assert "left" in told[0]
    assert "left" not in told[-1]
    assert (out / "cells" / "my-pictures" / "vae-4" / "seed-0" / RESULT).is_file()
    again = run_benchmark(grid, [str(data)], out=out, seeds=2, train_cell=fakes.noted, slurm=HERE)
    assert again.finished.keys() == results.finished.keys()
    assert len((out / "calls.log").read_text().splitlines()) == 8
    run_benchmark(grid, [str(data)], out=out, seeds=3, train_cell=fakes.noted, slurm=HERE)
    assert len((out / "calls.log").read_text().splitlines()) == 12


def test_every_variant_has_its_first_seed_before_any_has_its_second(tmp_path: Path) -> None:
    cells = make_cells(fakes.grid(tmp_path), {"a": "a", "b": "b"}, seeds=3)
    assert [c.seed for c in cells] == [0] * 8 + [1] * 8 + [2] * 8
    assert len({c.fingerprint for c in cells}) == 24


def test_results_are_read_back(tmp_path: Path, data: Path) -> None:
    out = tmp_path / "out"
    grid = fakes.grid(tmp_path, CLAIM)
    made = run_benchmark(grid, [str(data)], out=out, train_cell=fakes.quick, slurm=HERE)
    read = Results.read(out)
    assert read == made
    assert read.grid == grid
    assert read.data == ("my-pictures",)
    nll = read.values("nll", "my-pictures", "vae-4")
    assert nll.shape == (3,)
    assert np.isfinite(nll).all()
    assert np.isnan(read.values("perplexity", "my-pictures", "vae-4")).all()
    assert np.isnan(read.values("coverage", "my-pictures", "vae-4")).all()
    assert read.values("parameters", "my-pictures", "vae-4").tolist() == [1000.0] * 3
    examples = read.examples("nll", "my-pictures", "vae-4")
    assert examples is not None
    assert examples.shape == (3, fakes.N_EXAMPLES)
    assert np.allclose(examples.mean(1), nll, atol=1e-4)
    assert read.examples("mmd_prior", "my-pictures", "vae-4") is None
    assert read.examples("mse", "my-pictures", "vae-4") is None
    shutil.rmtree(out / "cells" / "my-pictures" / "vae-4" / "seed-1")
    less = Results.read(out)
    assert np.isnan(less.values("nll", "my-pictures", "vae-4")).tolist() == [False, True, False]
    assert less.interval("nll", "my-pictures", "vae-4").n == 2
    assert less.difference("nll", "my-pictures", "vae-8", "vae-4").n == 2


def test_a_result_that_is_not_whole_is_made_again(tmp_path: Path, data: Path) -> None:
    out, grid = tmp_path / "out", fakes.grid(tmp_path)
    run_benchmark(grid, [str(data)], out=out, seeds=1, train_cell=fakes.noted, slurm=HERE)
    (out / "calls.log").unlink()
    cells = out / "cells" / "my-pictures"
    whole = (cells / "vae-4" / "seed-0" / RESULT).read_text()
    (cells / "vae-4" / "seed-0" / RESULT).write_text(whole[:40])
    (cells / "vae-8" / "seed-0" / RESULT).write_text(whole.replace("100", "NaN", 1))
    (cells / "ae-4" / "seed-0" / RESULT).write_text("[]")
    run_benchmark(grid, [str(data)], out=out, seeds=1, train_cell=fakes.noted, slurm=HERE)
    assert (cells / "vae-4" / "seed-0" / RESULT).read_text() == whole
    assert len((out / "calls.log").read_text().splitlines()) == 3


def test_cells_of_a_changed_grid_are_done_again_and_the_old_kept(tmp_path: Path, data: Path) -> None:
    out, told = tmp_path / "out", Told()
    first = fakes.grid(tmp_path)
    run_benchmark(first, [str(data)], out=out, seeds=1, train_cell=fakes.noted, slurm=HERE)
    second = fakes.grid(tmp_path, base=fakes.BASE + fakes.AXES.replace("latent_dim = 8", "latent_dim = 12"))
    results = run_benchmark(second, [str(data)], out=out, seeds=1, train_cell=fakes.noted, slurm=HERE, progress=told)
    assert told[0].startswith(
        "2 of 4: 2 cells are done again, since their recipes or data changed (my-pictures/vae-8/seed-0, my-pi"
    )
    assert len(results.finished) == 4
    assert len((out / "calls.log").read_text().splitlines()) == 6
    told.clear()
    run_benchmark(first, [str(data)], out=out, seeds=1, train_cell=fakes.noted, slurm=HERE, progress=told)
    assert len((out / "calls.log").read_text().splitlines()) == 6  # they came back
    assert told == ["2 of 4: 2 cells are done again, since their recipes or data changed (my-pictures/vae-8/seed-0, my-pictures/ae-8/seed-0); the old are in earlier/"]  # fmt: skip  # noqa: E501
    assert Results.read(out).grid == first


def test_expectations_changed_later_are_told(tmp_path: Path, data: Path) -> None:
    out, told = tmp_path / "out", Told()
    run_benchmark(fakes.grid(tmp_path, CLAIM), [str(data)], out=out, seeds=1, train_cell=fakes.quick, slurm=HERE)
    changed = fakes.grid(tmp_path, CLAIM.replace("lower", "higher"))
    run_benchmark(changed, [str(data)], out=out, seeds=1, train_cell=fakes.quick, slurm=HERE, progress=told)
    assert told == ["4 of 4: the expectations changed with 4 cells finished; both are kept with their dates"]


def test_crashes_and_mistakes_do_not_stop_the_others(tmp_path: Path, data: Path) -> None:
    out, told = tmp_path / "out", Told()
    results = run_benchmark(
        fakes.grid(tmp_path), [str(data)], out=out, seeds=1, workers=2, train_cell=fakes.dies_once, progress=told
    )
    cells = out / "cells" / "my-pictures"
    assert list(results.finished) == ["my-pictures/vae-4/seed-0"]
    reasons = {key.split("/")[1]: reason for key, reason in results.failed.items()}
    assert reasons == {
        "vae-8": "The process that trained it ended by itself (signal SIGKILL, often for want of memory).",
        "ae-4": "The latents are of the wrong kind.",
        "ae-8": "The loss is not a number.",
    }
    assert (cells / "ae-4" / "seed-0" / "attempts").read_text() == "x"  # a second attempt could end no better
    attempts = {v: json.loads((cells / v / "seed-0" / FAILED).read_text())["attempts"] for v in reasons}
    assert attempts == {"vae-8": 2, "ae-4": 1, "ae-8": 2}
    assert "TrainingError" in json.loads((cells / "ae-8" / "seed-0" / FAILED).read_text())["details"]
    assert (cells / "ae-8" / "seed-0" / LOG).read_text() == "a word to the log\n" * 2
    assert any("vae-4/seed-0 failed, it is tried once more" in line for line in told)
    again = run_benchmark(fakes.grid(tmp_path), [str(data)], out=out, seeds=1, slurm=HERE, train_cell=fakes.quick)
    assert len(again.finished) == 4
    assert not again.failed
    assert not (cells / "ae-4" / "seed-0" / FAILED).exists()


def test_cells_that_leave_no_result_are_failures(tmp_path: Path, data: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(TrainingError, match="No cell could be finished; the first says: It ended without a whole res"):
        run_benchmark(fakes.grid(tmp_path), [str(data)], out=out, seeds=1, slurm=HERE, train_cell=fakes.forgets)
    assert (out / "cells" / "my-pictures" / "ae-4" / "seed-0" / "attempts").read_text() == "xx"


def test_two_benchmarks_do_not_share_a_folder(tmp_path: Path, data: Path) -> None:
    out = tmp_path / "out"
    with (
        exclusive(out / ".lock", sentence="taken"),
        pytest.raises(StorageError, match=f"Another benchmark is at work in {out}; wait"),
    ):
        run_benchmark(fakes.grid(tmp_path), [str(data)], out=out, train_cell=fakes.quick)


def test_what_is_refused_before_anything_runs(tmp_path: Path, data: Path) -> None:
    grid, out = fakes.grid(tmp_path), tmp_path / "out"
    for names, error, match in (
        (["mnst"], DataError, "There is no data set or folder 'mnst'. Did you mean 'mnist'"),
        ([], DataError, "No data set was given"),
        ([str(data), str(data)], DataError, "'my-pictures' was given twice"),
    ):
        with pytest.raises(error, match=match):
            run_benchmark(grid, names, out=out, train_cell=fakes.quick)
    with pytest.raises(DataError, match="A data set without a name was given"):
        run_benchmark(grid, [""], out=out, train_cell=fakes.quick)
    with pytest.raises(ParameterError, match="workers is 0; give 1 process or more"):
        run_benchmark(grid, [str(data)], out=out, workers=0, train_cell=fakes.quick)
    odd = fakes.grid(tmp_path, "[[variant]]\nname = 'odd'\nsettings.model.bottleneck.kind = 'Odd'\n")
    with pytest.raises(RecipeError, match="variant 'odd' on my-pictures cannot be built"):
        run_benchmark(odd, [str(data)], out=out, train_cell=fakes.quick)
    assert not out.exists()
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="file is a file"):
        run_benchmark(grid, [str(data)], out=tmp_path / "file", train_cell=fakes.quick)
    with pytest.raises(StorageError, match="holds something else than a benchmark"):
        run_benchmark(grid, [str(data)], out=data, train_cell=fakes.quick)
    with pytest.raises(StorageError, match="holds no benchmark"):
        Results.read(out)
    (out / BENCHMARK).parent.mkdir()
    (out / BENCHMARK).write_text("{}")
    with pytest.raises(StorageError, match="is damaged"):
        Results.read(out)


def test_named_data_go_by_their_names() -> None:
    assert data_sources(["mnist", "digits"]) == {"mnist": "mnist", "digits": "digits"}


def test_an_interrupt_saves_and_the_same_call_goes_on(tmp_path: Path, data: Path) -> None:
    out, grid = tmp_path / "out", fakes.grid(tmp_path)

    def press() -> None:
        while len(list(out.glob("cells/*/*/*/working"))) < 2:
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press, daemon=True).start()
    with pytest.raises(Interrupted, match="Stopped and saved with 0 of 4 cells finished; the same command goes on"):
        run_benchmark(grid, [str(data)], out=out, seeds=1, workers=2, train_cell=fakes.saves_when_asked)
    assert len(list(out.glob("cells/*/*/*/saved"))) == 2
    assert multiprocessing.active_children() == []
    assert len(run_benchmark(grid, [str(data)], out=out, seeds=1, slurm=HERE, train_cell=fakes.quick).finished) == 4


def test_workers_that_cannot_start_are_one_sentence(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signal to the whole group ends the server that workers come from as well."""

    def gone(train_cell: object) -> None:
        raise EOFError

    monkeypatch.setattr(execution, "_Worker", gone)
    grid, options = fakes.grid(tmp_path), {"out": tmp_path / "out", "train_cell": fakes.quick}
    with pytest.raises(TrainingError, match="No worker process could be started .EOFError.; the same command goes on"):
        run_benchmark(grid, [str(data)], **options)
    with pytest.raises(Interrupted, match="Stopped while the workers were starting; the same command goes on"):
        list(execution.run_locally([(make_cells(grid, {"a": "a"}, seeds=1)[0], tmp_path)], fakes.quick, workers=1,
                                   stop_requested=lambda: True))  # fmt: skip


def test_claims_changed_after_results_were_laid_aside_are_hindsight(tmp_path: Path, data: Path) -> None:
    out, told = tmp_path / "out", Told()
    run_benchmark(fakes.grid(tmp_path), [str(data)], out=out, seeds=1, train_cell=fakes.quick, slurm=HERE)
    all_changed = fakes.BASE + fakes.AXES.replace("latent_dim = 8", "latent_dim = 12").replace("= 4 }", "= 5 }")
    later = fakes.grid(tmp_path, CLAIM, base=all_changed)
    shutil.rmtree(out / "cells")
    (out / "earlier" / "my-pictures" / "vae-4" / "seed-0" / "abc").mkdir(parents=True)
    (out / "earlier" / "my-pictures" / "vae-4" / "seed-0" / "abc" / RESULT).touch()
    run_benchmark(later, [str(data)], out=out, seeds=1, train_cell=fakes.quick, slurm=HERE, progress=told)
    assert told[0].endswith("the expectations changed with 1 cells finished; both are kept with their dates")


def _run_slowly(folder: Path) -> None:
    sys.stderr = (folder / "errors").open("w")
    run_benchmark(
        fakes.grid(folder), [str(folder / "My pictures")], out=folder / "out", seeds=2, workers=2, train_cell=fakes.slow
    )


@pytest.mark.slow
def test_killed_with_its_workers_it_continues(tmp_path: Path, data: Path) -> None:
    out = tmp_path / "out"
    process = multiprocessing.get_context("forkserver").Process(target=_run_slowly, args=(tmp_path,))
    process.start()
    deadline = time.monotonic() + 60
    while len(list(out.glob("cells/*/*/seed-1/working-*"))) < 2:
        assert process.is_alive()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.kill()
    process.join()
    deadline = time.monotonic() + 20
    pids = {int(p.name.split("-")[1]) for p in out.glob("cells/*/*/*/working-*")}
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    done = len(list(out.glob("cells/*/*/*/result.json")))
    assert done == 4
    told = Told()
    grid = fakes.grid(tmp_path)
    results = run_benchmark(
        grid, [str(data)], out=out, seeds=2, slurm=HERE, train_cell=fakes.quick, progress=told
    )  # fmt: skip
    assert len(results.finished) == 8
    assert len(told) == 8 - done


@pytest.mark.slow
def test_jobs_through_submitit(tmp_path: Path, data: Path) -> None:
    out = tmp_path / "out"
    grid = fakes.grid(tmp_path, '[[skip]]\nlatents = "8"\n[[skip]]\nfamily = "ae"\n')
    results = run_benchmark(
        grid, [str(data)], out=out, seeds=1, train_cell=fakes.quick, slurm="cluster=local,partition=x,timeout_min=5"
    )  # fmt: skip
    assert len(results.finished) == 1
    assert list((out / "slurm").iterdir())


def test_slurm_options_that_make_no_sense(tmp_path: Path, data: Path) -> None:
    grid = fakes.grid(tmp_path)
    for options, match in (
        ("partition", "expects name=value"),
        ("cluster=moon", "--slurm cluster=moon: "),
        ("cluster=debug,timeout_min=soon", "--slurm "),
    ):
        with pytest.raises(ParameterError, match=match):
            run_benchmark(grid, [str(data)], out=tmp_path / "out", train_cell=fakes.quick, slurm=options)
    assert not (tmp_path / "out").exists(), "nothing is on record"


def test_without_submitit_the_extra_is_named(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(ParameterError, match=r"pip install 'timbrespace\[sweep\]'"):
        run_benchmark(fakes.grid(tmp_path), [str(data)], out=tmp_path / "out", train_cell=fakes.quick, slurm="mem_gb=2")
