from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.datasets.idx_files import write_set
from tests.evaluation import benchmark_fakes as fakes
from timbrespace.evaluation.benchmark.cells import Cell
from timbrespace.evaluation.benchmark.expectations import Claim, put_on_record
from timbrespace.evaluation.benchmark.findings import correlations, effects, judge
from timbrespace.evaluation.benchmark.report import write_report
from timbrespace.evaluation.benchmark.results import Results
from timbrespace.evaluation.benchmark.runner import run_benchmark
from timbrespace.evaluation.benchmark.statistics import Interval, holm
from timbrespace.evaluation.benchmark.tables import best, csv_text, escape, latex_text, rounded, write_tables

pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # of submitit's debug executor


def claims(*lines: str) -> str:
    keys = ("about", "variant", "direction", "against", "factor")
    text = ""
    for line in lines:
        fields = dict(zip(keys, line.split(), strict=False))
        factor = fields.pop("factor", None)
        text += "\n[[expectation]]\nreason = 'so'\n" + "".join(f"{k} = '{v}'\n" for k, v in fields.items())
        text += f"factor = {factor}\n" if factor else ""
    return text


def run(folder: Path, text: str = "", *, seeds: int = 4) -> Results:
    data = write_set(folder / "pictures")
    return run_benchmark(
        fakes.grid(folder, text), [str(data)], out=folder / "out", seeds=seeds, train_cell=fakes.quick,
        slurm="cluster=debug",
    )  # fmt: skip


def test_expectations_beside_what_happened(tmp_path: Path) -> None:
    results = run(
        tmp_path,
        claims(
            "nll vae-8 lower vae-4",  # lower by 2
            "nll ae-8 higher ae-4",  # it is lower by 6
            "nll ae-8 same vae-4 1.1",  # 97 and 100
            "nll ae-8 same vae-4 1.01",
            "mmd_prior ae-4 higher vae-4 4",  # 5 times
            "mmd_prior ae-4 higher vae-4 6",
            "mmd_prior vae-8 lower vae-4",  # the same but for noise
            "coverage vae-8 higher vae-4",  # was not measured
        ),
    )
    judged = judge(results)
    assert [j.verdict for j in judged] == [
        "held", "did not hold", "held", "did not hold", "held", "did not hold", "not decided", "not decided",
    ]  # fmt: skip
    first = judged[0]
    assert first.data == "pictures"
    assert first.difference.mean == pytest.approx(-2, abs=0.1)
    assert first.variant.mean == pytest.approx(first.against.mean - 2, abs=0.1)
    assert first.variant.half > 1  # what seeds share cancels in the difference alone
    assert first.difference.half < 0.1
    assert first.expectation.before_the_run
    assert all(j.adjusted_p < 0.05 for j in judged if j.verdict != "not decided")


def test_many_claims_need_more_than_one(tmp_path: Path) -> None:
    """A claim that would be decided alone is not among others: its factor leaves a third more than its own error."""
    results = run(tmp_path, claims("mmd_prior vae-8 lower vae-4", "mmd_prior ae-8 lower ae-4"), seeds=3)
    difference = results.difference("nll", "pictures", "vae-8", "vae-4")
    base = results.interval("nll", "pictures", "vae-4").mean
    close = Claim("nll", "vae-8", "vae-4", "lower", "so", 1.0 + (difference.mean + 1.3 * difference.half) / base)
    put_on_record(results.out, [close], {}, finished_cells=0)
    judged = judge(results)
    assert [j.adjusted_p for j in judged] == pytest.approx(holm([j.difference.p_value for j in judged]))
    (found,) = (j for j in judged if j.expectation.claim == close)
    assert found.difference.sign == -1
    assert found.difference.p_value < 0.05 < found.adjusted_p
    assert found.verdict == "not decided"


def test_a_claim_of_sameness_is_broken_by_the_side_that_is(tmp_path: Path) -> None:
    """The p-value of a claim that did not hold is that of the bound it broke, however surely it keeps the other."""
    results = run(tmp_path, claims("nll ae-4 same vae-4 1.03"))  # three above a hundred, the factor within its error
    difference = results.difference("nll", "pictures", "ae-4", "vae-4", factor=1.0)
    claim = Claim("nll", "ae-4", "vae-4", "same", "so", 1.0 + (difference.mean - 2 * difference.half) / 100)
    upper = results.difference("nll", "pictures", "ae-4", "vae-4", factor=claim.factor)
    lower = results.difference("nll", "pictures", "ae-4", "vae-4", factor=1 / claim.factor)
    assert upper.sign > 0
    assert lower.p_value < upper.p_value
    put_on_record(results.out, [claim], {}, finished_cells=0)
    broken = next(j for j in judge(results) if j.expectation.claim == claim)
    assert broken.verdict == "did not hold"
    assert broken.adjusted_p >= upper.p_value


def test_a_claim_about_a_variant_that_is_gone_counts_still(tmp_path: Path) -> None:
    run(tmp_path, claims("nll vae-8 lower vae-4", "nll ae-8 lower ae-4"))
    text = fakes.AXES.replace('{ name = "8", settings.model.bottleneck.latent_dim = 8 },', "")
    grid = fakes.grid(tmp_path, claims("nll vae-4 lower ae-4"), base=fakes.BASE + text)
    data = str(tmp_path / "pictures")
    results = run_benchmark(
        grid, [data], out=tmp_path / "out", seeds=4, train_cell=fakes.quick, slurm="cluster=debug"
    )  # fmt: skip
    judged = judge(results)
    assert [(j.expectation.claim.variant, j.verdict, j.expectation.withdrawn) for j in judged] == [
        ("vae-8", "not decided", True), ("ae-8", "not decided", True), ("vae-4", "held", False),
    ]  # fmt: skip
    assert [j.difference.p_value for j in judged[:2]] == [1.0, 1.0]
    assert not judged[2].expectation.before_the_run
    page = tmp_path / "page.html"
    write_report(results.out, page)
    assert page.read_text().count("no longer in the grid") == 2


def test_effects_by_family(tmp_path: Path) -> None:
    results = run(tmp_path)
    nll, prior = effects(results, ["nll", "mmd_prior"])
    assert (nll.axis, nll.start, nll.end, nll.families, nll.pairs) == ("latents", "4", "8", ("vae", "ae"), 1)
    assert nll.first.mean == pytest.approx(-2, abs=0.1)
    assert nll.second.mean == pytest.approx(-6, abs=0.1)
    assert nll.difference.mean == pytest.approx(4, abs=0.1)
    assert nll.where == "both"
    assert nll.sentence() == "latents 8 instead of 4 lowers nll in vae and in ae, more in ae"
    assert prior.where == "neither decided"
    assert prior.sentence() == "latents 8 instead of 4: no effect on mmd_prior is decided in vae or ae"
    assert effects(results, ["coverage"]) == []
    one = replace(nll, first=Interval(0.1, -1, 1, 0.9, 4), adjusted_p=(0.9, 0.001, 0.001))
    assert one.where == "stronger"
    assert one.sentence() == "latents 8 instead of 4 lowers nll in ae, more than in vae, where none is decided"
    unsure = replace(one, difference=Interval(4, -1, 9, 0.2, 4), adjusted_p=(0.9, 0.001, 0.2))
    assert unsure.where == "neither decided"
    assert unsure.sentence() == "latents 8 instead of 4 lowers nll in ae; in vae it is not decided"
    other = replace(nll, first=Interval(2, 1, 3, 0.001, 4))
    assert other.where == "opposite"
    assert other.sentence() == "latents 8 instead of 4 raises nll in vae and lowers it in ae"
    corrected = replace(nll, adjusted_p=(0.2, 0.2, 0.2))  # intervals alone are not enough among many
    assert corrected.where == "neither decided"
    without = replace(results, grid=replace(results.grid, families=None))
    assert effects(without) == []


def test_a_variant_beside_the_product_takes_nobodys_place(tmp_path: Path) -> None:
    """One that is like a member of the product, but for something no axis names, once stood in for it."""
    plain = run(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    beside = "[[variant]]\nname = 'odd'\nlike = 'vae-8'\nsettings.model.network.hidden = [16]\n"
    (more,), (alone,) = effects(run(other, beside), ["nll"]), effects(plain, ["nll"])
    assert (more.first, more.second, more.pairs) == (alone.first, alone.second, alone.pairs)


def test_correlations_across_variants(tmp_path: Path) -> None:
    more = "[[variant]]\nname = 'vae-{n}'\nlike = 'vae-4'\nsettings.model.bottleneck.latent_dim = {n}\n"
    results = run(tmp_path, "".join(more.format(n=n) for n in (5, 6, 7)))
    perfect, other = correlations(results, [("nll", "frechet_prior"), ("nll", "coverage")])
    assert perfect.value.mean == pytest.approx(1.0)
    assert perfect.value.n == 7
    assert perfect.supported
    assert not other.supported
    assert correlations(results, [("nll", "frechet_prior")]) == [replace(perfect, adjusted_p=perfect.value.p_value)]


def test_the_csv_holds_every_interval(tmp_path: Path) -> None:
    results = run(tmp_path)
    rows = list(csv.DictReader(csv_text(results).splitlines()))
    assert [r["variant"] for r in rows] == ["vae-4", "vae-8", "ae-4", "ae-8"]
    interval = results.interval("nll", "pictures", "vae-8")
    assert float(rows[1]["nll"]) == pytest.approx(interval.mean, rel=1e-8)
    assert float(rows[1]["nll_low"]) == pytest.approx(interval.low, rel=1e-8)
    assert float(rows[1]["nll_high"]) == pytest.approx(interval.high, rel=1e-8)
    assert rows[1]["nll_seeds"] == "4"
    assert "coverage" not in rows[0]
    assert "joules" not in rows[0]


def test_the_best_is_bold_only_where_it_is_decided(tmp_path: Path) -> None:
    results = run(tmp_path)
    assert best(results, "nll", "pictures") == "ae-8"
    assert best(results, "mmd_prior", "pictures") is None  # two variants are as good
    assert best(results, "kl", "pictures") is None
    assert best(results, "parameters", "pictures") is None  # all the same
    text = latex_text(results, "pictures", ["nll", "mmd_prior"])
    lines = text.splitlines()
    assert lines[1] == r"\begin{tabular}{lrr}"
    assert lines[3] == r"A \& B & NLL (nats) $\downarrow$ & MMD\textsuperscript{2} to prior $\downarrow$ \\"
    assert [r"\mathbf" in line for line in lines[5:9]] == [False, False, False, True]
    assert lines[8].startswith(r"Auto\_encoder, 8 & $\mathbf{")
    assert r" \pm " in lines[5]
    assert lines[-2:] == [r"\bottomrule", r"\end{tabular}"]


def test_tables_are_written_beside_the_results(tmp_path: Path) -> None:
    results = run(tmp_path, seeds=1)
    files = write_tables(results)
    assert [f.name for f in files] == ["table.csv", "table-pictures.tex"]
    assert files[0].read_text() == csv_text(results)
    assert r"\pm" not in files[1].read_text().split("\\midrule")[1]  # one seed has no interval


@pytest.mark.parametrize(
    ("mean", "half", "expected"),
    [
        (89.4731, 0.1219, ("89.47", "0.12")),
        (0.031234, 0.00021, ("0.03123", "0.00021")),
        (1234.5, 56.0, ("1234", "56")),
        (1234.5, 3000.0, ("1234", "3000")),
        (1e-9, 2e-10, ("1e-09", "2e-10")),
        (5.0, 0.0, ("5", "0")),
        (3.14159, np.inf, ("3.142", "")),
    ],
)  # fmt: skip
def test_digits_follow_the_interval(mean: float, half: float, expected: tuple[str, str]) -> None:
    assert rounded(Interval(mean, mean - half, mean + half, 0.0, 3)) == expected
    assert rounded(Interval(np.nan, -np.inf, np.inf, 1.0, 0)) == ("", "")


def test_latex_is_escaped() -> None:
    assert escape("a_b & 50% $x$ #1 {y} ~ ^ \\ β²") == (
        r"a\_b \& 50\% \$x\$ \#1 \{y\} \textasciitilde{} \textasciicircum{} \textbackslash{} β\textsuperscript{2}"
    )


def test_examples_of_different_sets_are_not_paired(tmp_path: Path) -> None:
    results = run(tmp_path, seeds=2)
    cell: Cell = results.cells()[0]
    fakes.write_result(
        cell, cell.folder(results.out), {"nll": 99.0}, {"nll": np.full(7, 99.0, np.float32)}
    )  # fmt: skip
    again = Results.read(results.out)
    assert again.examples("nll", "pictures", "vae-4") is None
    assert again.interval("nll", "pictures", "vae-4").n == 2
    assert again.difference("nll", "pictures", "vae-8", "vae-4").n == 2
