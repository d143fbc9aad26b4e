"""The report of a benchmark: everything is on it, its numbers are the inputs', and what is missing is said."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from itertools import pairwise

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tests.evaluation import fake_benchmark as fake
from tests.evaluation.report_pages import CHOSEN, DATA, SECTIONS, SIDE, of_measure, report, rows, section
from timbrespace.core.errors import StorageError
from timbrespace.evaluation.benchmark.columns import COSTS, MEASURES
from timbrespace.evaluation.benchmark.expectations import Claim
from timbrespace.evaluation.benchmark.findings import Effect
from timbrespace.evaluation.benchmark.report import write_report
from timbrespace.evaluation.benchmark.report_choice import candidates, chosen
from timbrespace.evaluation.benchmark.report_findings import decided, scope, sentence, supported
from timbrespace.evaluation.benchmark.report_style import SCRIPT
from timbrespace.evaluation.benchmark.report_words import data_title
from timbrespace.evaluation.benchmark.results import Results
from timbrespace.evaluation.benchmark.statistics import Interval
from timbrespace.evaluation.benchmark.variants import Variant


def test_every_variant_data_set_and_measure_appears(page) -> None:
    tree, _ = page
    assert [s.attributes["id"] for s in tree.all("section")] == list(SECTIONS)
    for identity in ("curves", "samples", "traversals", "interpolations", "maps", "kl"):
        of_data = list(section(tree, identity).all("div", **{"class": "columns"}))
        assert of_data
        for columns in of_data:
            for i, data in enumerate(DATA):
                column = columns.one("div", **{"class": f"d{i}"})
                assert column.one("h3").text() == data_title(data)
                titles = [c.one("h4").text() for c in column.all("article")]
                assert titles == [f"{v + 1} {x.title}" for v, x in enumerate(CHOSEN)]
    heads = {h.inside[0] for h in section(tree, "table").all("th", scope="col")}
    assert {column.title for column in (MEASURES | COSTS).values()} <= heads


def test_the_page_needs_nothing_from_elsewhere(page) -> None:
    tree, text = page
    for node in tree.all("*"):
        for key in ("src", "href", "xlink:href", "srcset", "action", "data", "poster"):
            assert re.match(r"data:|#|$", node.attributes.get(key, "")), (node.name, node.attributes[key][:60])
    assert not re.search(r"url\(|@import|https?:|//[a-z]+\.", text.replace("// Tables", ""))
    assert [s.text() for s in tree.all("script")] == [" ".join(SCRIPT[8:-9].split())]
    assert not list(tree.all("link"))


def test_everything_pointed_at_is_there_and_once(page) -> None:
    tree, text = page
    identities = [n.attributes["id"] for n in tree.all("*") if "id" in n.attributes]
    assert len(identities) == len(set(identities))
    pointed = {n.attributes["href"][1:] for n in tree.all("*") if n.attributes.get("href", "").startswith("#")}
    assert pointed <= set(identities)
    assert set(re.findall(r":has\(#([\w-]+):", text)) <= set(identities)


def test_it_can_be_read_without_seeing_it(page) -> None:
    tree, _ = page
    assert all(image.attributes["alt"] for image in tree.all("img"))
    for drawing in tree.all("svg"):
        assert drawing.attributes.get("aria-label") or drawing.attributes.get("aria-hidden") == "true"
    assert all(head.attributes["scope"] in ("col", "row") for head in tree.all("th"))
    levels = [int(n.name[1]) for n in tree.all("*") if re.fullmatch("h[1-6]", n.name)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))
    assert tree.one("html").attributes["lang"] == "en"


def test_each_section_says_what_one_sees(page) -> None:
    tree, _ = page
    for identity in SECTIONS:
        told = next(section(tree, identity).all("p", **{"class": "how"})).text()
        assert len(re.findall(r"[.?](?: |$)", told)) >= 2 or ";" in told, identity


def test_boxes_hide_models_and_data_without_a_script(page) -> None:
    tree, text = page
    for i in range(len(CHOSEN)):
        assert f":root:has(#show-v{i}:not(:checked)) .v{i}{{display:none}}" in text
        assert len(list(tree.all("*", **{"class": f"v{i}"}))) > 20
    assert ":root:has(#only-d1:checked) .d:not(.d1){display:none}" in text
    assert "checked" in next(n for n in tree.all("input") if n.attributes["id"] == "every").attributes


def test_hostile_words_are_only_words(tmp_path) -> None:
    bad = "<script>alert(1)</script>\"'&</style></td>"
    made = [Variant(v.name, bad + str(i), {}, v.factors, bad) for i, v in enumerate(CHOSEN[:4])]
    claims = [Claim("mse", made[0].name, made[1].name, "lower", bad)]
    grid = dataclasses.replace(fake.design(made, claims=claims), title=bad, measures=("mse", "nll"))
    out = tmp_path / "out"
    fake.make(out, grid, side=SIDE)
    file = out / "cells" / "mnist" / made[0].name / "seed-0" / "result.json"
    table = json.loads(file.read_text())
    table["curve"][bad] = table["curve"]["elbo"]
    table["cost"] |= {"precision": bad, "threads": bad, "energy": bad}
    file.write_text(json.dumps(table))
    for seed in range(3):
        fake.fail(out, f"fashion/{made[1].name}/seed-{seed}", bad)
    tree, text = report(out)
    assert "<script>alert" not in text
    assert "</script>\"'" not in text
    assert len(list(tree.all("script"))) == 1
    said = tree.text()
    assert said.count(" ".join(bad.split())) > 60
    for identity in ("table", "expectations", "curves", "setting"):
        assert bad in section(tree, identity).text(), identity


def test_expectations_stand_beside_what_happened(page, content) -> None:
    tree, _ = page
    told = section(tree, "expectations").text()
    judged = content.judgements
    assert {(j.expectation.claim.about, j.data) for j in judged} == {("mmd_prior", d) for d in DATA}
    assert "MMD² to prior lower than 0.98 times that of VAE, weight 1, 2 latents" in told
    assert "The penalty asks for nothing else." in told
    assert "before the run" in told
    assert fake.WORDS in told
    counts = [sum(j.verdict == kind for j in judged) for kind in ("held", "did not hold", "not decided")]
    assert f"Of 2 claims, {counts[0]} held, {counts[1]} did not, {counts[2]} are not decided" in told
    for j in judged:
        assert f"{j.verdict} on {data_title(j.data)}" in told


def test_findings_are_those_that_intervals_support(page, content) -> None:
    tree, _ = page
    found = supported(content)
    assert 0 < len(found) < len(content.effects)
    for effect in found:
        first, second = decided(effect)
        assert (first and effect.first.low * effect.first.high > 0) or (
            second and effect.second.low * effect.second.high > 0
        )
    shown = [r for r in section(tree, "findings").all("tr") if list(r.all("td"))]
    assert len(shown) == len(found)
    titles = [h.text() for h in section(tree, "findings").all("h3")]
    assert set(titles) == {scope(e) for e in found}
    assert any("where none is decided" in t for t in titles)


def effect(first: float, second: float, p: tuple[float, float, float]) -> Effect:
    """An effect of the given size in two families, with adjusted p-values."""
    of = [Interval(m, m - 0.5, m + 0.5, 0.01, 3) for m in (first, second, first - second)]
    return Effect("mnist", "mse", "warm_up", "off", "on", ("vae", "wae"), *of, pairs=2, adjusted_p=p)


def test_an_effect_is_decided_by_its_adjusted_p_value_too() -> None:
    assert decided(effect(2, -2, (0.01, 0.2, 0.01))) == (1, 0)
    assert decided(effect(2, -2, (0.2, 0.01, 0.01))) == (0, -1)
    assert decided(effect(0.1, -2, (0.01, 0.01, 0.01))) == (0, -1)
    said = sentence(effect(2, 2, (0.01, 0.01, 1.0)))
    assert said == "Warm up on instead of off raises MSE in vae and in wae."


@pytest.mark.parametrize(
    ("case", "words"),
    [
        (effect(2, 2, (0.01, 0.01, 1.0)), "in vae and wae alike"),
        (effect(2, -2, (0.01, 0.01, 0.01)), "opposite in vae and wae"),
        (effect(2, 0, (0.01, 1.0, 0.01)), "more in vae than in wae, where none is decided"),
        (effect(0, 2, (1.0, 0.01, 0.01)), "more in wae than in vae, where none is decided"),
        (effect(2, 2, (0.01, 0.2, 1.0)), "in vae; in wae it is not decided"),
    ],
)
def test_it_says_for_which_kind_of_model_an_effect_holds(case, words) -> None:
    assert scope(case) == words


def test_the_choice_follows_the_rule(tmp_path) -> None:
    table = {"a": [1.0, 1.1, 1.2], "b": [2.0, 2.1, 2.2], "c": [2.0, 2.3, 2.0], "d": [3.0, 3.1, 3.2]}
    results = of_measure(tmp_path, table)
    for measure in ("frechet_mixture", "mmd_prior"):
        for name in table:
            for seed in range(3):
                file = results.out / "cells" / "mnist" / name / f"seed-{seed}" / "result.json"
                told = json.loads(file.read_text())
                told["measures"][measure] = None if name == "d" and measure == "mmd_prior" else 1.0
                told["cost"]["cpu_seconds"] = {"a": 9.0, "b": 8.0, "c": 7.0, "d": 1.0}[name]
                file.write_text(json.dumps(told))
    found = candidates(Results.read(results.out))
    assert [c.variant for c in found] == ["a", "c", "b"]  # d lacks a measure; b and c are equals, c was cheaper
    assert [c.places["mnist", "mse"] for c in found] == [1, 2, 2]
    assert [c.total for c in found] == [3, 4, 4]
    assert [c.variant for c in chosen(found)] == ["a", "c"]
    tree, _ = report(results.out)
    starred = [r.one("th").text() for r in section(tree, "choice").all("tr") if list(r.all("td", **{"class": "best"}))]
    assert starred == ["1 a", "3 c"]


def test_it_says_how_to_get_it_again(page, folder) -> None:
    tree, _ = page
    told = section(tree, "setting").text()
    assert re.search(
        r"timbrespace bench autoencoders \S*images\.toml --data mnist --data fashion --seeds 3 -o \S*/out\b", told
    )
    assert re.search(r"torch \d", told)
    assert "threads 1" in told
    assert "precision float32" in told
    assert "energy unvalidated" in told


def test_a_benchmark_before_its_first_result(tmp_path) -> None:
    out = tmp_path / "out"
    fake.make(out, fake.design(CHOSEN), side=SIDE, drawn=False)
    for file in out.glob("cells/*/*/*/result.json"):
        file.unlink()
    tree, _ = report(out)
    assert "0 of 36 trainings are finished" in section(tree, "short").text()
    assert section(tree, "table").text().count("Not trained yet.") == 4 * 2 * len(CHOSEN)
    for identity, words in {
        "findings": "No difference has an interval",
        "curves": "No training has left a learning curve yet.",
        "reconstructions": "No model has left pictures of test images yet.",
        "samples": "Not trained yet.",
        "manifold": "No finished model has two latents.",
        "maps": "Not trained yet.",
        "kl": "No model has left its KL per dimension.",
        "scatter": "Fewer than three finished models",
        "choice": "No model is chosen yet",
        "setting": "nothing recorded yet",
    }.items():
        assert words in section(tree, identity).text(), identity
    assert "not decided" in section(tree, "expectations").text()


def test_a_half_finished_benchmark_says_what_is_missing(copy) -> None:
    names = [v.name for v in CHOSEN]
    shutil.rmtree(copy / "cells" / "mnist" / names[0])
    for seed in range(3):
        fake.fail(copy, f"fashion/{names[1]}/seed-{seed}", "Five steps in a row were not finite.")
    shutil.rmtree(copy / "cells" / "mnist" / names[2] / "seed-1")
    (copy / "cells" / "mnist" / names[3] / "seed-0" / "pictures.safetensors").unlink()
    for seed in range(3):
        (copy / "cells" / "fashion" / names[3] / f"seed-{seed}" / "pictures.safetensors").write_bytes(b"torn")
    tree, _ = report(copy)
    assert "17 of 24 trainings are finished" in section(tree, "short").text()
    assert "3 trainings failed" in section(tree, "short").text()
    mnist, fashion = rows(tree, "Copying", "mnist"), rows(tree, "Copying", "fashion")
    assert "Not trained yet." in mnist[0]["Reconstruction"].text()
    assert "Five steps in a row were not finite." in fashion[1]["Reconstruction"].text()
    assert "2 of 3 seeds" in mnist[2]["model"].text()
    samples = section(tree, "samples")
    assert "Not trained yet." in samples.one("div", **{"class": "d0"}).one("article", **{"class": "v0"}).text()
    assert "Failed: Five steps" in samples.one("div", **{"class": "d1"}).one("article", **{"class": "v1"}).text()
    assert len(list(samples.one("div", **{"class": "d0"}).one("article", **{"class": "v3"}).all("img"))) == 2  # seed 1
    assert "not there" in samples.one("div", **{"class": "d1"}).one("article", **{"class": "v3"}).text()
    assert "seeds 0, 1" in section(tree, "reconstructions").text()
    assert f"fashion/{names[1]}/seed-2" in section(tree, "setting").text()


def test_pictures_may_lack_any_part(copy) -> None:
    for i, file in enumerate(sorted(copy.glob("cells/mnist/*/seed-*/pictures.safetensors"))):
        arrays = load_file(file)
        for name in list(arrays)[i % 3 :: 3]:
            del arrays[name]
        save_file(arrays, file)
    tree, _ = report(copy)
    assert len(list(section(tree, "traversals").all("article"))) == 2 * 4


def test_codes_of_any_shape_have_a_map(copy) -> None:
    shapes = [(40, 1), (40, 3, 5), (0, 4), (40, 4)]
    for variant, shape in zip(CHOSEN[:4], shapes, strict=True):
        file = copy / "cells" / "mnist" / variant.name / "seed-0" / "pictures.safetensors"
        arrays = load_file(file)
        for part in ("train", "test"):
            arrays[f"latents_{part}"] = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
            arrays[f"labels_{part}"] = np.arange(shape[0]) % 10
        if variant is CHOSEN[3]:
            arrays["latents_test"][7, 1] = np.nan
        save_file(arrays, file)
    tree, _ = report(copy)
    cards = list(section(tree, "maps").one("div", **{"class": "d0"}).all("article"))
    assert "nan" not in str(cards)
    assert [len(list(card.all("svg"))) for card in cards] == [2, 2, 0, 0]
    assert "two widest directions of 15 latents" in cards[1].text()
    assert all("not all finite numbers" in card.text() for card in cards[2:])


def test_what_is_no_benchmark_is_refused(tmp_path, small) -> None:
    with pytest.raises(StorageError, match="holds no benchmark"):
        write_report(tmp_path, tmp_path / "report.html")
    with pytest.raises(StorageError, match=r"does not exist; make it first"):
        write_report(small, tmp_path / "nowhere" / "report.html")
    assert list(tmp_path.iterdir()) == []


def test_the_same_folder_makes_the_same_page(small, tmp_path) -> None:
    for name in ("one", "two"):
        write_report(small, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
