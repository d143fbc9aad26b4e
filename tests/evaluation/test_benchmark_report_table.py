"""The table of a benchmark's report: its numbers are the inputs'."""

from __future__ import annotations

import re
import shutil

import numpy as np
import pytest
from scipy import stats

from tests.evaluation.report_pages import ALL, CHOSEN, DATA, of_measure, report, rows, section, values
from timbrespace.evaluation.benchmark.columns import COSTS
from timbrespace.evaluation.benchmark.report_table import decimals
from timbrespace.evaluation.benchmark.results import Results
from timbrespace.evaluation.benchmark.statistics import Interval
from timbrespace.evaluation.benchmark.tables import marks


def test_means_and_intervals_are_those_of_the_inputs(page, folder) -> None:
    tree, _ = page
    copying = {data: rows(tree, "Copying", data) for data in DATA}
    for data in DATA:
        for i, variant in enumerate(CHOSEN):
            found = np.array(values(folder, data, variant.name, "mse"))
            cell = copying[data][i]["MSE"]
            assert float(cell.attributes["data-v"]) == pytest.approx(found.mean(), rel=1e-6)
            half = stats.t.ppf(0.975, len(found) - 1) * found.std(ddof=1) / np.sqrt(len(found))
            mean, told = re.fullmatch(r"([\d.]+) ± ([\d.]+)", cell.text()).groups()
            step = 10.0 ** -len(mean.partition(".")[2])
            assert float(mean) == pytest.approx(found.mean(), abs=0.51 * step)
            assert float(told) == pytest.approx(half, abs=0.51 * step)


def test_a_measure_of_examples_has_the_interval_of_seeds_and_examples(page, folder) -> None:
    tree, _ = page
    results = Results.read(folder)
    cell = rows(tree, "Probability and order", "mnist")[0]["NLL"]
    told = float(re.search(r"± ([\d.]+)", cell.text())[1])
    interval = results.interval("nll", "mnist", CHOSEN[0].name)
    assert told == pytest.approx(interval.half, rel=0.05)
    assert interval.half > 2  # twenty nats between examples, of which there are a hundred


def test_measures_that_do_not_apply_are_said_so(page) -> None:
    tree, _ = page
    order = rows(tree, "Probability and order", "mnist")
    assert order[5]["NLL"].text() == "does not apply"
    assert "data-v" not in order[5]["NLL"].attributes
    assert order[0]["NLL"].text() != "does not apply"
    assert rows(tree, "Copying", "mnist")[0]["Perplexity"].text() == "does not apply"


def test_costs_have_units_and_joules_their_label(page, folder) -> None:
    tree, _ = page
    cost = rows(tree, "Cost", "fashion")
    for i, variant in enumerate(CHOSEN):
        for name, column in COSTS.items():
            mean = np.mean(values(folder, "fashion", variant.name, name, "cost"))
            assert float(cost[i][column.title].attributes["data-v"]) == pytest.approx(mean, rel=1e-6)
        assert cost[i]["Energy"].text().endswith("unvalidated")
        assert cost[i]["Parameters"].text() == f"{1_250_000 + ALL.index(variant):,}".replace(",", " ")
    heads = [h.text() for h in section(tree, "table").all("th", scope="col")]
    assert {"Energy J ↓", "CPU time s ↓", "NLL nats ↓", "Recall ↑", "KL nats"} <= set(heads)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({"a": [1.0, 1.1, 1.2], "b": [2.0, 2.1, 2.2], "c": [3.0, 3.1, 3.2]}, {"a": "best"}),
        ({"a": [1.0, 1.2, 1.1], "b": [1.1, 1.1, 1.2], "c": [3.0, 3.1, 3.2]}, {"a": "tied", "b": "tied"}),
        ({"a": [1.0, 1.9, 1.1], "b": [1.1, 1.1, 1.9], "c": [1.9, 1.2, 1.3]}, {}),
    ],
)
def test_the_best_is_marked_only_where_intervals_tell(tmp_path, table, expected) -> None:
    results = of_measure(tmp_path, table)
    assert marks(results, "mse", "mnist") == expected
    tree, _ = report(results.out)
    cells = rows(tree, "Copying", "mnist")
    for i, name in enumerate(table):
        told = cells[i]["MSE"].attributes["class"].split()
        assert [word for word in told if word != "n"] == ([expected[name]] if name in expected else [])


def test_where_higher_is_better_the_highest_is_marked(tmp_path) -> None:
    results = of_measure(tmp_path, {"a": [0.5, 0.51, 0.52], "b": [0.9, 0.91, 0.92]}, "recall")
    assert marks(results, "recall", "mnist") == {"b": "best"}
    assert marks(results, "kl", "mnist") == {}


def test_one_seed_has_no_interval_and_no_winner(tmp_path) -> None:
    results = of_measure(tmp_path, {"a": [1.0], "b": [9.0]})
    for name in ("a", "b"):
        for seed in (1, 2):
            shutil.rmtree(results.out / "cells" / "mnist" / name / f"seed-{seed}")
    tree, _ = report(results.out)
    cell = rows(tree, "Copying", "mnist")[0]
    assert cell["MSE"].text() == "1.00 one seed"
    assert cell["MSE"].attributes["class"].split() == ["n"]
    assert "1 of 3 seeds" in cell["model"].text()


def test_decimals_follow_the_width() -> None:
    assert [decimals(Interval(m, m - w, m + w, 0.0, 3)) for m, w in ((97.3, 0.12), (97.3, 40), (0.012, 1e-4))] == [
        2,
        0,
        5,
    ]
    assert decimals(Interval(97.3, -np.inf, np.inf, 1.0, 1)) == 1
    assert decimals(Interval(0.5, 0.5, 0.5, 0.0, 3)) <= 5
